DROP INDEX consent_address_idx;
DROP FUNCTION erase_audit_details(uuid);
DROP FUNCTION erase_consents(uuid);
DROP TABLE erasure;
