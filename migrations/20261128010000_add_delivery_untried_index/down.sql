DROP INDEX delivery_untried_idx;
