//! `Idempotency-Key` on every POST of the API: the same key with the same
//! request answers what the first one did, without doing it again.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, FromRequest, HttpMessage, HttpResponse};
use domain::idempotency::{self, Answer, Claim, Claimed};
use domain::secret::sha256;

use crate::error::{ApiError, Passing};
use crate::extract::Caller;
use crate::state::AppState;

const HEADER: &str = "Idempotency-Key";
/// Headers that are part of an answer's meaning.
const KEPT: [header::HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// # Errors
/// Those of the handlers, and of the key.
pub async fn apply(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // What is no visible ASCII goes on as a key that is refused: to do the work without one, unnoticed, would be worse.
    let key = request
        .headers()
        .get(HEADER)
        .map(|value| value.to_str().unwrap_or_default().to_owned());
    let is_json = |value: &header::HeaderValue| {
        value
            .to_str()
            .is_ok_and(|v| v.starts_with("application/json"))
    };
    // An upload is a stream that can't be held to hash it; a second one makes a second file, and harms nobody.
    let body_is_small = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(is_json);
    match key {
        Some(key)
            if request.method() == Method::POST
                && super::route_pattern(&request).is_some_and(|pattern| is_covered(&pattern))
                && body_is_small =>
        {
            once(request, next, &key).await
        }
        _ => next
            .call(request)
            .await
            .map(ServiceResponse::map_into_boxed_body),
    }
}

/// All of the API but what answers with secrets that are shown once, and kept
/// nowhere: log-in, refresh, the making of API tokens, and of webhooks' keys.
/// `pattern` is a route's, as the description of the API has it.
#[must_use]
pub fn is_covered(pattern: &str) -> bool {
    const SECRET_BELOW: [&str; 2] = ["/v1/auth/", "/v1/api-tokens"];
    const SECRET: [&str; 2] = ["/v1/webhooks", "/v1/webhooks/{id}/rotate-secret"];
    pattern.starts_with("/v1/")
        && !SECRET.contains(&pattern)
        && !SECRET_BELOW.iter().any(|below| pattern.starts_with(below))
}

async fn once(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    key: &str,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let body = crate::extract::collect(request.take_payload(), crate::extract::MAX_JSON).await;
    let user = Caller::from_request(request.request(), &mut Payload::None).await;
    let state = request.app_data::<Data<AppState>>().cloned();
    let (body, user, state) = match (body, user, state) {
        (Ok(body), Ok(user), Some(state)) => (body, user, state),
        (Err(error), _, _) | (_, Err(error), _) => {
            return Ok(request.error_response(error).map_into_boxed_body());
        }
        (_, _, None) => {
            return next
                .call(request)
                .await
                .map(ServiceResponse::map_into_boxed_body);
        }
    };
    let claimed = Claimed {
        key: key.to_owned(),
        request_hash: sha256(&[request.uri().to_string().as_bytes(), b"\0", &body].concat()),
    };
    match idempotency::claim(&state.db, &state.keys, &user, &claimed).await {
        Ok(Claim::First) => {}
        Ok(Claim::Done(answer)) => return Ok(request.into_response(replay(answer))),
        Err(error) => {
            return Ok(request
                .error_response(ApiError::from(error))
                .map_into_boxed_body());
        }
    }
    request.set_payload(Payload::from(Bytes::from(body)));
    // For a handler that keeps its answer itself, together with what it does.
    request.extensions_mut().insert(claimed.clone());
    let response = next.call(request).await;
    if !response.as_ref().is_ok_and(|r| is_kept(r.response())) {
        idempotency::forget(&state.db, &user, &claimed)
            .await
            .map_err(ApiError::from)?;
        return response.map(ServiceResponse::map_into_boxed_body);
    }
    let (request, response) = response?.into_parts();
    let (head, body) = response.into_parts();
    let body = actix_web::body::to_bytes(body)
        .await
        .map_err(|_| ApiError::Malformed("the answer was cut".to_owned()))?;
    let headers = KEPT
        .iter()
        .filter_map(|name| {
            Some((
                name.to_string(),
                head.headers().get(name)?.to_str().ok()?.to_owned(),
            ))
        })
        .collect();
    let answer = Answer {
        status: head.status().as_u16(),
        headers,
        body: body.to_vec(),
    };
    idempotency::store(&state.db, &state.keys, &user, &claimed, &answer)
        .await
        .map_err(ApiError::from)?;
    Ok(ServiceResponse::new(
        request,
        head.set_body(BoxBody::new(body)),
    ))
}

/// Not what another moment may answer otherwise: a failure of ours, two changes
/// at the same moment, too many requests, and a refusal that the caller can mend (log in anew, prove who they
/// are for `step_up_required`, be given a permission) and then send the same again.
fn is_kept(response: &HttpResponse<impl MessageBody>) -> bool {
    let may_change = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    let status = response.status();
    !status.is_server_error()
        && !may_change.contains(&status)
        && response.extensions().get::<Passing>().is_none()
}

fn replay(answer: Answer) -> HttpResponse {
    let mut builder =
        HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK));
    for header in answer.headers {
        builder.insert_header(header);
    }
    builder
        .insert_header(("Idempotency-Replayed", "true"))
        .body(answer.body)
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError as _;
    use domain::DomainError;
    use domain::error::BUSY;

    use super::*;

    #[test]
    fn what_another_moment_may_answer_otherwise_is_kept_for_no_key() {
        let kept = |error: DomainError| is_kept(&ApiError::from(error).error_response());
        assert!(kept(DomainError::conflict("in_use", "a mail uses it")));
        assert!(kept(DomainError::invalid("/name", "required", "give one")));
        assert!(!kept(DomainError::conflict(BUSY, "try again")));
        assert!(!kept(DomainError::Unavailable {
            context: "database".to_owned()
        }));
        assert!(!kept(DomainError::Forbidden { permission: "x" }));
    }
}
