DROP INDEX sequence_step_relook_idx;
ALTER TABLE sequence_step DROP COLUMN relook;
