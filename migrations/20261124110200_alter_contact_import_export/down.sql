ALTER TABLE contact_export DROP COLUMN replaced_characters;
ALTER TABLE contact_export DROP COLUMN filename;
DROP INDEX contact_import_file_idx;
COMMENT ON COLUMN contact_import.preview IS NULL;
COMMENT ON COLUMN contact_import.rejected_file_id IS NULL;
COMMENT ON COLUMN contact_import.plan IS NULL;
UPDATE contact_import SET state = 'uploaded' WHERE state = 'checking';
ALTER TABLE contact_import DROP CONSTRAINT contact_import_state_check;
ALTER TABLE contact_import ADD CONSTRAINT contact_import_state_check
    CHECK (state IN ('uploaded', 'checked', 'running', 'done', 'failed', 'cancelled'));
