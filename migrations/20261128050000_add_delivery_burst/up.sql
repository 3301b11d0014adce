ALTER TABLE delivery ADD COLUMN burst tstzrange;
COMMENT ON COLUMN delivery.burst IS
    'When a scanner last followed the links of this mail: opens that lie within are its own. So an open is judged by the row that it marks, without a look at other events.';
