//! The consent ledger of a contact.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::consent::{self, NewConsent};
use domain::ids::ContactId;
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, PageOf, PageQuery, QueryOf};
use crate::problems::{ActionProblems, GetListProblems};
use crate::state::AppState;

/// Given or withdrawn.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentKind {
    Given,
    Withdrawn,
}

/// An entry of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub struct Consent {
    pub id: Uuid,
    #[schema(value_type = ConsentKind)]
    pub kind: &'static str,
    /// The address that it was given for.
    pub address: String,
    /// How: `form:<id>`, `signup:<id>`, `paper`, `cancel_page` …
    #[schema(example = "paper")]
    pub source: String,
    /// What the person read.
    #[schema(example = "メールマガジンの受信に同意します。")]
    pub wording: String,
    pub form_version: Option<String>,
    #[schema(example = "203.0.113.5")]
    pub ip: Option<String>,
    /// Of the mail by which the person asked.
    pub message_id: Option<String>,
    pub at: DateTime<Utc>,
}

impl From<consent::Consent> for Consent {
    fn from(row: consent::Consent) -> Self {
        Self {
            id: row.id.0,
            kind: row.kind.as_str(),
            address: row.address,
            source: row.source,
            wording: row.wording,
            form_version: row.form_version,
            ip: row.ip.map(|net| net.addr().to_string()),
            message_id: row.message_id,
            at: row.at,
        }
    }
}

/// An entry to be added; the ledger can only grow.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentCreate {
    pub kind: ConsentKind,
    #[schema(example = "paper", min_length = 1, max_length = 200)]
    pub source: String,
    #[serde(default)]
    #[schema(max_length = 10_000)]
    pub wording: String,
    /// Address of the person's device, when known.
    #[schema(value_type = Option<String>, example = "203.0.113.5")]
    pub ip: Option<std::net::IpAddr>,
    /// When, if not now; not in the future.
    pub at: Option<DateTime<Utc>>,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config.service(list_contact_consents);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_contact_consents)
        .service(create_contact_consent);
}

/// Consents of a contact, newest first
#[utoipa::path(
    tag = "contacts", operation_id = "list_contact_consents",
    params(("id" = Uuid, Path, description = "Contact"), PageQuery),
    responses((status = 200, body = PageOf<Consent>, description = "A page"), GetListProblems)
)]
#[get("/contacts/{id}/consents")]
async fn list_contact_consents(
    state: Data<AppState>,
    user: Caller,
    id: Id<ContactId>,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<Consent>>> {
    let page = consent::list(&state.db, &user, id.0, &PageRequest::from(&query.0)).await?;
    Ok(Json(PageOf::from_page(page, Consent::from)))
}

/// Put a consent or its withdrawal on record
#[utoipa::path(
    tag = "contacts", operation_id = "create_contact_consent", request_body = ConsentCreate,
    params(("id" = Uuid, Path, description = "Contact")),
    responses((status = 201, body = Consent, description = "On record"), ActionProblems)
)]
#[post("/contacts/{id}/consents")]
async fn create_contact_consent(
    state: Data<AppState>,
    user: Caller,
    id: Id<ContactId>,
    body: Body<ConsentCreate>,
) -> ApiResult {
    let Body(create) = body;
    let new = NewConsent {
        kind: match create.kind {
            ConsentKind::Given => consent::ConsentKind::Given,
            ConsentKind::Withdrawn => consent::ConsentKind::Withdrawn,
        },
        source: create.source,
        wording: create.wording,
        form_version: None,
        ip: create.ip,
        user_agent: None,
        message_id: None,
        at: create.at,
    };
    let row = consent::create(&state.db, &user, id.0, new).await?;
    Ok(HttpResponse::Created().json(Consent::from(row)))
}
