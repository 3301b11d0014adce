ALTER TABLE send_queue DROP COLUMN release, DROP COLUMN limits_changed_at;
DROP TABLE send_slowdown;
DROP TABLE send_limit;
