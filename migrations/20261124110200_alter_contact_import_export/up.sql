ALTER TABLE contact_import DROP CONSTRAINT contact_import_state_check;
ALTER TABLE contact_import ADD CONSTRAINT contact_import_state_check
    CHECK (state IN ('uploaded', 'checking', 'checked', 'running', 'done', 'failed', 'cancelled'));
COMMENT ON COLUMN contact_import.plan IS 'How the file is read and what becomes of its columns, as a person decided it; null until then.';
COMMENT ON COLUMN contact_import.rejected_file_id IS 'Rows that were refused, as a file to mend and import again; of the last check or run.';
COMMENT ON COLUMN contact_import.preview IS 'First rows of the file: emptied when the file expires.';
CREATE INDEX contact_import_file_idx ON contact_import (tenant_id, file_id);

ALTER TABLE contact_export ADD COLUMN filename text NOT NULL DEFAULT '';
ALTER TABLE contact_export ADD COLUMN replaced_characters bigint;
COMMENT ON COLUMN contact_export.replaced_characters IS
    'Characters that the encoding of the file cannot hold, written as &#…; references.';
