//! What each operation needs, and a body that fits it.

use std::collections::BTreeSet;

use domain::Permission as P;
use serde_json::{Value, json};

use super::fixture::Fixture;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Public: no token.
    Nothing,
    /// Anybody who is logged in, and any API token.
    LogIn,
    /// Anybody who is logged in; no API token, whatever its scopes.
    Person,
    /// Anybody who is logged in, and API tokens with this scope.
    LogInOr(P),
    Permission(P),
}

/// One operation.
#[derive(Clone, Copy)]
pub struct Case {
    pub id: &'static str,
    pub needs: Needs,
    /// Permissions that it wants besides.
    pub also: &'static [P],
    pub if_match: bool,
    pub body: Option<fn(&Fixture) -> Value>,
    pub raw: Option<(&'static str, &'static str)>,
    pub query: &'static str,
    /// A body that is good but for ids of another tenant.
    pub foreign_body: Option<fn(&Fixture) -> Value>,
}

impl Case {
    fn body(self, body: fn(&Fixture) -> Value) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    fn also(self, also: &'static [P]) -> Self {
        Self { also, ..self }
    }

    /// All that it takes, when it takes permissions.
    pub fn permissions(&self) -> Option<BTreeSet<P>> {
        match self.needs {
            Needs::Permission(needed) => Some(self.also.iter().copied().chain([needed]).collect()),
            Needs::Nothing | Needs::LogIn | Needs::Person | Needs::LogInOr(_) => None,
        }
    }

    fn if_match(self) -> Self {
        Self {
            if_match: true,
            ..self
        }
    }

    fn raw(self, content_type: &'static str, text: &'static str) -> Self {
        Self {
            raw: Some((content_type, text)),
            ..self
        }
    }

    fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    fn foreign(self, body: fn(&Fixture) -> Value) -> Self {
        Self {
            foreign_body: Some(body),
            ..self
        }
    }
}

fn case(id: &'static str, needs: Needs) -> Case {
    Case {
        id,
        needs,
        also: &[],
        if_match: false,
        body: None,
        raw: None,
        query: "",
        foreign_body: None,
    }
}

fn public(id: &'static str) -> Case {
    case(id, Needs::Nothing)
}

fn anybody(id: &'static str) -> Case {
    case(id, Needs::LogIn)
}

fn person(id: &'static str) -> Case {
    case(id, Needs::Person)
}

fn anybody_or(id: &'static str, permission: P) -> Case {
    case(id, Needs::LogInOr(permission))
}

fn needs(id: &'static str, permission: P) -> Case {
    case(id, Needs::Permission(permission))
}

/// In an order in which what is deleted is not needed any more.
pub fn cases() -> Vec<Case> {
    [
        public_cases(),
        people(),
        access(),
        second_factors(),
        contacts(),
        lists(),
        signups(),
        imports(),
        mails(),
        campaigns(),
        settings(),
        audit(),
        webhooks(),
        deletions(),
    ]
    .concat()
}

fn public_cases() -> Vec<Case> {
    vec![
        public("get_liveness"),
        public("get_readiness"),
        public("create_session"),
        public("create_second_factor_session"),
        public("create_passkey_log_in_challenge"),
        public("create_passkey_session"),
        public("refresh_session"),
        public("delete_session"),
        public("create_access_token"),
        public("request_reset"),
        public("reset_password"),
        public("accept_invitation"),
        public("check_link"),
        public("get_preview_page"),
        public("get_cancel_page"),
        public("cancel_mails"),
        public("get_confirm_page"),
        public("confirm_signup"),
        public("get_open_pixel"),
        public("follow_link"),
    ]
}

