DROP FUNCTION forget_access_entries(integer, integer);
DROP TABLE access_entry;
