// @generated automatically by Diesel CLI.

diesel::table! {
    ab_test (tenant_id, campaign_id) {
        tenant_id -> Uuid,
        campaign_id -> Uuid,
        share -> Int2,
        metric -> Text,
        decision -> Text,
        wait_minutes -> Int4,
        dealt -> Int8,
        out_at -> Nullable<Timestamptz>,
        decided_at -> Nullable<Timestamptz>,
        decided_by -> Nullable<Uuid>,
        decided_how -> Nullable<Text>,
        winner -> Nullable<Int2>,
    }
}

diesel::table! {
    access_entry (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        operation -> Text,
        subject_kind -> Text,
        subject_id -> Nullable<Uuid>,
        query -> Nullable<Text>,
        ip -> Nullable<Inet>,
        request_id -> Nullable<Text>,
    }
}

diesel::table! {
    api_token (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        scopes -> Array<Nullable<Text>>,
        allowed_ips -> Array<Nullable<Inet>>,
        secret_hash -> Bytea,
        old_secret_hash -> Nullable<Bytea>,
        old_secret_until -> Nullable<Timestamptz>,
        generation -> Int4,
        secret_end -> Text,
        secret_made_at -> Timestamptz,
        expires_at -> Timestamptz,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
        last_used_ip -> Nullable<Inet>,
        revoked_at -> Nullable<Timestamptz>,
        version -> Int4,
        end_notice -> Nullable<Int2>,
    }
}

diesel::table! {
    audit_entry (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        action -> Text,
        subject_kind -> Text,
        subject_id -> Nullable<Uuid>,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
        ip -> Nullable<Inet>,
        request_id -> Nullable<Text>,
    }
}

diesel::table! {
    audit_head (tenant_id) {
        tenant_id -> Uuid,
        number -> Int8,
        hash -> Bytea,
    }
}

diesel::table! {
    audit_link (tenant_id, number) {
        tenant_id -> Uuid,
        number -> Int8,
        entry_id -> Uuid,
        salt -> Nullable<Bytea>,
        details -> Bytea,
        hash -> Bytea,
    }
}

