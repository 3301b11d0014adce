ALTER TABLE sender_domain
    DROP COLUMN spf_state, DROP COLUMN spf_found, DROP COLUMN dmarc_state, DROP COLUMN dmarc_found, DROP COLUMN checked_at;
