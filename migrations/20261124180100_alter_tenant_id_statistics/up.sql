-- Statistics of tenant_id list the tenants that were there at the last ANALYZE.
-- Where those are few, a tenant who came since is believed to have no row, and
-- its first hundred thousand people are joined by loops made for one. Without
-- them every tenant is believed to have an even share, which no plan of ours
-- minds.
ALTER TABLE contact ALTER tenant_id SET STATISTICS 0;
ALTER TABLE contact_unique_value ALTER tenant_id SET STATISTICS 0;
ALTER TABLE consent ALTER tenant_id SET STATISTICS 0;
ALTER TABLE subscription ALTER tenant_id SET STATISTICS 0;
ALTER TABLE suppression ALTER tenant_id SET STATISTICS 0;
