-- The operator's trace becomes a chain as the tenants' are (docs/decisions/0038),
-- and its time the database's. No erasure of a person reaches it, so that the
-- hash covers the details themselves.
CREATE TABLE operator_audit_link (
    number bigint PRIMARY KEY CHECK (number > 0),
    entry_id uuid NOT NULL UNIQUE,
    hash bytea NOT NULL CHECK (length(hash) = 32)
);
COMMENT ON TABLE operator_audit_link IS
    'The chain of the operator''s entries, without gaps in the order in which their transactions ended. Written by a trigger only.';
COMMENT ON COLUMN operator_audit_link.hash IS
    'SHA-256 of the hash before it (32 zero bytes before the first) followed by the entry as a JSON array: see operator_audit_hash.';

CREATE TABLE operator_audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32)
) WITH (fillfactor = 50);
COMMENT ON TABLE operator_audit_head IS
    'The last link: the lock that gives numbers out, and what a backup notes outside, so that a cut tail is seen.';

CREATE FUNCTION operator_audit_hash(previous bytea, place bigint, entry operator_audit) RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
    SELECT pg_catalog.sha256(previous || pg_catalog.convert_to(pg_catalog.jsonb_build_array(
        'operator', place, entry.id, entry.at AT TIME ZONE 'UTC', entry.operator_id, entry.operator_name, entry.action,
        entry.company_id, entry.company_name, entry.detail, entry.ip, entry.request_id
    )::pg_catalog.text, 'UTF8'))
$$;
COMMENT ON FUNCTION operator_audit_hash(bytea, bigint, operator_audit) IS
    'Hash of a link. A verifier must not call it, but make the array by itself: whoever can edit entries can edit this.';

CREATE FUNCTION chain_operator_audit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    place bigint;
    own bytea;
BEGIN
    IF TG_RELID <> 'public.operator_audit'::regclass THEN
        RAISE EXCEPTION 'chain_operator_audit belongs to operator_audit';
    END IF;
    -- Under the lock it is read as the last commit left it.
    SELECT head.number + 1, public.operator_audit_hash(head.hash, head.number + 1, NEW) INTO STRICT place, own
    FROM public.operator_audit_head AS head FOR NO KEY UPDATE;
    INSERT INTO public.operator_audit_link (number, entry_id, hash) VALUES (place, NEW.id, own);
    UPDATE public.operator_audit_head SET number = place, hash = own;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION chain_operator_audit() IS
    'Links an entry at the end of its transaction, so that the head is locked for the length of a commit only.';
REVOKE EXECUTE ON FUNCTION chain_operator_audit() FROM PUBLIC;

-- What is there already, by time.
DO $$
DECLARE
    entry operator_audit;
    place bigint := 0;
    own bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR entry IN SELECT * FROM operator_audit ORDER BY at, id LOOP
        place := place + 1;
        own := operator_audit_hash(own, place, entry);
        INSERT INTO operator_audit_link (number, entry_id, hash) VALUES (place, entry.id, own);
    END LOOP;
    INSERT INTO operator_audit_head (number, hash) VALUES (place, own);
END $$;

CREATE CONSTRAINT TRIGGER operator_audit_chain AFTER INSERT ON operator_audit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chain_operator_audit();

GRANT SELECT ON operator_audit_link, operator_audit_head TO kikubari_operator;
REVOKE INSERT ON operator_audit FROM kikubari_operator;
GRANT INSERT (id, operator_id, operator_name, action, company_id, company_name, detail, ip, request_id)
    ON operator_audit TO kikubari_operator;
-- How many refusals of a person the last hour holds.
CREATE INDEX operator_audit_refused_idx ON operator_audit (operator_id, at) 
    WHERE action IN ('operator.log_in_refused', 'operator.code_refused');

-- When a person last proved who they are by the app, for what can't be taken back.
ALTER TABLE operator_session ADD COLUMN proven_at timestamptz;
COMMENT ON COLUMN operator_session.proven_at IS 'When a code of the app last counted in this session.';
UPDATE operator_session SET proven_at = created_at WHERE stage = 'open';
