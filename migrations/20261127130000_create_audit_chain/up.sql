-- The trace becomes a chain: each entry is followed by a link that holds its
-- number and SHA-256(hash of the link before || the entry as text). See
-- docs/decisions/0038.
--
-- The links stand in a table of their own, so that an entry is written once
-- and never again: a number in its own row would be an UPDATE, and each of
-- its indexes would be written twice.
CREATE TABLE audit_link (
    tenant_id uuid NOT NULL REFERENCES tenant ON DELETE CASCADE,
    number bigint NOT NULL CHECK (number > 0),
    entry_id uuid NOT NULL,
    salt bytea CHECK (length(salt) = 16),
    details bytea NOT NULL CHECK (length(details) = 32),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (tenant_id, number),
    UNIQUE (tenant_id, entry_id)
);
COMMENT ON TABLE audit_link IS
    'The chain of a tenant''s audit entries, without gaps in the order in which their transactions ended. Written by a trigger only.';
COMMENT ON COLUMN audit_link.details IS
    'SHA-256 of the salt and what the entry says of before and after. The chain holds this instead of them, so that the law''s erasure of a person leaves it whole.';
COMMENT ON COLUMN audit_link.salt IS
    'Random, so that nobody guesses from details what an erased entry said; NULL once it was erased.';
COMMENT ON COLUMN audit_link.hash IS
    'SHA-256 of the hash before it (32 zero bytes before the first) followed by the entry as a JSON array: see audit_hash.';

CREATE TABLE audit_head (
    tenant_id uuid PRIMARY KEY REFERENCES tenant ON DELETE CASCADE,
    number bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32)
) WITH (fillfactor = 50);
COMMENT ON TABLE audit_head IS
    'The last link of each tenant: the lock that gives numbers out, and what a backup notes outside, so that a cut tail is seen.';

CALL protect_tenant_table('audit_link');
CALL protect_tenant_table('audit_head');
REVOKE INSERT, UPDATE, DELETE ON audit_link, audit_head FROM kikubari_app;

-- The time of an entry is the database's, not the application's to choose.
REVOKE INSERT ON audit_entry FROM kikubari_app;
GRANT INSERT (tenant_id, id, actor_kind, actor_id, action, subject_kind, subject_id, before, after, ip, request_id)
    ON audit_entry TO kikubari_app;
-- Deleting the tenant would delete its trace, links and all, by the foreign keys.
REVOKE DELETE ON tenant FROM kikubari_app;

CREATE FUNCTION audit_details(salt bytea, entry audit_entry) RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
    SELECT pg_catalog.sha256(salt || pg_catalog.convert_to(pg_catalog.jsonb_build_array(entry.before, entry.after)::pg_catalog.text, 'UTF8'))
$$;

CREATE FUNCTION audit_hash(previous bytea, place bigint, entry audit_entry, details bytea) RETURNS bytea
    LANGUAGE sql STABLE
    AS $$
    SELECT pg_catalog.sha256(previous || pg_catalog.convert_to(pg_catalog.jsonb_build_array(
        entry.tenant_id, place, entry.id, entry.at AT TIME ZONE 'UTC', entry.actor_kind, entry.actor_id, entry.action,
        entry.subject_kind, entry.subject_id, pg_catalog.encode(details, 'hex'), entry.ip, entry.request_id
    )::pg_catalog.text, 'UTF8'))
$$;
COMMENT ON FUNCTION audit_hash(bytea, bigint, audit_entry, bytea) IS
    'Hash of a link. A verifier must not call it, but make the array by itself: whoever can edit entries can edit this.';

-- With the owner's rights, which the application lacks. Its path is fixed, so
-- that no table or operator of the caller's is taken for one of these.
CREATE FUNCTION chain_audit_entry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    place bigint;
    previous bytea;
    own bytea;
    new_salt bytea := uuid_send(gen_random_uuid());
    new_details bytea := public.audit_details(new_salt, NEW);
