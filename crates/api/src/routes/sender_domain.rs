//! Sender domains: what to set in DNS, and what stands there.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use chrono::{DateTime, Utc};
use domain::Actor;
use domain::ids::SenderDomainId;
use domain::sender_domain::{self, Seen};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, PageQuery, QueryOf, etag};
use crate::problems::{
    BareActionProblems, CreateProblems, DeleteProblems, GetProblems, ListProblems, UpdateProblems,
};
use crate::state::AppState;

/// How a record in DNS compares with the one that belongs there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DnsCheckState {
    Unchecked,
    Ok,
    Missing,
    Differs,
}

/// How a key signs: RFC 6376 and RFC 8463.
#[derive(Debug, Serialize, ToSchema)]
pub enum DkimAlgorithm {
    #[serde(rename = "rsa-sha256")]
    RsaSha256,
    #[serde(rename = "ed25519-sha256")]
    Ed25519Sha256,
}

/// What the last check saw.
#[derive(Debug, Serialize, ToSchema)]
pub struct DnsCheck {
    #[schema(value_type = DnsCheckState)]
    pub state: String,
    pub at: Option<DateTime<Utc>>,
    /// When a check first saw this state. Beside those that people order, a check is made once a day.
    pub since: Option<DateTime<Utc>>,
}

/// A record to set.
#[derive(Debug, Serialize, ToSchema)]
pub struct DnsRecord {
    #[schema(example = "kk2611a1b2r._domainkey.example.co.jp")]
    pub name: String,
    #[schema(example = "TXT")]
    pub r#type: &'static str,
    #[schema(example = "v=DKIM1; k=rsa; p=MIIBIjANBg…")]
    pub value: String,
}

/// A key without its private half.
#[derive(Debug, Serialize, ToSchema)]
pub struct DkimKey {
    pub selector: String,
    #[schema(value_type = DkimAlgorithm)]
    pub algorithm: String,
    /// Signs now.
    pub active: bool,
    /// Since when it signs no more; its record stays until its mails are delivered. A key that is
    /// neither active nor retired waits for its record.
    pub retired_at: Option<DateTime<Utc>>,
    /// Base64 as after `p=`.
    pub public_key: String,
    pub record: DnsRecord,
    pub checked: DnsCheck,
}

/// A record beside those of the keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct OtherRecord {
    /// `spf`, `dmarc` or `return_path`. The last is wanted of nobody: without it SPF passes for the
    /// installation's domain and is not aligned with From.
    pub purpose: &'static str,
    pub name: String,
    pub r#type: &'static str,
    pub value: String,
    pub checked: DnsCheck,
    /// What stood there; several records by line. One that differs but lets the relays send is `ok`.
    pub found: Option<String>,
}

/// What stands under the domain itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostCheck {
    pub checked: DnsCheck,
    /// Its mail servers and addresses by line.
    pub found: Option<String>,
}

/// A domain that mails come from.
#[derive(Debug, Serialize, ToSchema)]
pub struct SenderDomain {
    pub id: Uuid,
    #[schema(example = "example.co.jp")]
    pub domain: String,
    /// Active ones first.
    pub keys: Vec<DkimKey>,
    pub records: Vec<OtherRecord>,
    /// What stands before the domain in the name that its mails come back to, once DNS has it.
    #[schema(example = "bounce")]
    pub return_path_label: String,
    /// Whether the domain has a mail server or an address: docomo and others refuse mails from one without.
    pub host: HostCheck,
    pub created_at: DateTime<Utc>,
    pub version: i32,
}