diesel::table! {
    block (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        key -> Text,
        name -> Text,
        text_part -> Text,
        html_part -> Text,
        version -> Int4,
        updated_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    campaign (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        name -> Text,
        mail_id -> Nullable<Uuid>,
        mail_number -> Nullable<Int4>,
        audience -> Jsonb,
        route_id -> Nullable<Uuid>,
        state -> Text,
        state_reason -> Nullable<Text>,
        scheduled_at -> Nullable<Timestamptz>,
        time_zone -> Text,
        period -> Nullable<Date>,
        epoch -> Nullable<Int8>,
        prepared_upto -> Nullable<Uuid>,
        prepared_at -> Nullable<Timestamptz>,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        version -> Int4,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        hours -> Text,
        send_from -> Nullable<Time>,
        send_until -> Nullable<Time>,
        date_mail_id -> Nullable<Uuid>,
        on_day -> Nullable<Date>,
        sequence_id -> Nullable<Uuid>,
        sequence_step_id -> Nullable<Uuid>,
        cap_exempt -> Bool,
        best_hour -> Bool,
        usual_hour -> Nullable<Int2>,
    }
}

diesel::table! {
    campaign_confirmation (tenant_id, campaign_id) {
        tenant_id -> Uuid,
        campaign_id -> Uuid,
        counted_people -> Nullable<Int8>,
        counted_version -> Nullable<Int4>,
        counted_at -> Nullable<Timestamptz>,
        confirmed_people -> Nullable<Int8>,
        queued_people -> Int8,
    }
}

diesel::table! {
    campaign_counter (tenant_id, campaign_id, name) {
        tenant_id -> Uuid,
        campaign_id -> Uuid,
        name -> Text,
        value -> Int8,
    }
}

diesel::table! {
    campaign_variant (tenant_id, campaign_id, position) {
        tenant_id -> Uuid,
        campaign_id -> Uuid,
        position -> Int2,
        mail_id -> Nullable<Uuid>,
        mail_number -> Nullable<Int4>,
        subject -> Nullable<Text>,
        sender_name -> Nullable<Text>,
        sender_address -> Nullable<Text>,
        links_after -> Int4,
        test_accepted -> Nullable<Int8>,
        test_opened -> Nullable<Int8>,
        test_clicked -> Nullable<Int8>,
    }
}

diesel::table! {
    certificate_key (kid) {
        kid -> Text,
        public_key -> Bytea,
        first_seen_at -> Timestamptz,
    }
}

diesel::table! {
    consent (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        contact_id -> Uuid,
        address -> Text,
        kind -> Text,
        source -> Text,
        wording -> Text,
        form_version -> Nullable<Text>,
        ip -> Nullable<Inet>,
        user_agent -> Nullable<Text>,
        at -> Timestamptz,
        message_id -> Nullable<Text>,
    }
}

diesel::table! {
    contact (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        email -> Text,
        email_key -> Text,
        name -> Text,
        status -> Text,
        fields -> Jsonb,
        search -> Text,
        soft_bounces -> Int2,
        source -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        soft_bounced_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    contact_export (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        params -> Jsonb,
        file_id -> Nullable<Uuid>,
        row_count -> Nullable<Int8>,
        job_id -> Uuid,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        filename -> Text,
        replaced_characters -> Nullable<Int8>,
    }
}

diesel::table! {
    contact_field (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        key -> Text,
        label -> Text,
        #[sql_name = "type"]
        type_ -> Text,
        required -> Bool,
        is_unique -> Bool,
        default_value -> Nullable<Jsonb>,
        choices -> Array<Nullable<Text>>,
        position -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    contact_import (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        file_id -> Uuid,
        filename -> Text,
        size -> Int8,
        state -> Text,
        detected -> Jsonb,
        #[sql_name = "columns"]
        columns_ -> Jsonb,
        preview -> Jsonb,
        suggested -> Jsonb,
        plan -> Nullable<Jsonb>,
        counts -> Nullable<Jsonb>,
        rejected_sample -> Jsonb,
        rejected_file_id -> Nullable<Uuid>,
        job_id -> Nullable<Uuid>,
        version -> Int4,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    contact_unique_value (tenant_id, field_id, value) {
        tenant_id -> Uuid,
        field_id -> Uuid,
        value -> Text,
        contact_id -> Uuid,
    }
}

diesel::table! {
    date_mail (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        mail_id -> Uuid,
        field_key -> Text,
        offset_days -> Int2,
        repeat -> Text,
        send_at -> Time,
        time_zone -> Text,
        audience -> Jsonb,
        state -> Text,
        state_reason -> Nullable<Text>,
        last_day -> Nullable<Date>,
        version -> Int4,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    delivery (tenant_id, period, id) {
        tenant_id -> Uuid,
        period -> Date,
        id -> Uuid,
        campaign_id -> Uuid,
        contact_id -> Uuid,
        address -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        due_at -> Nullable<Timestamptz>,
        attempts -> Int2,
        leased_until -> Nullable<Timestamptz>,
        lease_owner -> Nullable<Uuid>,
        site -> Nullable<Text>,
        message_id -> Nullable<Text>,
        reply_code -> Nullable<Int2>,
        reply_enhanced -> Nullable<Text>,
        reply_text -> Nullable<Text>,
        reply_host -> Nullable<Text>,
        attempted_at -> Nullable<Timestamptz>,
        accepted_at -> Nullable<Timestamptz>,
        opened_at -> Nullable<Timestamptz>,
        clicked_at -> Nullable<Timestamptz>,
        cancelled_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        bounced_at -> Nullable<Timestamptz>,
        bounce -> Nullable<Text>,
        complained_at -> Nullable<Timestamptz>,
        copy -> Int4,
        merge -> Nullable<Jsonb>,
        variant -> Nullable<Int2>,
        burst -> Nullable<Tstzrange>,
    }
}

diesel::table! {
    dkim_key (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        sender_domain_id -> Uuid,
        selector -> Text,
        algorithm -> Text,
        private_key_sealed -> Bytea,
        public_key -> Text,
        active -> Bool,
        checked_state -> Text,
        checked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        retired_at -> Nullable<Timestamptz>,
        checked_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    erasure (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        address -> Nullable<Text>,
        contact_ids -> Array<Nullable<Uuid>>,
        salt -> Nullable<Uuid>,
        keep_blocked -> Bool,
        note -> Text,
        state -> Text,
        counts -> Jsonb,
        ledger_until -> Nullable<Timestamptz>,
        certificate -> Nullable<Jsonb>,
        job_id -> Uuid,
        requested_by -> Nullable<Uuid>,
        requested_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
        names -> Array<Nullable<Text>>,
    }
}

diesel::table! {
    event (tenant_id, period, id) {
        tenant_id -> Uuid,
        period -> Date,
        id -> Uuid,
        kind -> Text,
        campaign_id -> Uuid,
        delivery_id -> Uuid,
        contact_id -> Uuid,
        link_number -> Nullable<Int4>,
        machine -> Bool,
        at -> Timestamptz,
        ip -> Nullable<Inet>,
        user_agent -> Nullable<Text>,
        detail -> Nullable<Jsonb>,
        machine_rule -> Nullable<Text>,
    }
}

diesel::table! {
    exchange_site (domain) {
        domain -> Text,
        site -> Text,
        seen_at -> Timestamptz,
    }
}

diesel::table! {
    factor_challenge (tenant_id, hash) {
        tenant_id -> Uuid,
        hash -> Bytea,
        user_id -> Uuid,
        session_id -> Nullable<Uuid>,
        purpose -> Text,
        tries -> Int2,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    file (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        content_type -> Text,
        size -> Int8,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    file_chunk (tenant_id, file_id, seq) {
        tenant_id -> Uuid,
        file_id -> Uuid,
        seq -> Int4,
        data -> Bytea,
    }
}

diesel::table! {
    folder (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        name -> Text,
        parent_id -> Nullable<Uuid>,
        position -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_key (tenant_id, user_id, key) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        key -> Text,
        request_hash -> Bytea,
        status -> Nullable<Int2>,
        headers -> Nullable<Jsonb>,
        body_sealed -> Nullable<Bytea>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    import_mapping (tenant_id, header_hash) {
        tenant_id -> Uuid,
        header_hash -> Bytea,
        plan -> Jsonb,
        used_at -> Timestamptz,
    }
}

diesel::table! {
    installation (id) {
        id -> Bool,
        epoch -> Int8,
        created_at -> Timestamptz,
        uid -> Uuid,
    }
}

diesel::table! {
    job (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        state -> Text,
        params -> Jsonb,
        subject_id -> Nullable<Uuid>,
        progress_done -> Int8,
        progress_total -> Nullable<Int8>,
        checkpoint -> Nullable<Jsonb>,
        result -> Nullable<Jsonb>,
        error_code -> Nullable<Text>,
        error_detail -> Nullable<Text>,
        cancel_requested_at -> Nullable<Timestamptz>,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    job_queue (tenant_id, job_id) {
        tenant_id -> Uuid,
        job_id -> Uuid,
        kind -> Text,
        run_at -> Timestamptz,
        leased_until -> Nullable<Timestamptz>,
        attempts -> Int4,
        lease_owner -> Nullable<Uuid>,
    }
}

diesel::table! {
    link (tenant_id, campaign_id, number) {
        tenant_id -> Uuid,
        campaign_id -> Uuid,
        number -> Int4,
        url -> Text,
    }
}

diesel::table! {
    list (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        description -> Text,
        colour -> Text,
        folder_id -> Nullable<Uuid>,
        member_count -> Int8,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    login_directory (login_key) {
        login_key -> Bytea,
        tenant_id -> Uuid,
        user_id -> Uuid,
    }
}

diesel::table! {
    login_throttle (key) {
        key -> Bytea,
        failures -> Int4,
        blocked_until -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    mail (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        folder_id -> Nullable<Uuid>,
        name -> Text,
        number -> Int4,
        archived_at -> Nullable<Timestamptz>,
        version -> Int4,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    mail_directory (email_key, tenant_id, user_id) {
        email_key -> Bytea,
        tenant_id -> Uuid,
        user_id -> Uuid,
    }
}

diesel::table! {
    mail_preview (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        html -> Text,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    mail_version (tenant_id, mail_id, number) {
        tenant_id -> Uuid,
        mail_id -> Uuid,
        number -> Int4,
        subject -> Text,
        preheader -> Text,
        sender_name -> Text,
        sender_address -> Text,
        reply_to -> Text,
        text_part -> Text,
        html_part -> Text,
        text_mode -> Text,
        locale -> Text,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    operator_account (id) {
        id -> Uuid,
        login_id -> Text,
        name -> Text,
        password_hash -> Text,
        one_time_until -> Nullable<Timestamptz>,
        factor_sealed -> Nullable<Bytea>,
        factor_step -> Nullable<Int8>,
        disabled_at -> Nullable<Timestamptz>,
        last_login_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    operator_audit (id) {
        id -> Uuid,
        at -> Timestamptz,
        operator_id -> Nullable<Uuid>,
        operator_name -> Text,
        action -> Text,
        company_id -> Nullable<Uuid>,
        company_name -> Nullable<Text>,
        detail -> Nullable<Jsonb>,
        ip -> Nullable<Inet>,
        request_id -> Nullable<Text>,
    }
}

diesel::table! {
    operator_audit_head (only_row) {
        only_row -> Bool,
        number -> Int8,
        hash -> Bytea,
    }
}

diesel::table! {
    operator_audit_link (number) {
        number -> Int8,
        entry_id -> Uuid,
        hash -> Bytea,
    }
}

diesel::table! {
    operator_session (id) {
        id -> Uuid,
        operator_id -> Uuid,
        stage -> Text,
        token_hash -> Bytea,
        previous_hash -> Nullable<Bytea>,
        rotated_at -> Timestamptz,
        seed_sealed -> Nullable<Bytea>,
        failures -> Int2,
        user_agent -> Text,
        ip -> Nullable<Inet>,
        created_at -> Timestamptz,
        last_active_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        end_reason -> Nullable<Text>,
        proven_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    outbox (tenant_id, position) {
        tenant_id -> Uuid,
        position -> Int8,
        topic -> Text,
        items -> Json,
        item_count -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    outbox_queue (tenant_id, position) {
        tenant_id -> Uuid,
        position -> Int8,
    }
}

diesel::table! {
    passkey (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        name -> Text,
        credential_id -> Bytea,
        public_key -> Bytea,
        sign_count -> Int8,
        backed_up -> Bool,
        created_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
        discoverable -> Bool,
    }
}

diesel::table! {
    password_history (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        hash -> Text,
    }
}

diesel::table! {
    recovery_code (tenant_id, user_id, hash) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        hash -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    refresh_token (tenant_id, hash) {
        tenant_id -> Uuid,
        hash -> Bytea,
        session_id -> Uuid,
        created_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    role (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        key -> Text,
        name -> Text,
        builtin -> Bool,
        permissions -> Array<Nullable<Text>>,
        created_at -> Timestamptz,
        version -> Int4,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    route (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        host -> Nullable<Text>,
        port -> Nullable<Int4>,
        security -> Nullable<Text>,
        auth -> Text,
        username -> Text,
        password_sealed -> Nullable<Bytea>,
        max_sessions -> Int4,
        sign -> Bool,
        enabled -> Bool,
        position -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        weight -> Int4,
        kind -> Text,
        source_address -> Nullable<Inet>,
        helo -> Text,
    }
}

diesel::table! {
    route_health (tenant_id, route_id) {
        tenant_id -> Uuid,
        route_id -> Uuid,
        failures -> Int4,
        error -> Text,
        failed_at -> Timestamptz,
        retry_at -> Timestamptz,
        recovered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    send_limit (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        site -> Nullable<Text>,
        sender_domain -> Nullable<Text>,
        route_id -> Nullable<Uuid>,
        per_minute -> Nullable<Int4>,
        suspended -> Bool,
        warm_up_from -> Nullable<Date>,
        warm_up_first -> Nullable<Int4>,
        warm_up_growth -> Nullable<Int2>,
        warm_up_until -> Nullable<Int4>,
        used_until -> Timestamptz,
        held_until -> Timestamptz,
        day -> Date,
        day_used -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        max_sessions -> Nullable<Int4>,
        session_micros -> Nullable<Int4>,
    }
}

diesel::table! {
    send_queue (tenant_id, campaign_id) {
        tenant_id -> Uuid,
        campaign_id -> Uuid,
        lane -> Int2,
        state -> Text,
        due_at -> Timestamptz,
        served_at -> Timestamptz,
        leased_until -> Nullable<Timestamptz>,
        lease_owner -> Nullable<Uuid>,
        limits_changed_at -> Nullable<Timestamptz>,
        release -> Bool,
        ab_test_at -> Nullable<Timestamptz>,
        held -> Bool,
    }
}

diesel::table! {
    send_session (tenant_id, limit_id, id) {
        tenant_id -> Uuid,
        limit_id -> Uuid,
        id -> Uuid,
        holder -> Uuid,
        worker -> Uuid,
        leased_until -> Timestamptz,
        waits_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    send_slowdown (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        sender_domain -> Text,
        route_id -> Uuid,
        site -> Text,
        per_minute -> Int4,
        used_until -> Timestamptz,
        held_until -> Timestamptz,
        meaning -> Text,
        times -> Int4,
        slowed_at -> Timestamptz,
        eased_at -> Timestamptz,
        reply_code -> Nullable<Int2>,
        reply_text -> Text,
    }
}

diesel::table! {
    sender_domain (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        domain -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        spf_state -> Text,
        spf_found -> Nullable<Text>,
        dmarc_state -> Text,
        dmarc_found -> Nullable<Text>,
        checked_at -> Nullable<Timestamptz>,
        return_path_label -> Text,
        return_path_state -> Text,
        return_path_found -> Nullable<Text>,
        host_state -> Text,
        host_found -> Nullable<Text>,
        spf_since -> Nullable<Timestamptz>,
        dmarc_since -> Nullable<Timestamptz>,
        return_path_since -> Nullable<Timestamptz>,
        host_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sender_domain_queue (tenant_id, sender_domain_id) {
        tenant_id -> Uuid,
        sender_domain_id -> Uuid,
        due_at -> Timestamptz,
        leased_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sequence (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        time_zone -> Text,
        entry -> Text,
        list_id -> Nullable<Uuid>,
        field_key -> Nullable<Text>,
        offset_days -> Nullable<Int2>,
        repeat -> Nullable<Text>,
        leave_with_list -> Bool,
        reenter -> Bool,
        cap_exempt -> Bool,
        state -> Text,
        state_reason -> Nullable<Text>,
        epoch -> Nullable<Int8>,
        enrol_day -> Nullable<Date>,
        version -> Int4,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sequence_enrolment (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        sequence_id -> Uuid,
        contact_id -> Uuid,
        round -> Int4,
        state -> Text,
        reason -> Nullable<Text>,
        source -> Text,
        starts_at -> Timestamptz,
        step_id -> Nullable<Uuid>,
        base_at -> Timestamptz,
        due_at -> Nullable<Timestamptz>,
        passed -> Array<Nullable<Uuid>>,
        last_period -> Nullable<Date>,
        last_delivery_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    sequence_intake (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        sequence_id -> Uuid,
        audience -> Jsonb,
        starts_at -> Timestamptz,
        on_day -> Nullable<Date>,
        upto -> Nullable<Uuid>,
        entered -> Int8,
        left_out -> Int8,
        done_at -> Nullable<Timestamptz>,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    sequence_step (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        sequence_id -> Uuid,
        position -> Int2,
        mail_id -> Uuid,
        delay -> Int4,
        unit -> Text,
        at -> Nullable<Time>,
        condition -> Jsonb,
        removed_at -> Nullable<Timestamptz>,
        relook -> Bool,
    }
}

diesel::table! {
    session (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        user_agent -> Text,
        ip -> Nullable<Inet>,
        created_at -> Timestamptz,
        last_active_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        end_reason -> Nullable<Text>,
        stepped_up_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    signup (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        signup_address_id -> Uuid,
        email -> Text,
        email_key -> Text,
        message_id -> Text,
        mail_id -> Uuid,
        mail_number -> Int4,
        delivery_id -> Uuid,
        contact_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        confirmed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    signup_address (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        name -> Text,
        local_part -> Text,
        mail_id -> Uuid,
        wording -> Text,
        enabled -> Bool,
        hourly_limit -> Int4,
        valid_hours -> Int2,
        problem -> Nullable<Text>,
        asked_count -> Int8,
        confirmed_count -> Int8,
        version -> Int4,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    signup_address_list (tenant_id, signup_address_id, list_id) {
        tenant_id -> Uuid,
        signup_address_id -> Uuid,
        list_id -> Uuid,
    }
}

diesel::table! {
    signup_directory (address_key) {
        address_key -> Bytea,
        tenant_id -> Uuid,
        signup_address_id -> Uuid,
    }
}

diesel::table! {
    subscription (tenant_id, list_id, contact_id) {
        tenant_id -> Uuid,
        list_id -> Uuid,
        contact_id -> Uuid,
        status -> Text,
        source -> Text,
        since -> Timestamptz,
    }
}

diesel::table! {
    subscription_event (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        list_id -> Uuid,
        contact_id -> Uuid,
        status -> Text,
        source -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    support_grant (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        reason -> Text,
        permissions -> Array<Nullable<Text>>,
        granted_by -> Uuid,
        granted_by_name -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        looks -> Int4,
        looked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    support_session (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        grant_id -> Uuid,
        operator_id -> Uuid,
        operator_session_id -> Uuid,
        operator_name -> Text,
        opened_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    suppression (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        value -> Text,
        reason -> Text,
        source -> Text,
        note -> Text,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    system_mail (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        kind -> Text,
        address -> Text,
        locale -> Text,
        params -> Jsonb,
        secret_sealed -> Nullable<Bytea>,
        state -> Text,
        reply -> Nullable<Text>,
        created_at -> Timestamptz,
        give_up_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    system_mail_queue (tenant_id, mail_id) {
        tenant_id -> Uuid,
        mail_id -> Uuid,
        due_at -> Timestamptz,
        leased_until -> Nullable<Timestamptz>,
        attempts -> Int4,
        urgent -> Bool,
    }
}

diesel::table! {
    template (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        folder_id -> Nullable<Uuid>,
        name -> Text,
        description -> Text,
        supplied_key -> Nullable<Text>,
        hidden_at -> Nullable<Timestamptz>,
        subject -> Text,
        preheader -> Text,
        sender_name -> Text,
        sender_address -> Text,
        reply_to -> Text,
        text_part -> Text,
        html_part -> Text,
        text_mode -> Text,
        locale -> Text,
        version -> Int4,
        created_by -> Nullable<Uuid>,
        updated_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    tenant (id) {
        id -> Uuid,
        name -> Text,
        state -> Text,
        time_zone -> Text,
        locale -> Text,
        idle_minutes -> Int4,
        legal_sender_name -> Text,
        legal_postal_address -> Text,
        legal_contact -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        soft_bounce_limit -> Nullable<Int2>,
        send_from -> Nullable<Time>,
        send_until -> Nullable<Time>,
        cap_mails -> Nullable<Int2>,
        cap_days -> Nullable<Int2>,
        password_min_length -> Int2,
        password_history_length -> Int2,
        password_expiry_months -> Nullable<Int2>,
        allowed_networks -> Array<Nullable<Cidr>>,
        second_factor_required -> Bool,
        step_up_people -> Nullable<Int4>,
        suspended_at -> Nullable<Timestamptz>,
        suspended_reason -> Nullable<Text>,
    }
}

diesel::table! {
    tenant_erasure (id) {
        id -> Uuid,
        company_id -> Uuid,
        company_name -> Text,
        requested_by -> Text,
        requested_at -> Timestamptz,
        due_at -> Timestamptz,
        cancelled_at -> Nullable<Timestamptz>,
        started_at -> Nullable<Timestamptz>,
        leased_until -> Nullable<Timestamptz>,
        counts -> Jsonb,
        finished_at -> Nullable<Timestamptz>,
        certificate -> Nullable<Text>,
        hash -> Nullable<Bytea>,
        signature -> Nullable<Bytea>,
    }
}

diesel::table! {
    tenant_quota (tenant_id) {
        tenant_id -> Uuid,
        contacts -> Nullable<Int8>,
        users -> Nullable<Int8>,
        storage -> Nullable<Int8>,
        mails -> Nullable<Int8>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    tenant_usage (tenant_id, kind, period, id) {
        tenant_id -> Uuid,
        kind -> Text,
        period -> Date,
        id -> Uuid,
        amount -> Int8,
    }
}

diesel::table! {
    totp_seed (tenant_id, user_id) {
        tenant_id -> Uuid,
        user_id -> Uuid,
        seed_sealed -> Bytea,
        confirmed_at -> Nullable<Timestamptz>,
        last_step -> Nullable<Int8>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    used_challenge (hash) {
        hash -> Bytea,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    user_account (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        login_id -> Text,
        display_name -> Text,
        email -> Text,
        role_id -> Uuid,
        locale -> Text,
        password_hash -> Nullable<Text>,
        password_changed_at -> Timestamptz,
        disabled_at -> Nullable<Timestamptz>,
        last_login_at -> Nullable<Timestamptz>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        password_temporary -> Bool,
        expiry_reminded_at -> Nullable<Timestamptz>,
        second_factor_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    user_link (tenant_id, hash) {
        tenant_id -> Uuid,
        hash -> Bytea,
        user_id -> Uuid,
        purpose -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        voided_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        url -> Text,
        description -> Text,
        events -> Array<Nullable<Text>>,
        enabled -> Bool,
        disabled_reason -> Nullable<Text>,
        secret_sealed -> Bytea,
        old_secret_sealed -> Nullable<Bytea>,
        old_secret_until -> Nullable<Timestamptz>,
        failures -> Int4,
        failing_since -> Nullable<Timestamptz>,
        retry_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        last_failure_at -> Nullable<Timestamptz>,
        last_success_at -> Nullable<Timestamptz>,
        version -> Int4,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    webhook_attempt (tenant_id, message_id, number) {
        tenant_id -> Uuid,
        message_id -> Uuid,
        number -> Int4,
        at -> Timestamptz,
        duration_ms -> Int4,
        status -> Nullable<Int2>,
        error -> Nullable<Text>,
        answer -> Text,
    }
}

diesel::table! {
    webhook_message (tenant_id, id) {
        tenant_id -> Uuid,
        id -> Uuid,
        webhook_id -> Uuid,
        topic -> Text,
        event_count -> Int4,
        body -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        attempts -> Int4,
        tries -> Int4,
        queued_at -> Timestamptz,
        due_at -> Nullable<Timestamptz>,
        status -> Nullable<Int2>,
        error -> Nullable<Text>,
        created_at -> Timestamptz,
        finished_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_queue (tenant_id, webhook_id) {
        tenant_id -> Uuid,
        webhook_id -> Uuid,
        due_at -> Nullable<Timestamptz>,
        served_at -> Timestamptz,
        leased_until -> Nullable<Timestamptz>,
        lease_owner -> Nullable<Uuid>,
    }
}

diesel::joinable!(access_entry -> tenant (tenant_id));
diesel::joinable!(api_token -> tenant (tenant_id));
diesel::joinable!(audit_entry -> tenant (tenant_id));
diesel::joinable!(audit_head -> tenant (tenant_id));
diesel::joinable!(audit_link -> tenant (tenant_id));
diesel::joinable!(block -> tenant (tenant_id));
diesel::joinable!(campaign -> tenant (tenant_id));
diesel::joinable!(consent -> tenant (tenant_id));
diesel::joinable!(contact -> tenant (tenant_id));
diesel::joinable!(contact_export -> tenant (tenant_id));
diesel::joinable!(contact_field -> tenant (tenant_id));
diesel::joinable!(contact_import -> tenant (tenant_id));
diesel::joinable!(date_mail -> tenant (tenant_id));
diesel::joinable!(erasure -> tenant (tenant_id));
diesel::joinable!(factor_challenge -> tenant (tenant_id));
diesel::joinable!(file -> tenant (tenant_id));
diesel::joinable!(folder -> tenant (tenant_id));
diesel::joinable!(idempotency_key -> tenant (tenant_id));
diesel::joinable!(import_mapping -> tenant (tenant_id));
diesel::joinable!(job -> tenant (tenant_id));
diesel::joinable!(job_queue -> tenant (tenant_id));
diesel::joinable!(list -> tenant (tenant_id));
diesel::joinable!(login_directory -> tenant (tenant_id));
diesel::joinable!(mail -> tenant (tenant_id));
diesel::joinable!(mail_directory -> tenant (tenant_id));
diesel::joinable!(mail_preview -> tenant (tenant_id));
diesel::joinable!(operator_session -> operator_account (operator_id));
diesel::joinable!(outbox -> tenant (tenant_id));
diesel::joinable!(outbox_queue -> tenant (tenant_id));
diesel::joinable!(passkey -> tenant (tenant_id));
diesel::joinable!(password_history -> tenant (tenant_id));
diesel::joinable!(recovery_code -> tenant (tenant_id));
diesel::joinable!(refresh_token -> tenant (tenant_id));
diesel::joinable!(role -> tenant (tenant_id));
diesel::joinable!(route -> tenant (tenant_id));
diesel::joinable!(send_limit -> tenant (tenant_id));
diesel::joinable!(send_queue -> tenant (tenant_id));
diesel::joinable!(send_slowdown -> tenant (tenant_id));
diesel::joinable!(sender_domain -> tenant (tenant_id));
diesel::joinable!(sequence -> tenant (tenant_id));
diesel::joinable!(session -> tenant (tenant_id));
diesel::joinable!(signup_address -> tenant (tenant_id));
diesel::joinable!(subscription_event -> tenant (tenant_id));
diesel::joinable!(support_grant -> tenant (tenant_id));
diesel::joinable!(support_session -> tenant (tenant_id));
diesel::joinable!(suppression -> tenant (tenant_id));
diesel::joinable!(system_mail -> tenant (tenant_id));
diesel::joinable!(system_mail_queue -> tenant (tenant_id));
diesel::joinable!(template -> tenant (tenant_id));
diesel::joinable!(tenant_quota -> tenant (tenant_id));
diesel::joinable!(tenant_usage -> tenant (tenant_id));
diesel::joinable!(totp_seed -> tenant (tenant_id));
diesel::joinable!(user_account -> tenant (tenant_id));
diesel::joinable!(user_link -> tenant (tenant_id));
diesel::joinable!(webhook -> tenant (tenant_id));

diesel::allow_tables_to_appear_in_same_query!(
    ab_test,
    access_entry,
    api_token,
    audit_entry,
    audit_head,
    audit_link,
    block,
    campaign,
    campaign_confirmation,
    campaign_counter,
    campaign_variant,
    certificate_key,
    consent,
    contact,
    contact_export,
    contact_field,
    contact_import,
    contact_unique_value,
    date_mail,
    delivery,
    dkim_key,
    erasure,
    event,
    exchange_site,
    factor_challenge,
    file,
    file_chunk,
    folder,
    idempotency_key,
    import_mapping,
    installation,
    job,
    job_queue,
    link,
    list,
    login_directory,
    login_throttle,
    mail,
    mail_directory,
    mail_preview,
    mail_version,
    operator_account,
    operator_audit,
    operator_audit_head,
    operator_audit_link,
    operator_session,
    outbox,
    outbox_queue,
    passkey,
    password_history,
    recovery_code,
    refresh_token,
    role,
    route,
    route_health,
    send_limit,
    send_queue,
    send_session,
    send_slowdown,
    sender_domain,
    sender_domain_queue,
    sequence,
    sequence_enrolment,
    sequence_intake,
    sequence_step,
    session,
    signup,
    signup_address,
    signup_address_list,
    signup_directory,
    subscription,
    subscription_event,
    support_grant,
    support_session,
    suppression,
    system_mail,
    system_mail_queue,
    template,
    tenant,
    tenant_erasure,
    tenant_quota,
    tenant_usage,
    totp_seed,
    used_challenge,
    user_account,
    user_link,
    webhook,
    webhook_attempt,
    webhook_message,
    webhook_queue,
);
