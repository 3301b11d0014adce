DROP TABLE dkim_key, sender_domain, route;
