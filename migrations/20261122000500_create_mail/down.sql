DROP TABLE mail_preview;
DROP TABLE block, template, mail_version, mail;