fn people() -> Vec<Case> {
    vec![
        person("get_me"),
        person("update_me").body(|_| json!({"display_name": "新しい名前"})),
        person("list_sessions"),
        person("change_password").body(
            |_| json!({"current_password": "not the password", "new_password": "another good one"}),
        ),
        person("check_password").body(|_| json!({"password": "another good one"})),
        person("end_other_sessions"),
        anybody_or("get_tenant", P::SettingsRead),
        anybody_or("get_tenant_usage", P::SettingsRead),
        needs("list_support_grants", P::SettingsRead),
        needs("create_support_grant", P::SupportGrant).body(
            |_| json!({"reason": "お問い合わせ 1", "permissions": ["reports.read"], "hours": 24}),
        ),
        needs("revoke_support_grant", P::SupportGrant),
        needs("update_tenant", P::SettingsWrite)
            .if_match()
            .body(|_| json!({"locale": "ja"})),
        needs("list_users", P::SettingsRead),
        needs("create_user", P::UsersManage)
            .body(|_| user("viewer"))
            .foreign(|theirs| user(theirs.id("roles"))),
        needs("send_invitation", P::UsersManage),
        needs("revoke_invitation", P::UsersManage),
        needs("send_user_reset", P::UsersManage),
        needs("get_user", P::SettingsRead),
        needs("update_user", P::UsersManage)
            .if_match()
            .body(|_| json!({"display_name": "別の名前"}))
            .foreign(|theirs| json!({"role": theirs.id("roles")})),
        person("end_session"),
    ]
}

fn user(role: &str) -> Value {
    json!({
        "login_id": "somebody-new", "display_name": "新人", "email": "new@example.jp", "role": role,
        "password": "correct horse battery"
    })
}

/// Roles and API tokens.
fn access() -> Vec<Case> {
    vec![
        needs("list_roles", P::SettingsRead),
        needs("create_role", P::RolesManage)
            .body(|_| json!({"name": "別の役割", "permissions": ["mails.read"]})),
        needs("get_role", P::SettingsRead),
        needs("update_role", P::RolesManage)
            .if_match()
            .body(|_| json!({"name": "改名"})),
        needs("list_api_tokens", P::TokensManage),
        needs("create_api_token", P::TokensManage)
            .body(|_| json!({"name": "別の連携", "scopes": ["mails.read"]})),
        needs("get_api_token", P::TokensManage),
        needs("update_api_token", P::TokensManage)
            .if_match()
            .body(|_| json!({"name": "改名"})),
        needs("rotate_api_token", P::TokensManage).body(|_| json!({"overlap_days": 1})),
    ]
}

/// One's own; each wants a body that the operation refuses after it let the person in.
fn second_factors() -> Vec<Case> {
    vec![
        person("create_step_up_challenge"),
        person("create_step_up").body(|_| json!({"password": "correct horse battery"})),
        person("get_second_factors"),
        person("create_totp"),
        person("confirm_totp").body(|_| json!({"code": "no code"})),
        person("delete_totp"),
        person("create_recovery_codes"),
        person("create_passkey_challenge"),
        person("create_passkey")
            .body(|_| json!({"token": "no token", "name": "鍵", "client_data": "", "attestation_object": ""})),
        person("update_passkey").body(|_| json!({"name": "改名"})),
        person("delete_passkey"),
    ]
}

fn contacts() -> Vec<Case> {
    vec![
        needs("list_contacts", P::ContactsRead),
        needs("create_contact", P::ContactsWrite)
            .body(|_| json!({"email": "another@example.jp", "name": "別の人"}))
            .foreign(|theirs| json!({"email": "spy@example.jp", "list_ids": [theirs.id("lists")]})),
        needs("get_contact", P::ContactsRead),
        needs("update_contact", P::ContactsWrite)
            .if_match()
            .body(|_| json!({"name": "改名"})),
        needs("create_bounce_reset", P::ContactsWrite)
            .body(|_| json!({}))
            .foreign(|theirs| json!({"contact_ids": [theirs.id("contacts")]})),
        needs("list_erasures", P::ContactsErase),
        needs("create_erasure", P::ContactsErase)
            .body(|_| json!({"address": "nobody@example.jp", "keep_blocked": true}))
            .foreign(|theirs| json!({"contact_id": theirs.id("contacts"), "keep_blocked": true})),
        needs("get_erasure", P::ContactsErase),
        needs("get_contact_data", P::ContactsExport),
        needs("list_contact_consents", P::ContactsRead),
        needs("create_contact_consent", P::ContactsWrite)
            .body(|_| json!({"kind": "given", "source": "電話", "wording": "案内を送ってよい"})),
        needs("list_contact_timeline", P::ContactsRead),
        needs("list_contact_subscriptions", P::ContactsRead),
        needs("put_contact_subscription", P::ListsWrite).body(|_| json!({"status": "subscribed"})),
        needs("list_contact_fields", P::ContactsRead),
        needs("create_contact_field", P::ContactsWrite)
            .body(|_| json!({"key": "another", "label": "別の項目", "type": "text"})),
        needs("get_contact_field", P::ContactsRead),
        needs("update_contact_field", P::ContactsWrite)
            .if_match()
            .body(|_| json!({"label": "改名"})),
        needs("list_suppressions", P::ContactsRead),
        needs("create_suppression", P::ContactsWrite)
            .body(|_| json!({"kind": "address", "value": "never@example.jp", "reason": "manual"})),
    ]
}

