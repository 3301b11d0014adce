-- Deleting a tenant, with proof. The certificate outlives the tenant.
CREATE TABLE tenant_erasure (
    id uuid PRIMARY KEY,
    company_id uuid NOT NULL,
    company_name text NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    cancelled_at timestamptz,
    started_at timestamptz,
    leased_until timestamptz,
    counts jsonb NOT NULL DEFAULT '{}',
    finished_at timestamptz,
    certificate text,
    hash bytea CHECK (length(hash) = 32),
    signature bytea
);
COMMENT ON TABLE tenant_erasure IS 'Erasures of tenants: asked for, waiting, under way, done. Stays for ever, as the proof.';
COMMENT ON COLUMN tenant_erasure.company_id IS 'The tenant. Not called tenant_id, because it is not erased with the tenant.';
COMMENT ON COLUMN tenant_erasure.counts IS 'Rows deleted so far, by table.';
COMMENT ON COLUMN tenant_erasure.certificate IS 'The text that was signed (JSON), byte by byte.';
COMMENT ON COLUMN tenant_erasure.signature IS 'Ed25519 over the certificate''s SHA-256 (hash).';
CREATE UNIQUE INDEX tenant_erasure_open_idx ON tenant_erasure (company_id) WHERE cancelled_at IS NULL AND finished_at IS NULL;
CREATE INDEX tenant_erasure_recent_idx ON tenant_erasure (requested_at, id);
GRANT SELECT, INSERT, UPDATE ON tenant_erasure TO kikubari_operator;

CREATE FUNCTION tenant_tables() RETURNS text[]
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
    AS $$
DECLARE
    rest oid[];
    next oid;
    ordered text[] := '{}';
BEGIN
    SELECT array_agg(c.oid ORDER BY c.relname) INTO rest
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition;
    -- A table goes when no other that is left refers to it; a circle is broken at its first.
    WHILE cardinality(rest) > 0 LOOP
        SELECT t INTO next FROM unnest(rest) WITH ORDINALITY AS candidate (t, place)
        ORDER BY EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.confrelid = t AND k.conrelid <> t
                         AND k.conrelid = ANY (rest)), place LIMIT 1;
        ordered := ordered || (SELECT relname::text FROM pg_class WHERE oid = next);
        rest := array_remove(rest, next);
    END LOOP;
    RETURN ordered;
END $$;
COMMENT ON FUNCTION tenant_tables() IS
    'Every table with a tenant_id, found in the catalogue, those that refer to others before those that they refer to.';

CREATE FUNCTION erase_tenant_rows(company uuid, target text, most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
DECLARE
    key text;
    leaf text;
    gone bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM public.tenant_erasure e WHERE e.company_id = company
                   AND e.started_at IS NOT NULL AND e.finished_at IS NULL AND e.cancelled_at IS NULL) THEN
        RAISE EXCEPTION 'no erasure of % is under way', company;
    END IF;
    IF most NOT BETWEEN 1 AND 50000 OR NOT target = ANY (public.tenant_tables()) THEN
        RAISE EXCEPTION 'not to be erased from: %, % rows', target, most;
    END IF;
    -- Ends with the transaction; row level security holds for this function's owner too.
    PERFORM set_config('kikubari.tenant', company::text, true);
    PERFORM FROM public.tenant WHERE id = company AND state = 'erasing';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'tenant % is not in state erasing', company;
    END IF;
    SELECT string_agg(format('%I', a.attname), ', ') INTO STRICT key
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = format('public.%I', target)::regclass AND i.indisprimary;
    -- Rows that others of the same table refer to (a folder with folders) go after those.
    SELECT coalesce(string_agg(format(' AND NOT EXISTS (SELECT FROM public.%I child WHERE %s)', target, matches), ''), '') INTO leaf
    FROM (SELECT (SELECT string_agg(format('child.%I = own.%I', c.attname, p.attname), ' AND ')
                  FROM unnest(k.conkey, k.confkey) AS pair (child, parent)
                  JOIN pg_attribute c ON c.attrelid = k.conrelid AND c.attnum = pair.child
                  JOIN pg_attribute p ON p.attrelid = k.conrelid AND p.attnum = pair.parent) AS matches
          FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = format('public.%I', target)::regclass
            AND k.confrelid = k.conrelid) AS own_references;
    EXECUTE format('DELETE FROM public.%1$I WHERE (%2$s) IN (SELECT %2$s FROM public.%1$I own WHERE own.tenant_id = $1%3$s LIMIT $2)',
        target, key, leaf) USING company, most;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
COMMENT ON FUNCTION erase_tenant_rows(uuid, text, integer) IS
    'Deletes up to so many rows of a tenant whose erasure is under way from one of tenant_tables(); answers how many. With the owner''s rights, since no program may delete them otherwise.';

CREATE FUNCTION erase_tenant(company uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
DECLARE
    target text;
    rows_left boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM public.tenant_erasure e WHERE e.company_id = company
                   AND e.started_at IS NOT NULL AND e.finished_at IS NULL AND e.cancelled_at IS NULL) THEN
        RAISE EXCEPTION 'no erasure of % is under way', company;
    END IF;
    PERFORM set_config('kikubari.tenant', company::text, true);
    -- Nobody adds a row from here on: each refers to the tenant.
    PERFORM FROM public.tenant WHERE id = company AND state = 'erasing' FOR UPDATE;
    FOREACH target IN ARRAY public.tenant_tables() LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE tenant_id = $1)', target) INTO rows_left USING company;
        IF rows_left THEN
            RETURN false;
        END IF;
    END LOOP;
    DELETE FROM public.tenant WHERE id = company AND state = 'erasing';
    RETURN true;
END $$;
COMMENT ON FUNCTION erase_tenant(uuid) IS
    'The last step: looks into every table, and deletes the tenant itself when none holds a row of it; answers whether.';

REVOKE EXECUTE ON FUNCTION tenant_tables(), erase_tenant_rows(uuid, text, integer), erase_tenant(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant_tables(), erase_tenant_rows(uuid, text, integer), erase_tenant(uuid) TO kikubari_operator;
