ALTER TABLE job_queue ADD COLUMN lease_owner uuid;
COMMENT ON COLUMN job_queue.lease_owner IS
    'The worker that has the job in hand until leased_until; each of its writes checks that it still has.';
COMMENT ON COLUMN job_queue.attempts IS 'Leases since the job last got on; a job that never does is given up.';
CREATE INDEX job_finished_idx ON job (tenant_id, finished_at) WHERE finished_at IS NOT NULL;
