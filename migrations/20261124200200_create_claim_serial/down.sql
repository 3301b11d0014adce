DROP FUNCTION notice_restore(bigint);
DROP SEQUENCE claim_serial;
