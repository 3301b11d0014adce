DROP TABLE used_challenge;
