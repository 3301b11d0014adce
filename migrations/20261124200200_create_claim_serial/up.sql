CREATE SEQUENCE claim_serial;
COMMENT ON SEQUENCE claim_serial IS
    'Drawn at each claim and remembered by the mailers beside the database: one that is behind what they remember was restored from an older backup.';
-- So that last_value says at once what was drawn last.
SELECT nextval('claim_serial');
GRANT USAGE ON SEQUENCE claim_serial TO kikubari_app;

CREATE FUNCTION notice_restore(remembered bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
BEGIN
    IF remembered <= (SELECT last_value FROM claim_serial) THEN
        RETURN false;
    END IF;
    -- One at a time: of two mailers that notice, one begins the epoch.
    PERFORM FROM installation FOR UPDATE;
    IF remembered <= (SELECT last_value FROM claim_serial) THEN
        RETURN false;
    END IF;
    PERFORM setval('claim_serial', remembered);
    UPDATE installation SET epoch = epoch + 1;
    RETURN true;
END $$;
COMMENT ON FUNCTION notice_restore(bigint) IS
    'Begins a new epoch when this database is older than what a mailer remembers of it; answers whether.';
REVOKE EXECUTE ON FUNCTION notice_restore(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notice_restore(bigint) TO kikubari_app;
