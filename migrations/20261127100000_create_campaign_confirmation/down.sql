DROP TABLE campaign_confirmation;