impl SenderDomain {
    /// `relays`: hosts that the SPF record is to name; `bounce_domain`: the installation's.
    fn of(
        row: sender_domain::SenderDomain,
        relays: &[String],
        bounce_domain: Option<&str>,
    ) -> Self {
        let others = sender_domain::records(&row, relays, bounce_domain).into_iter();
        let records = others
            .filter_map(|record| {
                let seen = match record.purpose {
                    "spf" => &row.spf,
                    "dmarc" => &row.dmarc,
                    "return_path" => &row.return_path,
                    _ => return None,
                };
                let Seen {
                    state,
                    found,
                    since,
                } = seen.clone();
                Some(OtherRecord {
                    purpose: record.purpose,
                    name: record.name,
                    r#type: record.kind,
                    value: record.value,
                    checked: DnsCheck {
                        state,
                        at: row.checked_at,
                        since,
                    },
                    found,
                })
            })
            .collect();
        let name = &row.domain;
        let keys = row.keys.into_iter().map(|key| DkimKey::of(key, name));
        Self {
            id: row.id.0,
            keys: keys.collect(),
            records,
            return_path_label: row.return_path_label,
            host: HostCheck {
                checked: DnsCheck {
                    state: row.host.state,
                    at: row.checked_at,
                    since: row.host.since,
                },
                found: row.host.found,
            },
            created_at: row.created_at,
            version: row.version,
            domain: row.domain,
        }
    }
}

impl DkimKey {
    fn of(key: sender_domain::DkimKey, domain: &str) -> Self {
        Self {
            record: DnsRecord {
                name: sender_domain::dkim::record_name(&key.selector, domain),
                r#type: "TXT",
                value: key
                    .algorithm()
                    .map(|a| sender_domain::dkim::record_value(a, &key.public_key))
                    .unwrap_or_default(),
            },
            checked: DnsCheck {
                state: key.checked_state,
                at: key.checked_at,
                since: key.checked_since,
            },
            selector: key.selector,
            algorithm: key.algorithm,
            active: key.active,
            retired_at: key.retired_at,
            public_key: key.public_key,
        }
    }
}

/// A domain to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SenderDomainCreate {
    /// In ASCII: `xn--…` for a Japanese one.
    #[schema(min_length = 3, max_length = 253, example = "example.co.jp")]
    pub domain: String,
}

/// What can be changed of a domain.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SenderDomainUpdate {
    /// One label of letters, digits and hyphens; has to be checked anew.
    #[schema(min_length = 1, max_length = 63, example = "bounce")]
    pub return_path_label: String,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config
        .service(list_sender_domains)
        .service(get_sender_domain);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_sender_domains)
        .service(create_sender_domain)
        .service(get_sender_domain)
        .service(update_sender_domain)
        .service(delete_sender_domain)
        .service(rotate_sender_domain_keys)
        .service(check_sender_domain);
}

async fn answer(
    state: &AppState,
    actor: &Actor,
    mut builder: actix_web::HttpResponseBuilder,
    row: sender_domain::SenderDomain,
) -> ApiResult {
    let relays = sender_domain::relay_hosts(&state.db, actor).await?;
    Ok(builder
        .insert_header(etag(row.version))
        .json(SenderDomain::of(
            row,
            &relays,
            state.config.bounce_domain.as_deref(),
        )))
}

/// The domains, by name
#[utoipa::path(
    tag = "sender-domains", operation_id = "list_sender_domains", params(PageQuery),
    responses((status = 200, body = PageOf<SenderDomain>, description = "A page"), ListProblems)
)]
#[get("/sender-domains")]
async fn list_sender_domains(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<PageQuery>,
) -> ApiResult<Json<PageOf<SenderDomain>>> {
    let page = sender_domain::list(&state.db, &user, &(&query.0).into()).await?;
    let relays = sender_domain::relay_hosts(&state.db, &user).await?;
    let bounce_domain = state.config.bounce_domain.as_deref();
    Ok(Json(PageOf::from_page(page, |row| {
        SenderDomain::of(row, &relays, bounce_domain)
    })))
}

