ALTER TABLE campaign
    ADD COLUMN best_hour boolean NOT NULL DEFAULT false,
    ADD COLUMN usual_hour smallint CHECK (usual_hour BETWEEN 0 AND 23);
COMMENT ON COLUMN campaign.best_hour IS
    'Each person gets it at the hour of the day at which they opened most often, within 24 hours of the start.';
COMMENT ON COLUMN campaign.usual_hour IS
    'Of a campaign with best_hour: the hour of those who opened too little, seen at the start over the last campaigns. NULL: at once.';
