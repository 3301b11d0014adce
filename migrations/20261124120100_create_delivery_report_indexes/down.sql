DROP INDEX campaign_started_idx, event_kind_idx, delivery_cancelled_idx, delivery_clicked_idx, delivery_opened_idx, delivery_reason_idx, delivery_state_idx;
