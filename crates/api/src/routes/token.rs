//! A client id and its secret for an access token: the client credentials
//! grant of OAuth 2.0 (RFC 6749 §4.4), with its own form of errors (§5.2).

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{DomainError, api_token};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::{ApiError, ApiResult};
use crate::extract::{client_ip, collect};
use crate::problems::TokenProblems;
use crate::state::AppState;

/// Most bytes of the form: id, secret and all scopes fit several times.
const MAX_FORM: usize = 8 * 1024;

/// The form. Id and secret may stand in `Authorization: Basic` instead, not in both places.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "says what the form is; it is read pair by pair")]
pub struct TokenRequest {
    /// Always `client_credentials`.
    #[schema(example = "client_credentials", max_length = 100)]
    grant_type: String,
    /// Names of scopes with spaces between; left out: all that the API token has.
    #[schema(example = "contacts.read", max_length = 2000)]
    scope: Option<String>,
    #[schema(max_length = 100)]
    client_id: Option<String>,
    #[schema(value_type = Option<String>, format = Password, max_length = 200)]
    client_secret: Option<String>,
}

/// An access token for a program.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenAnswer {
    /// JWT, sent as `Authorization: Bearer`.
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds: ten minutes, less when the API token or its old secret ends before.
    #[schema(example = 600)]
    pub expires_in: i64,
    /// What it may, with spaces between.
    #[schema(example = "contacts.read contacts.write")]
    pub scope: String,
}

/// Why there is no access token (RFC 6749 §5.2).
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenError {
    /// `invalid_request`, `invalid_client`, `unsupported_grant_type` or `invalid_scope`.
    #[schema(example = "invalid_client")]
    pub error: &'static str,
    pub error_description: String,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_access_token);
}

/// What the caller sent.
#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    scope: Option<String>,
    client: Option<(String, SecretString)>,
}

type Refusal = (&'static str, String);

fn invalid_request(description: &str) -> Refusal {
    ("invalid_request", description.to_owned())
}

/// Access token for a program
///
/// The client credentials grant (RFC 6749 §4.4): `client_id` and `client_secret` of an API token, in the form or in
/// `Authorization: Basic`. After some failures each further one makes the wait longer (429).
#[utoipa::path(
    tag = "auth", operation_id = "create_access_token", security(()),
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = TokenAnswer, description = "The access token", headers(("Cache-Control" = String))),
        (status = 400, body = TokenError, description = "The request is not one of this grant, or asks for a scope that the API token does not have"),
        (status = 401, body = TokenError, description = "Wrong, over, revoked, or not from this address", headers(("WWW-Authenticate" = String))),
        TokenProblems
    )
)]
#[post("/auth/token")]
async fn create_access_token(
    state: Data<AppState>,
    request: HttpRequest,
    payload: Payload,
) -> ApiResult {
    let body = match collect(payload.into_inner(), MAX_FORM).await {
        Err(ApiError::Malformed(detail)) => return Ok(refuse(&("invalid_request", detail))),
        body => body?,
    };
    let (client_id, secret, scope) = match read(&request, &body).and_then(complete) {
        Ok(asked) => asked,
        Err(refusal) => return Ok(refuse(&refusal)),
    };
    let ip = client_ip(&request);
    let exchanged = api_token::exchange(
        &state.db,
        &state.tokens,
        &client_id,
        &secret,
        scope.as_deref(),
        ip,
    )
    .await;
    match exchanged {
        Ok(exchanged) => {
            state.limits.spend_of(exchanged.token_id.0)?;
            Ok(uncached(StatusCode::OK).json(TokenAnswer {
                access_token: exchanged.access_token.expose_secret().to_owned(),
                token_type: "Bearer",
                expires_in: exchanged.expires_in,
                scope: exchanged.scope,
            }))
        }
        Err(DomainError::Unauthenticated { detail, .. }) => {
            Ok(refuse(&("invalid_client", detail.to_owned())))
        }
        Err(DomainError::Invalid(errors)) => {
            let detail = errors.into_iter().map(|error| error.detail).collect();
            Ok(refuse(&("invalid_scope", detail)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Each name at most once (§3.2); names that are not ours are passed over.
fn read(request: &HttpRequest, body: &[u8]) -> Result<Form, Refusal> {
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| {
            let expected = "application/x-www-form-urlencoded";
            value.trim().eq_ignore_ascii_case(expected)
        });
    if !is_form {
        let description = "send the parameters as application/x-www-form-urlencoded";
        return Err(invalid_request(description));
    }
    let pairs = std::str::from_utf8(body)
        .ok()
        .and_then(|text| Query::<Vec<(String, String)>>::from_query(text).ok())
        .ok_or_else(|| invalid_request("the form can't be read"))?;
    let mut form = Form::default();
    let (mut id, mut secret) = (None, None);
    for (name, value) in pairs.into_inner() {
        let place = match name.as_str() {
            "grant_type" => &mut form.grant_type,
            "scope" => &mut form.scope,
            "client_id" => &mut id,
            "client_secret" => &mut secret,
            _ => continue,
        };
        if place.replace(value).is_some() {
            return Err(invalid_request("a parameter stands there twice"));
        }
    }
    let in_header = basic(request)?;
    form.client = match (in_header, id, secret) {
        (Some(_), _, Some(_)) => {
            let description = "give the secret in one place: the form or the header";
            return Err(invalid_request(description));
        }
        (Some((known, _)), Some(id), None) if known != id => {
            return Err(invalid_request("the form and the header name two clients"));
        }
        (Some(client), _, None) => Some(client),
        (None, Some(id), Some(secret)) => Some((id, secret.into())),
        _ => None,
    };
    Ok(form)
}

/// Id and secret of `Authorization: Basic` (§2.3.1). Neither has a letter that
/// would be escaped, so what is escaped is none of ours.
fn basic(request: &HttpRequest) -> Result<Option<(String, SecretString)>, Refusal> {
    let Some(value) = request.headers().get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let client = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| {
            let (id, secret) = text.split_once(':')?;
            Some((id.to_owned(), SecretString::from(secret)))
        });
    let malformed = || invalid_request("the header Authorization is no Basic with id and secret");
    client.map(Some).ok_or_else(malformed)
}

fn complete(form: Form) -> Result<(String, SecretString, Option<String>), Refusal> {
    match form.grant_type.as_deref() {
        Some("client_credentials") => {}
        None => return Err(invalid_request("grant_type is missing")),
        Some(_) => {
            let description = "grant_type must be client_credentials";
            return Err(("unsupported_grant_type", description.to_owned()));
        }
    }
    let missing = || {
        let description = "client_id or client_secret is missing";
        ("invalid_client", description.to_owned())
    };
    let (id, secret) = form.client.ok_or_else(missing)?;
    Ok((id, secret, form.scope))
}

fn uncached(status: StatusCode) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

fn refuse((error, description): &Refusal) -> HttpResponse {
    let mut response = if *error == "invalid_client" {
        let mut response = uncached(StatusCode::UNAUTHORIZED);
        response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"kikubari\""));
        response
    } else {
        uncached(StatusCode::BAD_REQUEST)
    };
    response.json(TokenError {
        error,
        error_description: description.clone(),
    })
}
