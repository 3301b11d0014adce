ALTER TABLE event ADD COLUMN machine_rule text CHECK (machine_rule IS NULL OR (machine AND machine_rule IN (
    'head_request', 'prefetch', 'no_user_agent', 'privacy_proxy', 'known_program', 'many_links')));
COMMENT ON COLUMN event.machine_rule IS 'By which rule it is a machine''s; NULL: a person''s, or of before rules were kept.';
