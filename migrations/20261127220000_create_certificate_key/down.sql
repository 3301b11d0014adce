DROP TABLE certificate_key;
