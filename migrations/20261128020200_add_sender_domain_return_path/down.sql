ALTER TABLE sender_domain
    DROP COLUMN host_found,
    DROP COLUMN host_state,
    DROP COLUMN return_path_found,
    DROP COLUMN return_path_state,
    DROP COLUMN return_path_label;