/// Add a domain and make its keys
///
/// The keys, RSA-2048 and Ed25519, sign at once.
#[utoipa::path(
    tag = "sender-domains", operation_id = "create_sender_domain", request_body = SenderDomainCreate,
    responses((status = 201, body = SenderDomain, description = "Added", headers(("ETag" = String))), CreateProblems)
)]
#[post("/sender-domains")]
async fn create_sender_domain(
    state: Data<AppState>,
    user: Caller,
    body: Body<SenderDomainCreate>,
) -> ApiResult {
    let row = sender_domain::create(&state.db, &state.keys, &user, &body.0.domain).await?;
    answer(&state, &user, HttpResponse::Created(), row).await
}

/// One domain
#[utoipa::path(
    tag = "sender-domains", operation_id = "get_sender_domain",
    params(("id" = Uuid, Path, description = "Sender domain")),
    responses((status = 200, body = SenderDomain, description = "The domain", headers(("ETag" = String))), GetProblems)
)]
#[get("/sender-domains/{id}")]
async fn get_sender_domain(
    state: Data<AppState>,
    user: Caller,
    id: Id<SenderDomainId>,
) -> ApiResult {
    let row = sender_domain::get(&state.db, &user, id.0).await?;
    answer(&state, &user, HttpResponse::Ok(), row).await
}

/// Name the return path
///
/// Mails come back to it once a check has seen the CNAME record; until then to the installation's domain.
#[utoipa::path(
    tag = "sender-domains", operation_id = "update_sender_domain", request_body = SenderDomainUpdate,
    params(
        ("id" = Uuid, Path, description = "Sender domain"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = SenderDomain, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[put("/sender-domains/{id}")]
async fn update_sender_domain(
    state: Data<AppState>,
    user: Caller,
    id: Id<SenderDomainId>,
    version: IfMatch,
    body: Body<SenderDomainUpdate>,
) -> ApiResult {
    let label = &body.0.return_path_label;
    let row = sender_domain::return_path::rename(&state.db, &user, id.0, version.0, label).await?;
    answer(&state, &user, HttpResponse::Ok(), row).await
}

/// Delete a domain with its keys
///
/// Mails from it are signed no more.
#[utoipa::path(
    tag = "sender-domains", operation_id = "delete_sender_domain",
    params(
        ("id" = Uuid, Path, description = "Sender domain"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/sender-domains/{id}")]
async fn delete_sender_domain(
    state: Data<AppState>,
    user: Caller,
    id: Id<SenderDomainId>,
    version: IfMatch,
) -> ApiResult {
    sender_domain::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make new keys
///
/// Keys that are known to stand in DNS sign on until a check sees the new ones there too;
/// otherwise the new ones sign at once.
#[utoipa::path(
    tag = "sender-domains", operation_id = "rotate_sender_domain_keys",
    params(("id" = Uuid, Path, description = "Sender domain")),
    responses((status = 200, body = SenderDomain, description = "With its new keys", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/sender-domains/{id}/keys")]
async fn rotate_sender_domain_keys(
    state: Data<AppState>,
    user: Caller,
    id: Id<SenderDomainId>,
) -> ApiResult {
    let row = sender_domain::rotate(&state.db, &state.keys, &user, id.0).await?;
    answer(&state, &user, HttpResponse::Ok(), row).await
}

/// Ask DNS what stands there now
///
/// Takes at most 8 seconds. When the name servers don't answer it is 409 `dns_unavailable`, and the
/// states stay as they were. Waiting keys that are all seen take over.
#[utoipa::path(
    tag = "sender-domains", operation_id = "check_sender_domain",
    params(("id" = Uuid, Path, description = "Sender domain")),
    responses((status = 200, body = SenderDomain, description = "With what was seen", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/sender-domains/{id}/check")]
async fn check_sender_domain(
    state: Data<AppState>,
    user: Caller,
    id: Id<SenderDomainId>,
) -> ApiResult {
    let config = &state.config;
    let bounce_domain = config.bounce_domain.as_deref();
    let row =
        sender_domain::check(&state.db, &user, id.0, config.dns_server, bounce_domain).await?;
    answer(&state, &user, HttpResponse::Ok(), row).await
}
