DROP TABLE block, template, mail_version, mail;
