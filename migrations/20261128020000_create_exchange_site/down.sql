DROP TABLE exchange_site;