fn lists() -> Vec<Case> {
    vec![
        needs("list_lists", P::ContactsRead),
        needs("create_list", P::ListsWrite)
            .body(|_| json!({"name": "別の配信グループ"}))
            .foreign(|theirs| json!({"name": "spy", "folder_id": theirs.id("folders")})),
        needs("get_list", P::ContactsRead),
        needs("update_list", P::ListsWrite)
            .if_match()
            .body(|_| json!({"name": "改名"}))
            .foreign(|theirs| json!({"folder_id": theirs.id("folders")})),
        needs("create_list_members", P::ListsWrite)
            .body(|own| json!({"contact_ids": [own.id("contacts")]}))
            .foreign(|theirs| json!({"contact_ids": [theirs.id("contacts")]})),
    ]
}

fn signups() -> Vec<Case> {
    vec![
        needs("list_signup_addresses", P::ContactsRead),
        needs("create_signup_address", P::ContactsWrite)
            .body(signup_address)
            .foreign(signup_address),
        needs("get_signup_address", P::ContactsRead),
        needs("update_signup_address", P::ContactsWrite)
            .if_match()
            .body(signup_address)
            .foreign(signup_address),
        needs("list_signups", P::ContactsRead),
    ]
}

fn imports() -> Vec<Case> {
    vec![
        needs("list_imports", P::ContactsRead),
        needs("create_import", P::ContactsWrite)
            .query("filename=people.csv")
            .raw("text/csv", "email,name\njiro@example.jp,次郎\n"),
        needs("get_import", P::ContactsRead),
        needs("update_import_plan", P::ContactsWrite)
            .if_match()
            .body(|_| plan(&[]))
            .foreign(|theirs| plan(&[theirs.id("lists")])),
        needs("check_import", P::ContactsWrite),
        needs("run_import", P::ContactsWrite),
        needs("get_import_rejected", P::ContactsWrite),
        needs("list_exports", P::ContactsExport),
        needs("create_export", P::ContactsExport)
            .body(|_| json!({"encoding": "utf-8", "columns": ["email"]}))
            .foreign(|theirs| {
                json!({"encoding": "utf-8", "columns": ["email"], "list_id": theirs.id("lists")})
            }),
        needs("get_export_file", P::ContactsExport),
        needs("list_jobs", P::ContactsRead),
        needs("get_job", P::ContactsRead),
        needs("cancel_job", P::ContactsWrite).also(&[P::ContactsRead]),
        anybody("stream_events").query("seconds=0"),
    ]
}

fn plan(lists: &[&str]) -> Value {
    json!({
        "encoding": "utf-8", "delimiter": ",", "has_header": true, "mode": "add", "list_ids": lists,
        "mapping": [{"column": 0, "target": "email"}, {"column": 1, "target": "name"}]
    })
}

