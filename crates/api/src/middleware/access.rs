//! Notes who looks at people's data: the answer goes out at once, the look into
//! a queue that is written in batches ([`crate::gather`]).
//!
//! A table names the operations, so that no handler can forget it; a test
//! holds it against the document.

use std::cell::Cell;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use domain::Db;
use domain::access::{self, Access};
use domain::error::Result;
use domain::ids::{ContactId, TenantId};
use uuid::Uuid;

use crate::extract::Caller;
use crate::gather::{Gathered, Gatherer};
use crate::state::AppState;

/// The queue of looks.
pub type AccessLog = Gatherer<Access>;

impl Gathered for Access {
    const WHAT: &'static str = "looks at people's data";
    const BATCH: usize = access::BATCH;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    async fn write(db: &Db, tenant: TenantId, items: &[Self]) -> Result<()> {
        access::record(db, tenant, items).await
    }
}

/// An operation that answers people's data.
#[derive(Debug)]
pub struct Watched {
    pub method: Method,
    pub path: &'static str,
    pub operation: &'static str,
    /// What its `{id}` names, or what it lists.
    subject: &'static str,
}

const fn get(path: &'static str, operation: &'static str, subject: &'static str) -> Watched {
    Watched {
        method: Method::GET,
        path,
        operation,
        subject,
    }
}

/// All of them.
pub const WATCHED: &[Watched] = &[
    get("/v1/contacts", "list_contacts", "contact"),
    get("/v1/contacts/{id}", "get_contact", "contact"),
    get(
        "/v1/contacts/{id}/timeline",
        "list_contact_timeline",
        "contact",
    ),
    get(
        "/v1/contacts/{id}/subscriptions",
        "list_contact_subscriptions",
        "contact",
    ),
    get(
        "/v1/contacts/{id}/consents",
        "list_contact_consents",
        "contact",
    ),
    get("/v1/contacts/{id}/data", "get_contact_data", "contact"),
    get("/v1/erasures", "list_erasures", "erasure"),
    get("/v1/erasures/{id}", "get_erasure", "erasure"),
    get("/v1/suppressions", "list_suppressions", "suppression"),
    get(
        "/v1/signup-addresses/{id}/signups",
        "list_signups",
        "signup_address",
    ),
    get("/v1/imports/{id}", "get_import", "import"),
    get("/v1/imports/{id}/rejected", "get_import_rejected", "import"),
    get(
        "/v1/campaigns/{id}/deliveries",
        "list_campaign_deliveries",
        "campaign",
    ),
    get(
        "/v1/campaigns/{id}/left-out",
        "list_campaign_left_out",
        "campaign",
    ),
    get("/v1/deliveries/{id}", "get_delivery", "delivery"),
    get(
        "/v1/transactional-sends",
        "list_transactional_sends",
        "delivery",
    ),
    get(
        "/v1/sequences/{id}/people",
        "list_sequence_people",
        "sequence",
    ),
    get(
        "/v1/webhooks/{id}/messages/{message_id}",
        "get_webhook_message",
        "webhook",
    ),
    get("/v1/audit-entries", "list_audit_entries", "audit"),
    get("/v1/audit-entries/{id}", "get_audit_entry", "audit"),
    get("/v1/access-entries", "list_access_entries", "audit"),
    Watched {
        method: Method::POST,
        path: "/v1/mails/{id}/preview",
        operation: "preview_mail",
        subject: "mail",
    },
];

tokio::task_local! {
    static PERSON: Cell<Option<ContactId>>;
}

/// Says whom the answer shows, where the path names something else.
pub fn shows(contact: Option<ContactId>) {
    // Outside of a request, in a test, there is nobody to tell.
    let _ = PERSON.try_with(|person| person.set(contact));
}

/// Notes the look when the answer is one.
///
/// # Errors
/// Those of the handlers.
pub async fn note<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let pattern = super::route_pattern(&request);
    let (response, person) = watching(next.call(request)).await?;
    if response.status().is_success()
        && let Some(look) = look(response.request(), &pattern.unwrap_or_default(), person)
        && let Some(state) = response.request().app_data::<web::Data<AppState>>()
    {
        state.access.record(look).await;
    }
    Ok(response)
}

/// Serves, and answers beside the response whom it [`shows`].
pub(crate) async fn watching<B>(
    served: impl Future<Output = Result<ServiceResponse<B>, Error>>,
) -> Result<(ServiceResponse<B>, Option<ContactId>), Error> {
    let served = async {
        let response = served.await?;
        Ok((response, PERSON.with(Cell::get)))
    };
    PERSON.scope(Cell::new(None), served).await
}

fn look(request: &HttpRequest, path: &str, person: Option<ContactId>) -> Option<Access> {
    let watched = WATCHED
        .iter()
        .find(|watched| watched.method == *request.method() && watched.path == path)?;
    look_at(request, watched, person)
}

/// The look of staff, whose path is another one.
pub(crate) fn look_under(
    request: &HttpRequest,
    operation: &str,
    person: Option<ContactId>,
) -> Option<Access> {
    let watched = WATCHED
        .iter()
        .find(|watched| watched.operation == operation)?;
    look_at(request, watched, person)
}

fn look_at(request: &HttpRequest, watched: &Watched, person: Option<ContactId>) -> Option<Access> {
    let user = request.extensions().get::<Caller>().cloned()?;
    let state = request.app_data::<web::Data<AppState>>()?;
    let named: Option<Uuid> = request
        .match_info()
        .get("id")
        .and_then(|id| id.parse().ok());
    let subject = match person {
        Some(contact) => ("contact", Some(contact.0)),
        None => (watched.subject, named),
    };
    Some(Access::new(
        &user,
        watched.operation,
        subject,
        request.query_string(),
        state.db.now(),
    ))
}
