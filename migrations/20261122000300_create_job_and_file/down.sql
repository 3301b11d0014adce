DROP TABLE outbox, file_chunk, file, job_queue, job;
