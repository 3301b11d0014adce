//! Erasure of one person, and the copy of their data that they may ask for.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::DomainError;
use domain::erasure::{self, NewErasure, Subject};
use domain::ids::{ContactId, ErasureId};
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, CurrentUser, Id, PageOf, PageQuery, QueryOf};
use crate::problems::{ActionProblems, GetProblems, ListProblems};
use crate::routes::contact::Contact;
use crate::state::AppState;

/// How an erasure stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErasureState {
    Running,
    /// All is gone but the consent ledger, which is kept until `ledger_until`.
    Waiting,
    Done,
}

/// What stays somewhere, and for how long.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureKept {
    /// `blocked_address`, `uploaded_files`, `backups`, `repeated_requests` or `webhook_messages`.
    #[schema(example = "backups")]
    pub what: String,
    /// For how many days at most; null: for as long as it stands on the block-list.
    #[schema(example = 366)]
    pub days: Option<i64>,
}

/// What was erased. Who holds the address can check that it is meant: the hash is
/// SHA-256 of the text `salt` and the address, one after the other.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureCertificate {
    pub erasure_id: Uuid,
    /// Who erased.
    pub company: String,
    /// Base64url.
    pub salt: String,
    /// Base64url.
    pub address_hash: String,
    pub requested_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    /// Rows by what they were. `delivery` and `event` stay in statistics, with nothing that names the person.
    pub erased: BTreeMap<String, i64>,
    pub kept: Vec<ErasureKept>,
}

impl From<erasure::Certificate> for ErasureCertificate {
    fn from(of: erasure::Certificate) -> Self {
        let kept = of.kept.into_iter().map(|kept| ErasureKept {
            what: kept.what,
            days: kept.days,
        });
        Self {
            erasure_id: of.erasure_id.0,
            company: of.company,
            salt: of.salt,
            address_hash: of.address_hash,
            requested_at: of.requested_at,
            finished_at: of.finished_at,
            erased: of.erased,
            kept: kept.collect(),
        }
    }
}

/// An erasure of one person's data.
#[derive(Debug, Serialize, ToSchema)]
pub struct Erasure {
    pub id: Uuid,
    #[schema(value_type = ErasureState)]
    pub state: &'static str,
    /// Until it is done; then nothing names the person any more.
    pub address: Option<String>,
    /// The address stays on the block-list.
    pub keep_blocked: bool,
    pub note: String,
    /// Until when the law wants the consent ledger kept: a month after the last mail.
    pub ledger_until: Option<DateTime<Utc>>,
    pub certificate: Option<ErasureCertificate>,
    pub job_id: Uuid,
    pub requested_by: Option<Uuid>,
    pub requested_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<erasure::Erasure> for Erasure {
    fn from(row: erasure::Erasure) -> Self {
        let certificate = row.certificate();
        Self {
            id: row.id.0,
            state: row.state.as_str(),
            address: row.address,
            keep_blocked: row.keep_blocked,
            note: row.note,
            ledger_until: row.ledger_until,
            certificate: certificate.map(Into::into),
            job_id: row.job_id.0,
            requested_by: row.requested_by.map(|id| id.0),
            requested_at: row.requested_at,
            finished_at: row.finished_at,
        }
    }
}

/// Whose data is to be erased: a contact, or an address whose contact may be gone already.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasureCreate {
    /// Either this or `address`.
    pub contact_id: Option<Uuid>,
    /// Either this or `contact_id`.
    #[schema(min_length = 3, max_length = 320, example = "taro@example.jp")]
    pub address: Option<String>,
    /// Keep the address on the block-list, so that an import brings nobody back.
    pub keep_blocked: bool,
    /// For example the number of the request; must name no person.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub note: String,
}

/// Everything that is held of one person.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactData {
    /// When it was read.
    pub at: DateTime<Utc>,
    pub contact: Contact,
    /// Kind to rows, the newest first, at most 10,000 of each.
    #[schema(value_type = BTreeMap<String, Vec<serde_json::Map<String, Value>>>)]
    pub rows: BTreeMap<&'static str, Value>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_erasure)
        .service(list_erasures)
        .service(get_erasure)
        .service(get_contact_data);
}

/// Erase one person's data
///
/// The contact goes at once, the rest by a job; mails that wait are not sent any more. Statistics stay, and name nobody.
/// The consent ledger is kept until a month after the last mail. There is no way back.
#[utoipa::path(
    tag = "contacts", operation_id = "create_erasure", request_body = ErasureCreate,
    responses((status = 202, body = Erasure, description = "Begun"), ActionProblems)
)]
#[post("/erasures")]
async fn create_erasure(
    state: Data<AppState>,
    user: CurrentUser,
    body: Body<ErasureCreate>,
) -> ApiResult {
    let Body(body) = body;
    let subject = match (body.contact_id, body.address) {
        (Some(id), None) => Subject::Contact(ContactId(id)),
        (None, Some(address)) => Subject::Address(address),
        _ => {
            let detail = "give either contact_id or address";
            return Err(DomainError::invalid("/contact_id", "required", detail).into());
        }
    };
    let new = NewErasure {
        subject,
        keep_blocked: body.keep_blocked,
        note: body.note,
    };
    let row = erasure::create(&state.db, &user, new).await?;
    Ok(HttpResponse::Accepted().json(Erasure::from(row)))
}

/// Erasures, newest first
#[utoipa::path(
    tag = "contacts", operation_id = "list_erasures", params(PageQuery),
    responses((status = 200, body = PageOf<Erasure>, description = "A page"), ListProblems)
)]
#[get("/erasures")]
async fn list_erasures(
    state: Data<AppState>,
    user: CurrentUser,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<Erasure>>> {
    let page = erasure::list(&state.db, &user, &PageRequest::from(&query.0)).await?;
    Ok(Json(PageOf::from_page(page, Erasure::from)))
}

/// One erasure, with its certificate when it is done
#[utoipa::path(
    tag = "contacts", operation_id = "get_erasure",
    params(("id" = Uuid, Path, description = "Erasure")),
    responses((status = 200, body = Erasure, description = "The erasure"), GetProblems)
)]
#[get("/erasures/{id}")]
async fn get_erasure(
    state: Data<AppState>,
    user: CurrentUser,
    id: Id<ErasureId>,
) -> ApiResult<Json<Erasure>> {
    let row = erasure::get(&state.db, &user, id.0).await?;
    Ok(Json(row.into()))
}

/// All data of one person
///
/// For a person who asks what is held of them. Goes into the audit log.
#[utoipa::path(
    tag = "contacts", operation_id = "get_contact_data",
    params(("id" = Uuid, Path, description = "Contact")),
    responses((status = 200, body = ContactData, description = "The data"), GetProblems)
)]
#[get("/contacts/{id}/data")]
async fn get_contact_data(
    state: Data<AppState>,
    user: Caller,
    id: Id<ContactId>,
) -> ApiResult<Json<ContactData>> {
    let data = erasure::export(&state.db, &user, id.0).await?;
    Ok(Json(ContactData {
        at: data.at,
        contact: data.contact.into(),
        rows: data.rows.into_iter().collect(),
    }))
}
