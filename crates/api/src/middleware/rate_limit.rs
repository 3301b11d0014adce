//! A limit on requests by session or API token, told in the `RateLimit` headers
//! (draft-ietf-httpapi-ratelimit-headers). It keeps one runaway script from
//! taking the service away from everybody else; limits of sending are the
//! engine's.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};
use domain::{Actor, DomainError};
use uuid::Uuid;

use crate::extract::Caller;
use crate::state::AppState;

const WINDOW: Duration = Duration::from_secs(60);
/// Windows kept at most; old ones go first.
const MAX_WINDOWS: usize = 100_000;

/// Requests of each session and API token in the running minute of this process.
#[derive(Debug)]
pub struct Limits {
    per_minute: u32,
    windows: Mutex<HashMap<Uuid, (Instant, u32)>>,
}

impl Limits {
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            windows: Mutex::new(HashMap::new()),
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// [`DomainError::TooManyRequests`] over the limit.
    pub fn spend(&self, actor: &Actor) -> Result<(), DomainError> {
        self.spend_of(key(actor))
    }

    /// As [`Limits::spend`], of a session or API token by its id.
    ///
    /// # Errors
    /// [`DomainError::TooManyRequests`] over the limit.
    pub fn spend_of(&self, key: Uuid) -> Result<(), DomainError> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if windows.len() >= MAX_WINDOWS {
            windows.retain(|_, (began, _)| now - *began < WINDOW);
        }
        let (began, spent) = windows.entry(key).or_insert((now, 0));
        if now - *began >= WINDOW {
            (*began, *spent) = (now, 0);
        }
        *spent += 1;
        if *spent > self.per_minute {
            return Err(DomainError::TooManyRequests {
                retry_after: WINDOW.saturating_sub(now - *began),
            });
        }
        Ok(())
    }

    /// What is left, and for how long.
    fn left(&self, actor: &Actor) -> (u32, u64) {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((began, spent)) = windows.get(&key(actor)) else {
            return (self.per_minute, WINDOW.as_secs());
        };
        (
            self.per_minute.saturating_sub(*spent),
            WINDOW.saturating_sub(began.elapsed()).as_secs(),
        )
    }
}

fn key(actor: &Actor) -> Uuid {
    let holder = actor.session_id.map(|id| id.0);
    holder
        .or(actor.token_id.map(|id| id.0))
        .unwrap_or(actor.tenant_id.0)
}

/// Tells the limit in the answer.
///
/// # Errors
/// Those of the handlers.
pub async fn tell<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let mut response = next.call(request).await?;
    let actor = response
        .request()
        .extensions()
        .get::<Caller>()
        .map(|user| user.0.clone());
    if let (Some(state), Some(actor)) = (state, actor) {
        let (left, seconds) = state.limits.left(&actor);
        for (name, value) in [
            (
                "ratelimit-policy",
                format!(
                    "\"session\";q={};w={}",
                    state.limits.per_minute,
                    WINDOW.as_secs()
                ),
            ),
            ("ratelimit", format!("\"session\";r={left};t={seconds}")),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
        }
    }
    Ok(response)
}
