//! The company's own settings.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, patch};
use domain::DomainError;
use domain::campaign::hours::Span;
use domain::tenant::{self, TenantChange, usage};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, CurrentUser, IfMatch, etag, nullable};
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
    pub version: i32,
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

fn answer(row: tenant::Tenant) -> HttpResponse {
    let body = Tenant::from(row);
    HttpResponse::Ok()
        .insert_header(etag(body.version))
        .json(body)
}

/// The company's settings
#[utoipa::path(
    tag = "tenant", operation_id = "get_tenant",
    responses((status = 200, body = Tenant, description = "Settings", headers(("ETag" = String))), ListProblems)
)]
#[get("/tenant")]
async fn get_tenant(state: Data<AppState>, user: CurrentUser) -> ApiResult {
    Ok(answer(tenant::get(&state.db, &user).await?))
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
    user: CurrentUser,
    version: IfMatch,
    body: Body<TenantUpdate>,
) -> ApiResult {
    let Body(update) = body;
    let legal = update.legal.unwrap_or_default();
    let parse = |hours: Option<SendingHours>| hours.map(|h| h.parse("/sending_hours")).transpose();
    let hours = update.sending_hours.map(parse).transpose()?;
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
    };
    Ok(answer(
        tenant::update(&state.db, &user, version.0, change).await?,
    ))
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
/// Over a quota nothing more is taken (409 with `quota_contacts`, `quota_users`,
/// `quota_storage` or `quota_mails`); mails that wait go on next month.
#[utoipa::path(
    tag = "tenant", operation_id = "get_tenant_usage",
    responses((status = 200, body = TenantUsage, description = "Usage and quotas"), BareProblems)
)]
#[get("/tenant/usage")]
async fn get_tenant_usage(state: Data<AppState>, user: CurrentUser) -> ApiResult {
    let found = usage::get(&state.db, &user).await?;
    Ok(HttpResponse::Ok().json(TenantUsage::from(found)))
}
