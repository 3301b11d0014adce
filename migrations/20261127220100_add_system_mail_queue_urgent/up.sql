ALTER TABLE system_mail_queue ADD COLUMN urgent boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN system_mail_queue.urgent IS 'A link that somebody asked for and waits for: before everything else that is due.';
