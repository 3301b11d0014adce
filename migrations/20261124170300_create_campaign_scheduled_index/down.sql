DROP INDEX campaign_scheduled_idx;
