ALTER TABLE campaign
    DROP COLUMN usual_hour,
    DROP COLUMN best_hour;
