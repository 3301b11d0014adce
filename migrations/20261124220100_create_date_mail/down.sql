DROP INDEX campaign_date_mail_idx;
ALTER TABLE campaign
    DROP COLUMN on_day,
    DROP COLUMN date_mail_id;
DROP TABLE date_mail;
