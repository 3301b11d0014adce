//! The company's own settings.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, patch};
use domain::campaign::hours::Span;
use domain::tenant::{self, Networks, TenantChange, usage};
use domain::{Actor, DomainError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, IfMatch, etag, nullable};
use crate::problems::{BareProblems, ListProblems, UpdateProblems};
use crate::state::AppState;

/// The company.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tenant {
    pub id: Uuid,
    pub name: String,
    /// IANA name.
    #[schema(example = "Asia/Tokyo")]
    pub time_zone: String,
    /// Language of what the service sends by itself: `ja` or `en`.
    #[schema(example = "ja")]
    pub locale: String,
    /// Minutes without activity after which a person is logged out.
    #[schema(example = 30)]
    pub idle_minutes: i32,
    pub legal: Legal,
    /// Soft bounces in a row after which a contact is stopped; null never.
    #[schema(example = 3, minimum = 1, maximum = 10)]
    pub soft_bounce_limit: Option<i16>,
    /// When in the day campaigns go out, in `time_zone`; null: at any time.
    pub sending_hours: Option<SendingHours>,
    /// Most campaigns for one person; null: no limit.
    pub frequency_cap: Option<FrequencyCap>,
    /// Who has no second factor may do nothing but set one up.
    pub second_factor_required: bool,
    /// Sending to more people than this wants step-up; null: never.
    #[schema(example = 10000, minimum = 1, maximum = 100_000_000)]
    pub step_up_people: Option<i32>,
    pub password_policy: PasswordPolicy,
    /// Networks and addresses that people may come from; empty: from everywhere.
    #[schema(example = json!(["203.0.113.0/24", "2001:db8::/32"]), max_items = 200)]
    pub allowed_networks: Vec<String>,
    /// The address that this request came from.
    #[schema(example = "203.0.113.9")]
    pub your_address: Option<String>,
    pub version: i32,
}

/// Which passwords people may have. Those known from leaks, made of names or
/// easily guessed are refused in any case.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordPolicy {
    /// Fewest characters.
    #[schema(minimum = 12, maximum = 64, example = 12)]
    pub min_length: i16,
    /// So many last passwords are not taken again; 0: any.
    #[schema(minimum = 0, maximum = 12, example = 0)]
    pub history: i16,
    /// Has to be changed after so many months: 1, 3, 6 or 12; null: never.
    #[schema(minimum = 1, maximum = 12, example = json!(null))]
    pub expiry_months: Option<i16>,
}

/// From one time of day until another; from after until goes past midnight.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendingHours {
    #[schema(example = "09:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub from: String,
    #[schema(example = "20:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub until: String,
}

impl SendingHours {
    pub(super) fn parse(&self, pointer: &str) -> Result<Span, DomainError> {
        Span::parse(&self.from, &self.until, pointer)
    }
}

impl From<Span> for SendingHours {
    fn from(span: Span) -> Self {
        Self {
            from: span.from.format("%H:%M").to_string(),
            until: span.until.format("%H:%M").to_string(),
        }
    }
}

/// At most so many campaigns for one person in so many days; who has had them is left out of the next one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FrequencyCap {
    #[schema(minimum = 1, maximum = 100, example = 3)]
    pub mails: i16,
    #[schema(minimum = 1, maximum = 90, example = 7)]
    pub days: i16,
}

/// What 特定電子メール法 asks to stand in each mail.
#[derive(Debug, Serialize, ToSchema)]
pub struct Legal {
    #[schema(example = "株式会社サンプル")]
    pub sender_name: String,
    #[schema(example = "東京都千代田区1-1-1")]
    pub postal_address: String,
    /// Mail address, telephone number or page for complaints.
    #[schema(example = "info@example.co.jp")]
    pub contact: String,
}

impl From<tenant::Tenant> for Tenant {
    fn from(row: tenant::Tenant) -> Self {
        let cap = row.cap_mails.zip(row.cap_days);
        Self {
            sending_hours: row.hours().map(SendingHours::from),
            frequency_cap: cap.map(|(mails, days)| FrequencyCap { mails, days }),
            id: row.id.0,
            name: row.name,
            time_zone: row.time_zone,
            locale: row.locale,
            idle_minutes: row.idle_minutes,
            legal: Legal {
                sender_name: row.legal_sender_name,
                postal_address: row.legal_postal_address,
                contact: row.legal_contact,
            },
            soft_bounce_limit: row.soft_bounce_limit,
            second_factor_required: row.second_factor_required,
            step_up_people: row.step_up_people,
            password_policy: PasswordPolicy {
                min_length: row.password_min_length,
                history: row.password_history_length,
                expiry_months: row.password_expiry_months,
            },
            allowed_networks: row.allowed_networks.to_texts(),
            your_address: None,
            version: row.version,
        }
    }
}

