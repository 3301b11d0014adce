DROP INDEX job_finished_idx;
ALTER TABLE job_queue DROP COLUMN lease_owner;
COMMENT ON COLUMN job_queue.attempts IS NULL;
