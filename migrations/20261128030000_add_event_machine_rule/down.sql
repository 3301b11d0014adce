ALTER TABLE event DROP COLUMN machine_rule;
