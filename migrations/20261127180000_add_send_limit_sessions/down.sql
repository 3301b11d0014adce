DROP TABLE send_session;
ALTER TABLE send_limit DROP COLUMN session_micros, DROP COLUMN max_sessions;
