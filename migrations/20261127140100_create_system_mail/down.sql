DROP TABLE system_mail_queue, system_mail;