/// A change of settings; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantUpdate {
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    #[schema(example = "Asia/Tokyo", max_length = 64)]
    pub time_zone: Option<String>,
    #[schema(pattern = "^(ja|en)$")]
    pub locale: Option<String>,
    #[schema(minimum = 5, maximum = 1440)]
    pub idle_minutes: Option<i32>,
    pub legal: Option<LegalUpdate>,
    /// Null switches the limit off.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(minimum = 1, maximum = 10, value_type = Option<i16>)]
    pub soft_bounce_limit: Option<Option<i16>>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<SendingHours>)]
    pub sending_hours: Option<Option<SendingHours>>,
    /// Null takes it away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<FrequencyCap>)]
    pub frequency_cap: Option<Option<FrequencyCap>>,
    /// Effective at once, also for sessions that are open. Wants step-up, as the next one and `idle_minutes` do.
    pub second_factor_required: Option<bool>,
    /// Null: never.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(minimum = 1, maximum = 100_000_000, value_type = Option<i32>)]
    pub step_up_people: Option<Option<i32>>,
    pub password_policy: Option<PasswordPolicy>,
    /// Refused when the address is missing that this request comes from.
    #[schema(max_items = 200, example = json!([]))]
    pub allowed_networks: Option<Vec<String>>,
}

/// A change of the legal items.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LegalUpdate {
    #[schema(max_length = 500)]
    pub sender_name: Option<String>,
    #[schema(max_length = 500)]
    pub postal_address: Option<String>,
    #[schema(max_length = 500)]
    pub contact: Option<String>,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config.service(get_tenant);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_tenant)
        .service(update_tenant)
        .service(get_tenant_usage);
}

fn answer(row: tenant::Tenant, user: &Actor) -> HttpResponse {
    let body = Tenant {
        your_address: user.ip.map(|ip| ip.to_canonical().to_string()),
        ..Tenant::from(row)
    };
    HttpResponse::Ok()
        .insert_header(etag(body.version))
        .json(body)
}

/// The company's settings
///
/// Everybody who is logged in; an API token needs the scope `settings.read`.
#[utoipa::path(
    tag = "tenant", operation_id = "get_tenant",
    responses((status = 200, body = Tenant, description = "Settings", headers(("ETag" = String))), ListProblems)
)]
#[get("/tenant")]
async fn get_tenant(state: Data<AppState>, user: Caller) -> ApiResult {
    Ok(answer(tenant::get(&state.db, &user).await?, &user))
}

/// Change the company's settings
#[utoipa::path(
    tag = "tenant", operation_id = "update_tenant", request_body = TenantUpdate,
    params(("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")),
    responses((status = 200, body = Tenant, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[patch("/tenant")]
async fn update_tenant(
    state: Data<AppState>,
    user: Caller,
    version: IfMatch,
    body: Body<TenantUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let legal = update.legal.unwrap_or_default();
    let parse = |hours: Option<SendingHours>| hours.map(|h| h.parse("/sending_hours")).transpose();
    let hours = update.sending_hours.map(parse).transpose()?;
    let (policy, networks) = (update.password_policy.as_ref(), update.allowed_networks);
    let change = TenantChange {
        name: update.name,
        time_zone: update.time_zone,
        locale: update.locale,
        idle_minutes: update.idle_minutes,
        legal_sender_name: legal.sender_name,
        legal_postal_address: legal.postal_address,
        legal_contact: legal.contact,
        soft_bounce_limit: update.soft_bounce_limit,
        send_from: hours.map(|span| span.map(|span| span.from)),
        send_until: hours.map(|span| span.map(|span| span.until)),
        cap_mails: update
            .frequency_cap
            .as_ref()
            .map(|cap| cap.as_ref().map(|cap| cap.mails)),
        cap_days: update
            .frequency_cap
            .as_ref()
            .map(|cap| cap.as_ref().map(|cap| cap.days)),
        second_factor_required: update.second_factor_required,
        step_up_people: update.step_up_people,
        password_min_length: policy.map(|policy| policy.min_length),
        password_history_length: policy.map(|policy| policy.history),
        password_expiry_months: policy.map(|policy| policy.expiry_months),
        allowed_networks: networks.as_deref().map(Networks::parse).transpose()?,
    };
    let row = tenant::update(&state.db, &user, version.0, change).await?;
    Ok(answer(row, &user))
}

/// What the company has and may have.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantUsage {
    pub contacts: Measure,
    /// People who log in.
    pub users: Measure,
    /// Bytes of uploaded and made files.
    pub storage: Measure,
    /// Mails that the receiving side accepted in this calendar month (UTC).
    pub mails: Measure,
}

/// How much there is of something, and how much there may be.
#[derive(Debug, Serialize, ToSchema)]
pub struct Measure {
    #[schema(example = 12345)]
    pub used: i64,
    /// Null: no limit.
    #[schema(example = 50000)]
    pub quota: Option<i64>,
}

impl From<(usage::Usage, usage::Quota)> for TenantUsage {
    fn from((used, quota): (usage::Usage, usage::Quota)) -> Self {
        let measure = |used, quota| Measure { used, quota };
        Self {
            contacts: measure(used.contacts, quota.contacts),
            users: measure(used.users, quota.users),
            storage: measure(used.storage, quota.storage),
            mails: measure(used.mails, quota.mails),
        }
    }
}

/// What the company has and may have
///
/// Everybody who is logged in; an API token needs the scope `settings.read`. Over a quota nothing more is taken (409 with `quota_contacts`, `quota_users`,
/// `quota_storage` or `quota_mails`); mails that wait go on next month.
#[utoipa::path(
    tag = "tenant", operation_id = "get_tenant_usage",
    responses((status = 200, body = TenantUsage, description = "Usage and quotas"), BareProblems)
)]
#[get("/tenant/usage")]
async fn get_tenant_usage(state: Data<AppState>, user: Caller) -> ApiResult {
    let found = usage::get(&state.db, &user).await?;
    Ok(HttpResponse::Ok().json(TenantUsage::from(found)))
}
