//! `kikubari serve`.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use anyhow::Context;
use domain::Db;
use domain::clock::Clock;
use domain::config::{DatabaseConfig, SecretConfig, load, load_or};
use domain::egress::EgressConfig;
use domain::secret::Keys;
use domain::session::password::{Cost, Hasher};
use domain::session::token::AccessTokens;
use tokio::signal::unix::{SignalKind, signal};

use super::output::explain;
use crate::app::Application;
use crate::background::Background;
use crate::events::Events;
use crate::middleware::access::AccessLog;
use crate::middleware::rate_limit::Limits;
use crate::state::{ApiConfig, AppState, installation};
use crate::visitors::Visitors;
use crate::worker::Workers;

/// Longer than Caddy keeps a connection to us idle (two minutes): the one who
/// may send on it has to be the one who gives it up, or a request now and then
/// meets a closed line and becomes a 502.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(130);

pub(super) async fn run() -> anyhow::Result<()> {
    let state = state()?;
    let (listen, workers) = (state.config.listen.clone(), state.config.http_workers);
    let tracker = state.visitors.tracker.start();
    let looks = state.access.start();
    let jobs = Workers::start(
        &state.db,
        state.config.job_workers,
        state.config.access_log_days,
    )?;
    actix_web::rt::spawn(end_streams(Arc::clone(&state.events)));
    let background = state.background.clone();
    let application = Application::new(state);
    tracing::info!(name: "api.listening", listen, "serving");
    let served = HttpServer::new(move || application.build())
        .workers(workers)
        .on_connect(send_at_once)
        .shutdown_timeout(10)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(Duration::from_secs(15))
        .bind(&listen)
        .with_context(|| format!("listen on {listen} (KIKUBARI_LISTEN)"))?
        .run()
        .await
        .context("serve");
    background.settled().await;
    // Nobody asks any more: what is queued can be written to its end.
    if let Some(tracker) = tracker {
        tracker.stop().await;
    }
    if let Some(looks) = looks {
        looks.stop().await;
    }
    jobs.end().await;
    served
}

/// Ends the event streams when the process is told to end, which would
/// otherwise wait its whole time-out for them.
async fn end_streams(events: Arc<Events>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    events.close();
    Ok(())
}

/// Turns off Nagle's algorithm. A compressed answer goes out in two pieces, and
/// the second one would wait until the first is acknowledged, which the other
/// side puts off for 40 ms: measured as 44 ms instead of 3 for a page of contacts.
fn send_at_once(connection: &dyn Any, _: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = stream.set_nodelay(true)
    {
        tracing::debug!(name: "api.nodelay_failed", %error, "the connection is gone already");
    }
}

/// All that the settings say, checked.
pub(super) fn state() -> anyhow::Result<AppState> {
    let config: ApiConfig = load_or(&ApiConfig::default())?;
    config.check().map_err(|detail| anyhow::anyhow!(detail))?;
    let database: DatabaseConfig = load()?;
    let secret: SecretConfig = load()?;
    let keys = Keys::from_file(&secret.secret_key_file).map_err(explain)?;
    let keys = Arc::new(keys);
    let egress: EgressConfig = load_or(&EgressConfig::default())?;
    let egress = egress.rules().map_err(|detail| anyhow::anyhow!(detail))?;
    let db = Db::new(&database, Clock::system()).map_err(explain)?;
    let visitors = Visitors::new(db.clone(), installation(&config, &keys));
    Ok(AppState {
        limits: Arc::new(Limits::new(config.rate_limit)),
        config: Arc::new(config),
        events: Arc::new(Events::new(db.clone())),
        access: Arc::new(AccessLog::new(db.clone())),
        db,
        egress: Arc::new(egress),
        tokens: Arc::new(AccessTokens::new(&keys).map_err(explain)?),
        keys,
        visitors: Arc::new(visitors),
        background: Background::default(),
        hasher: Hasher::new(Cost::default()).map_err(explain)?,
    })
}