BEGIN
    IF TG_RELID <> 'public.audit_entry'::regclass THEN
        RAISE EXCEPTION 'chain_audit_entry belongs to audit_entry';
    END IF;
    LOOP
        -- Under the lock it is read as the last commit left it.
        SELECT head.number + 1, head.hash INTO place, previous
        FROM public.audit_head AS head WHERE head.tenant_id = NEW.tenant_id FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO public.audit_head (tenant_id, number, hash) VALUES (NEW.tenant_id, 0, decode(repeat('00', 32), 'hex'))
        ON CONFLICT DO NOTHING;
    END LOOP;
    own := public.audit_hash(previous, place, NEW, new_details);
    INSERT INTO public.audit_link (tenant_id, number, entry_id, salt, details, hash)
    VALUES (NEW.tenant_id, place, NEW.id, new_salt, new_details, own);
    UPDATE public.audit_head SET number = place, hash = own WHERE tenant_id = NEW.tenant_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION chain_audit_entry() IS
    'Links an audit entry at the end of its transaction, so that the tenant''s head is locked for the length of a commit only.';
-- Otherwise the application could hang it onto a temporary table of its own, and move the head.
REVOKE EXECUTE ON FUNCTION chain_audit_entry() FROM PUBLIC;

CREATE CONSTRAINT TRIGGER audit_entry_chain AFTER INSERT ON audit_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chain_audit_entry();

-- Erasure of a person empties before and after of entries, as the owner.
CREATE FUNCTION forget_audit_salt() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE public.audit_link SET salt = NULL WHERE tenant_id = NEW.tenant_id AND entry_id = NEW.id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION forget_audit_salt() IS
    'An entry that says nothing of before and after any more is marked as erased: a verification counts it.';
REVOKE EXECUTE ON FUNCTION forget_audit_salt() FROM PUBLIC;
CREATE TRIGGER audit_entry_erased AFTER UPDATE OF before, after ON audit_entry FOR EACH ROW
    WHEN (NEW.before IS NULL AND NEW.after IS NULL) EXECUTE FUNCTION forget_audit_salt();

-- What is there already, by time. Row level security is forced on the owner too, unless it is a superuser.
ALTER TABLE audit_entry NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_link NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_head NO FORCE ROW LEVEL SECURITY;
DO $$
DECLARE
    entry audit_entry;
    owner uuid;
    place bigint;
    own bytea;
    new_salt bytea;
    new_details bytea;
BEGIN
    FOR entry IN SELECT * FROM audit_entry ORDER BY tenant_id, at, id LOOP
        IF entry.tenant_id IS DISTINCT FROM owner THEN
            owner := entry.tenant_id;
            place := 0;
            own := decode(repeat('00', 32), 'hex');
        END IF;
        place := place + 1;
        new_salt := uuid_send(gen_random_uuid());
        new_details := audit_details(new_salt, entry);
        own := audit_hash(own, place, entry, new_details);
        INSERT INTO audit_link (tenant_id, number, entry_id, salt, details, hash)
        VALUES (owner, place, entry.id, new_salt, new_details, own);
    END LOOP;
END $$;
INSERT INTO audit_head (tenant_id, number, hash)
SELECT DISTINCT ON (tenant_id) tenant_id, number, hash FROM audit_link ORDER BY tenant_id, number DESC;
ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_link FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_head FORCE ROW LEVEL SECURITY;

-- One index for each way to look into the trace, newest first.
CREATE INDEX audit_entry_time_idx ON audit_entry (tenant_id, at, id);
CREATE INDEX audit_entry_actor_idx ON audit_entry (tenant_id, actor_id, at, id);
CREATE INDEX audit_entry_action_idx ON audit_entry (tenant_id, action, at, id);
CREATE INDEX audit_entry_kind_idx ON audit_entry (tenant_id, subject_kind, at, id);
DROP INDEX audit_entry_subject_idx;
CREATE INDEX audit_entry_subject_idx ON audit_entry (tenant_id, subject_id, at, id);
