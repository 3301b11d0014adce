ALTER TABLE system_mail_queue DROP COLUMN urgent;
