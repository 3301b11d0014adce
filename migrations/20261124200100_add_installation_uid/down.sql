ALTER TABLE installation DROP COLUMN uid;