fn mails() -> Vec<Case> {
    vec![
        needs("list_folders", P::MailsRead).query("kind=mail"),
        needs("create_folder", P::MailsWrite)
            .body(|_| json!({"kind": "mail", "name": "別のフォルダ"}))
            .foreign(
                |theirs| json!({"kind": "mail", "name": "spy", "parent_id": theirs.id("folders")}),
            ),
        needs("get_folder", P::MailsRead),
        needs("update_folder", P::MailsWrite)
            .if_match()
            .body(|_| json!({"name": "改名"}))
            .foreign(|theirs| json!({"parent_id": theirs.id("folders")})),
        needs("list_mails", P::MailsRead),
        needs("create_mail", P::MailsWrite)
            .body(|_| json!({"name": "別のメール"}))
            .foreign(|theirs| json!({"name": "spy", "from_template_id": theirs.id("templates")})),
        needs("get_mail", P::MailsRead),
        needs("update_mail", P::MailsWrite)
            .if_match()
            .body(|_| json!({"subject": "改題"}))
            .foreign(|theirs| json!({"folder_id": theirs.id("folders")})),
        needs("copy_mail", P::MailsWrite)
            .body(|_| json!({"name": "写し"}))
            .foreign(|theirs| json!({"folder_id": theirs.id("folders")})),
        needs("preview_mail", P::MailsRead)
            .also(&[P::ContactsRead])
            .body(|own| json!({"contact_id": own.id("contacts")}))
            .foreign(|theirs| json!({"contact_id": theirs.id("contacts")})),
        needs("list_mail_versions", P::MailsRead),
        needs("get_mail_version", P::MailsRead),
        needs("restore_mail_version", P::MailsWrite),
        needs("list_merge_fields", P::MailsRead),
        needs("list_templates", P::MailsRead),
        needs("create_template", P::MailsWrite).body(|_| json!({"name": "別のひな型"})),
        needs("get_template", P::MailsRead),
        needs("update_template", P::MailsWrite)
            .if_match()
            .body(|_| json!({"name": "改名"})),
        needs("list_blocks", P::MailsRead),
        needs("create_block", P::MailsWrite)
            .body(|_| json!({"key": "another", "name": "別の部品"})),
        needs("get_block", P::MailsRead),
        needs("update_block", P::MailsWrite)
            .if_match()
            .body(|_| json!({"name": "改名"})),
    ]
}

