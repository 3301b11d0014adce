DROP FUNCTION make_partitions(integer);
DROP TABLE event, link, delivery, send_queue, campaign_counter, campaign;
