ALTER TABLE delivery DROP COLUMN burst;
