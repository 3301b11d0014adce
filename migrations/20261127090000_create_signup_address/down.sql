COMMENT ON COLUMN contact.source IS 'Where the contact came from: manual, api, import:<id>, form:<id>.';
ALTER TABLE consent DROP COLUMN message_id;
DROP TABLE signup;
DROP TABLE signup_directory;
DROP TABLE signup_address_list;
DROP TABLE signup_address;
