ALTER TABLE sequence_step ADD COLUMN relook boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN sequence_step.relook IS
    'Its time was changed, or it was removed: who stands at it is to be looked at anew (by a mailer, in chunks).';
CREATE INDEX sequence_step_relook_idx ON sequence_step (tenant_id, sequence_id) WHERE relook;
