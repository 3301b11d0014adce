//! Around the console's requests: the door (who may knock at all), and the
//! look (a grant, and an entry of the tenant's audit log, before each one).

use std::rc::Rc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Extensions, ResourceDef, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, ResponseError};
use domain::DomainError;
use domain::ids::{SupportSessionId, TenantId};
use domain::operator::support::{self, Look};
use utoipa::openapi::OpenApi;
use uuid::Uuid;

use super::config::OperatorState;
use super::extract;
use super::openapi::SUPPORT;
use crate::error::{ApiError, problem};
use crate::extract::{Caller, client_ip};
use crate::middleware::access;
use crate::state::AppState;

/// Refuses addresses outside the allow-list. Health checks of the inside
/// network say nothing of anybody and pass.
///
/// # Errors
/// Those of the handlers.
pub async fn door(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_let_in = request.path().starts_with("/health/")
        || request
            .app_data::<Data<OperatorState>>()
            .zip(client_ip(request.request()))
            .is_some_and(|(state, ip)| state.config.lets_in(ip));
    if is_let_in {
        return next
            .call(request)
            .await
            .map(ServiceResponse::map_into_boxed_body);
    }
    let detail =
        "this address is not on the list of those that are let in (KIKUBARI_OPERATOR_ALLOW)";
    let answer = problem(StatusCode::FORBIDDEN, "address_not_allowed", detail);
    Ok(request.into_response(answer.into_response()))
}

/// What can be looked at.
pub struct Views(Vec<View>);

struct View {
    pattern: ResourceDef,
    /// Operation id of the document.
    operation: String,
    /// What it is about, as the audit log names it.
    kind: String,
}

/// `/contact-fields/{id}` is about a `contact_field`.
fn kind_of(inside: &str) -> String {
    let noun = inside.split('/').nth(1).unwrap_or_default();
    let one = match noun.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => noun.trim_end_matches('s').to_owned(),
    };
    one.replace('-', "_")
}

impl Views {
    #[must_use]
    pub fn new(document: &OpenApi) -> Self {
        let views = document.paths.paths.iter().filter_map(|(path, item)| {
            let inside = path.strip_prefix(SUPPORT)?;
            let get = item.get.as_ref()?;
            Some(View {
                pattern: ResourceDef::new(path.as_str()),
                operation: get.operation_id.clone()?,
                kind: kind_of(inside),
            })
        });
        Self(views.collect())
    }

    fn of(&self, path: &str) -> Option<&View> {
        self.0.iter().find(|view| view.pattern.is_match(path))
    }
}

/// Asks for the grant, writes the look down, and hands the request over to the
/// tenants' own handler with a database that only reads, as an actor with the
/// grant's permissions. No look, no handler.
///
/// # Errors
/// Those of the handlers.
pub async fn look(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match prepare(&mut request).await {
        Ok(operation) => seen(request, next, operation).await,
        Err(error) => Ok(request.error_response(error).map_into_boxed_body()),
    }
}

/// Notes whose data the answer shows before it goes out, where everybody who
/// looks is noted; when that fails, nothing is shown.
async fn seen(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    operation: String,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (response, person) = access::watching(next.call(request)).await?;
    let response = response.map_into_boxed_body();
    let look = access::look_under(response.request(), &operation, person);
    let state = response
        .request()
        .app_data::<Data<OperatorState>>()
        .cloned();
    if !response.status().is_success() {
        return Ok(response);
    }
    if let Some((look, state)) = look.zip(state)
        && let Err(error) = domain::access::record_now(&state.db, &look).await
    {
        let (request, _) = response.into_parts();
        let refusal = ApiError::from(error).error_response();
        return Ok(ServiceResponse::new(request, refusal));
    }
    Ok(response)
}

/// Answers the operation that is looked at.
async fn prepare(request: &mut ServiceRequest) -> Result<String, ApiError> {
    let missing = || DomainError::internal("application state is missing");
    let operator = extract::authenticate(request.request()).await?;
    let state = request
        .app_data::<Data<OperatorState>>()
        .cloned()
        .ok_or_else(missing)?;
    let shared = request
        .app_data::<Data<AppState>>()
        .cloned()
        .ok_or_else(missing)?;
    let views = request
        .app_data::<Data<Views>>()
        .cloned()
        .ok_or_else(missing)?;
    let nothing = || DomainError::not_found("resource");
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let view = views
        .of(request.path())
        .filter(|_| reads)
        .ok_or_else(nothing)?;
    let part = |name: &str| {
        let text = request.match_info().get(name);
        text.and_then(|text| text.parse::<Uuid>().ok())
            .ok_or_else(nothing)
    };
    let (tenant, session) = (
        TenantId(part("tenant")?),
        SupportSessionId(part("support")?),
    );
    // The part after the scope: /contacts/{id}/timeline.
    let inside = request.match_info().unprocessed();
    let subject = inside.split('/').find_map(|part| part.parse::<Uuid>().ok());
    let wanted = Look {
        operation: &view.operation,
        kind: &view.kind,
        subject,
        query: request.query_string(),
    };
    let actor = support::look(&state.db, &operator, tenant, session, wanted).await?;
    let restricted = AppState {
        db: state.db.supporting(session),
        ..(**shared).clone()
    };
    let mut data = Extensions::new();
    data.insert(Data::new(restricted));
    request.add_data_container(Rc::new(data));
    let operation = view.operation.clone();
    request.extensions_mut().insert(Caller(actor));
    Ok(operation)
}
