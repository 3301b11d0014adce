ALTER TABLE suppression ALTER tenant_id SET STATISTICS -1;
ALTER TABLE subscription ALTER tenant_id SET STATISTICS -1;
ALTER TABLE consent ALTER tenant_id SET STATISTICS -1;
ALTER TABLE contact_unique_value ALTER tenant_id SET STATISTICS -1;
ALTER TABLE contact ALTER tenant_id SET STATISTICS -1;
