ALTER TABLE installation ADD COLUMN uid uuid NOT NULL DEFAULT gen_random_uuid();
COMMENT ON COLUMN installation.uid IS
    'Tells the files that a mailer keeps beside the database (journal, high-water mark) apart from those of another installation.';