fn campaigns() -> Vec<Case> {
    vec![
        needs("list_campaigns", P::CampaignsRead),
        needs("create_campaign", P::CampaignsWrite)
            .body(|own| json!({"name": "別の配信", "mail_id": own.id("mails"), "audience": {"all": true}}))
            .foreign(|theirs| json!({"name": "spy", "audience": {"list_ids": [theirs.id("lists")]}})),
        needs("get_campaign", P::CampaignsRead),
        needs("get_campaign_calendar", P::CampaignsRead).query("from=2026-11-01T00:00:00Z&until=2026-12-01T00:00:00Z"),
        needs("list_date_mails", P::CampaignsRead),
        needs("create_date_mail", P::CampaignsWrite)
            .body(|own| date_mail(own.id("mails")))
            .foreign(|theirs| date_mail(theirs.id("mails"))),
        needs("get_date_mail", P::CampaignsRead),
        needs("update_date_mail", P::CampaignsWrite)
            .if_match()
            .body(|own| date_mail(own.id("mails")))
            .foreign(|theirs| date_mail(theirs.id("mails"))),
        needs("activate_date_mail", P::CampaignsSend),
        needs("pause_date_mail", P::CampaignsSend),
        needs("list_sequences", P::CampaignsRead),
        needs("create_sequence", P::CampaignsWrite)
            .body(|own| sequence(own.id("mails")))
            .foreign(|theirs| sequence(theirs.id("mails"))),
        needs("get_sequence", P::CampaignsRead),
        needs("get_sequence_results", P::ReportsRead),
        needs("update_sequence", P::CampaignsWrite)
            .if_match()
            .body(|own| sequence(own.id("mails")))
            .foreign(|theirs| sequence(theirs.id("mails"))),
        needs("activate_sequence", P::CampaignsSend),
        needs("pause_sequence", P::CampaignsSend),
        needs("finish_sequence", P::CampaignsSend),
        needs("stop_sequence", P::CampaignsSend),
        needs("list_sequence_people", P::CampaignsRead),
        needs("create_sequence_people", P::CampaignsSend).body(|own| json!({"contact_ids": [own.id("contacts")]})),
        needs("list_sequence_intakes", P::CampaignsRead),
        needs("count_sequence_intake", P::CampaignsSend)
            .body(|_| json!({"audience": {"all": true}}))
            .foreign(|theirs| json!({"audience": {"list_ids": [theirs.id("lists")]}})),
        needs("create_sequence_intake", P::CampaignsSend)
            .body(|_| json!({"audience": {"all": true}, "confirmed_people": 1})),
        needs("get_campaign_preflight", P::CampaignsRead),
        needs("update_campaign", P::CampaignsWrite)
            .if_match()
            .body(|_| json!({"name": "改名"}))
            .foreign(|theirs| json!({"mail_id": theirs.id("mails")})),
        needs("send_campaign", P::CampaignsSend).body(|_| json!({"confirmed_people": 1})),
        needs("schedule_campaign", P::CampaignsSend)
            .body(|_| json!({"at": tomorrow(), "time_zone": "Asia/Tokyo"})),
        needs("unschedule_campaign", P::CampaignsSend),
        needs("pause_campaign", P::CampaignsSend),
        needs("resume_campaign", P::CampaignsSend),
        needs("stop_campaign", P::CampaignsSend),
        needs("get_campaign_resend", P::CampaignsRead),
        needs("resend_campaign", P::CampaignsSend)
            .body(|_| json!({"group": "unknown", "confirmed_people": 1})),
        needs("get_campaign_variants", P::ReportsRead),
        needs("choose_campaign_winner", P::CampaignsSend).body(|_| json!({"variant": 1})),
        needs("list_campaign_deliveries", P::CampaignsRead),
        needs("list_campaign_left_out", P::CampaignsRead),
        needs("get_campaign_report", P::ReportsRead),
        needs("export_campaign_report", P::ReportsExport).also(&[P::ReportsRead]),
        needs("get_delivery", P::CampaignsRead),
        needs("resend_delivery", P::CampaignsSend).also(&[P::CampaignsRead]),
        needs("list_transactional_sends", P::CampaignsRead),
        needs("create_transactional_send", P::CampaignsSend)
            .body(|own| json!({"mail_id": own.id("mails"), "contact_id": own.id("contacts")}))
            .foreign(|theirs| json!({"mail_id": theirs.id("mails"), "email": "spy@example.jp"})),
        anybody("get_summary"),
        needs("list_test_sends", P::MailsRead),
        needs("create_test_send", P::MailsWrite)
            .also(&[P::ContactsRead])
            .body(|own| json!({"user_ids": [own.id("users")], "contact_id": own.id("contacts")}))
            .foreign(|theirs| json!({"user_ids": [theirs.id("users")]})),
    ]
}

fn settings() -> Vec<Case> {
    vec![
        needs("list_routes", P::SettingsRead),
        needs("create_route", P::SettingsWrite).body(|_| {
            json!({"name": "別の経路", "host": "smtp.example.jp", "port": 587, "security": "starttls", "auth": "none"})
        }),
        needs("get_route", P::SettingsRead),
        needs("update_route", P::SettingsWrite)
            .if_match()
            .body(|_| json!({"name": "改名"})),
        needs("list_send_limits", P::SettingsRead),
        needs("create_send_limit", P::SettingsWrite)
            .body(|_| json!({"site": "softbank", "per_minute": 60}))
            .foreign(|theirs| json!({"route_id": theirs.id("routes"), "per_minute": 60})),
        needs("get_send_limit", P::SettingsRead),
        needs("update_send_limit", P::SettingsWrite)
            .if_match()
            .body(|_| json!({"per_minute": 120})),
        needs("list_send_slowdowns", P::SettingsRead),
        needs("count_waiting", P::CampaignsSend),
        needs("purge_waiting", P::CampaignsSend)
            .body(|_| json!({"site": "docomo"}))
            .foreign(|theirs| json!({"campaign_id": theirs.id("campaigns")})),
        needs("list_sender_domains", P::SettingsRead),
        needs("create_sender_domain", P::SettingsWrite)
            .body(|_| json!({"domain": "another.example.jp"})),
        needs("get_sender_domain", P::SettingsRead),
        needs("update_sender_domain", P::SettingsWrite)
            .if_match()
            .body(|_| json!({"return_path_label": "rp"})),
        needs("check_sender_domain", P::SettingsWrite),
        needs("rotate_sender_domain_keys", P::SettingsWrite),
    ]
}

