//! What goes on in the tenant, as server-sent events (HTML Living Standard §9.2).

use std::collections::BTreeSet;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, get, http::header};
use domain::ids::{CampaignId, JobId};
use domain::session::token::Claims;
use domain::signal::Signal;
use domain::{Actor, DomainError, campaign, job};
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::campaign::dto::Campaign;
use super::job::Job;
use crate::error::ApiResult;
use crate::events::Subscription;
use crate::extract::{Caller, QueryOf, actor_of, claims};
use crate::problems::ListProblems;
use crate::state::AppState;

/// Longest life of a stream, so that no connection is forgotten on the way.
const SECONDS_MAX: u16 = 600;
/// Signals of one thing within this time become one event.
const GATHER: Duration = Duration::from_millis(300);
/// Keeps proxies from taking the stream for dead, and asks whether the session lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// After how many seconds the stream ends (600); the client then asks again.
    #[param(minimum = 0, maximum = 600)]
    seconds: Option<u16>,
}

/// What an event is about.
#[derive(Debug, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerEventKind {
    /// The stream is up.
    Ready,
    Campaign,
    Job,
}

/// One event of the stream.
#[derive(Debug, ToSchema)]
pub struct ServerEvent {
    pub event: ServerEventKind,
    /// JSON: the campaign or job as its GET answers it; `{}` of `ready`.
    #[schema(example = "{}")]
    pub data: String,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(stream_events);
}

/// What goes on, as server-sent events
///
/// `ready` comes first: what happens after it is told. `campaign` and `job` bring the thing as its GET answers it,
/// each at most some times a second; things that the caller may not read are left out. The stream ends with the session or the API token.
/// Nothing is sent again after a cut: read what you show once more.
#[utoipa::path(
    tag = "events", operation_id = "stream_events", params(EventQuery),
    responses((status = 200, body = ServerEvent, content_type = "text/event-stream", description = "Events, each of this shape"), ListProblems)
)]
#[get("/events")]
async fn stream_events(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<EventQuery>,
    request: HttpRequest,
) -> ApiResult {
    let seconds = query.0.seconds.unwrap_or(SECONDS_MAX);
    if seconds > SECONDS_MAX {
        let detail = format!("must be at most {SECONDS_MAX}");
        return Err(DomainError::invalid("/seconds", "out_of_range", detail).into());
    }
    let claims = claims(&request)?;
    let subscription = state.events.subscribe(claims.sub).await?;
    let end = Instant::now() + Duration::from_secs(u64::from(seconds));
    let watcher = Watcher {
        state: state.get_ref().clone(),
        claims,
        actor: user.0,
        campaigns: BTreeSet::new(),
        jobs: BTreeSet::new(),
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Compressed it would be held back until a block is full.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .streaming(stream(watcher, subscription, end)))
}

/// One stream: whose it is, and what changed since it last told.
struct Watcher {
    state: AppState,
    claims: Claims,
    actor: Actor,
    campaigns: BTreeSet<CampaignId>,
    jobs: BTreeSet<JobId>,
}

fn stream(
    mut watcher: Watcher,
    mut subscription: Subscription,
    end: Instant,
) -> impl Stream<Item = Result<Bytes, actix_web::Error>> {
    async_stream::stream! {
        yield Ok(event("ready", &serde_json::json!({})));
        let mut gather = interval(GATHER);
        gather.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.reset();
        loop {
            tokio::select! {
                () = sleep_until(end) => break,
                _ = subscription.closing.wait_for(|closing| *closing) => break,
                signal = subscription.signals.recv() => match signal {
                    Ok(signal) => watcher.note(signal),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
                _ = gather.tick(), if watcher.has_news() => match watcher.news().await {
                    Some(news) => for item in news { yield Ok(item) },
                    None => break,
                },
                _ = heartbeat.tick() => {
                    if !watcher.may_go_on().await {
                        break;
                    }
                    yield Ok(Bytes::from_static(b": still here\n\n"));
                }
            }
        }
    }
}

impl Watcher {
    fn note(&mut self, signal: Signal) {
        match signal {
            Signal::Campaign { tenant, id } if tenant == self.actor.tenant_id => {
                self.campaigns.insert(id);
            }
            Signal::Job { tenant, id } if tenant == self.actor.tenant_id => {
                self.jobs.insert(id);
            }
            _ => {}
        }
    }

    fn has_news(&self) -> bool {
        !(self.campaigns.is_empty() && self.jobs.is_empty())
    }

    /// Whether the session or API token lives; takes over what it may do by now.
    async fn may_go_on(&mut self) -> bool {
        match actor_of(&self.state, &self.claims, false, self.actor.ip).await {
            Ok(actor) if !actor.must_enrol => {
                self.actor = actor;
                true
            }
            _ => false,
        }
    }

    /// What changed, as the caller may read it; `None` when the session ended.
    async fn news(&mut self) -> Option<Vec<Bytes>> {
        if !self.may_go_on().await {
            return None;
        }
        let db = &self.state.db;
        let mut news = Vec::new();
        // What can't be read is not told: gone, not theirs to read, or the
        // database is away, and the page's next look says so.
        for id in std::mem::take(&mut self.campaigns) {
            if let Ok(row) = campaign::get(db, &self.actor, id).await {
                news.push(event("campaign", &Campaign::from(row)));
            }
        }
        for id in std::mem::take(&mut self.jobs) {
            if let Ok(row) = job::get(db, &self.actor, id).await {
                news.push(event("job", &Job::from(row)));
            }
        }
        Some(news)
    }
}

/// JSON has no line breaks of its own, so one `data:` line holds it.
fn event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}