fn audit() -> Vec<Case> {
    vec![
        needs("list_audit_entries", P::AuditRead),
        needs("get_audit_entry", P::AuditRead),
        needs("export_audit_entries", P::AuditRead),
        needs("verify_audit_entries", P::AuditRead),
        needs("list_access_entries", P::AuditRead),
    ]
}

fn webhooks() -> Vec<Case> {
    vec![
        needs("list_webhooks", P::WebhooksManage),
        needs("create_webhook", P::WebhooksManage)
            .also(&[P::ContactsRead])
            .body(|_| json!({"url": "https://other.example.jp/", "events": ["contact.created"]})),
        needs("get_webhook", P::WebhooksManage),
        needs("update_webhook", P::WebhooksManage)
            .if_match()
            .body(|_| json!({"description": "別の説明"})),
        needs("rotate_webhook_secret", P::WebhooksManage),
        needs("test_webhook", P::WebhooksManage),
        needs("replay_webhook", P::WebhooksManage)
            .body(|_| json!({"since": "2026-11-01T00:00:00Z"})),
        needs("list_webhook_messages", P::WebhooksManage),
        needs("get_webhook_message", P::WebhooksManage),
        needs("replay_webhook_message", P::WebhooksManage),
        needs("delete_webhook", P::WebhooksManage).if_match(),
    ]
}

fn deletions() -> Vec<Case> {
    vec![
        needs("revoke_api_token", P::TokensManage),
        needs("delete_role", P::RolesManage).if_match(),
        needs("reset_user_second_factors", P::UsersManage),
        needs("end_user_sessions", P::UsersManage),
        needs("end_all_sessions", P::SecurityManage),
        needs("delete_list_member", P::ListsWrite),
        needs("delete_sequence_person", P::CampaignsSend),
        needs("delete_sequence", P::CampaignsWrite).if_match(),
        needs("delete_suppression", P::ContactsWrite),
        needs("delete_import", P::ContactsWrite),
        needs("delete_signup_address", P::ContactsWrite).if_match(),
        needs("delete_list", P::ListsWrite).if_match(),
        needs("delete_contact", P::ContactsWrite).if_match(),
        needs("delete_contact_field", P::ContactsWrite).if_match(),
        needs("delete_date_mail", P::CampaignsWrite).if_match(),
        needs("delete_campaign", P::CampaignsWrite).if_match(),
        needs("delete_send_limit", P::SettingsWrite).if_match(),
        needs("delete_send_slowdown", P::SettingsWrite),
        needs("delete_route", P::SettingsWrite).if_match(),
        needs("delete_sender_domain", P::SettingsWrite).if_match(),
        needs("delete_mail", P::MailsWrite).if_match(),
        needs("delete_template", P::MailsWrite).if_match(),
        needs("delete_block", P::MailsWrite).if_match(),
        needs("delete_folder", P::MailsWrite).if_match(),
    ]
}

fn date_mail(mail: &str) -> Value {
    json!({
        "name": "お誕生日", "mail_id": mail, "field": "birthday", "offset_days": 0, "repeat": "yearly", "send_at": "09:00",
        "time_zone": "Asia/Tokyo", "audience": {"all": true}
    })
}

fn sequence(mail: &str) -> Value {
    json!({
        "name": "新規会員へのご案内", "time_zone": "Asia/Tokyo", "entry": {"kind": "manual"},
        "steps": [{"mail_id": mail, "delay": 1, "unit": "days", "at": "09:00"}]
    })
}

fn signup_address(of: &Fixture) -> Value {
    json!({
        "name": "店頭", "mail_id": of.id("signup-mails"), "list_ids": [of.id("lists")], "wording": "", "enabled": false,
        "hourly_limit": 100, "valid_hours": 24
    })
}

fn tomorrow() -> chrono::DateTime<chrono::Utc> {
    domain::clock::Clock::system().now() + chrono::TimeDelta::days(1)
}
