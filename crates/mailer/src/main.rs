//! `kikubari-mailer run`: the sending engine. `parse-bounce`: a look at bounces.

mod parse;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use domain::Db;
use domain::clock::Clock;
use domain::config::{DatabaseConfig, SecretConfig, load, load_or};
use domain::egress::EgressConfig;
use domain::mail::render::Installation;
use domain::secret::Keys;
use mailer::config::MailerConfig;
use mailer::explain;
use mailer::inbound::{Desk, Inbound};
use mailer::runner::Mailer;
use mailer::webhook::Webhooks;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

const DATABASE_RETRY: Duration = Duration::from_secs(1);

/// Each mail is some hundred small allocations, made on one thread and freed on
/// another, which the C library's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sends the mails of Kikubari.
#[derive(Debug, Parser)]
#[command(name = "kikubari-mailer", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send until SIGTERM or SIGINT
    Run,
    /// Say what bounces and complaints in files say, as JSON lines
    ParseBounce {
        /// Mails as they came, one in each file
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Run => start(),
        Command::ParseBounce { files } => parse::bounces(&files, std::io::stdout().lock()),
    }
}

fn start() -> anyhow::Result<()> {
    domain::log::init();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("runtime")?
        .block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let config: MailerConfig = load_or(&MailerConfig::default())?;
    config.check().map_err(|detail| anyhow::anyhow!(detail))?;
    let database: DatabaseConfig = load()?;
    let secret: SecretConfig = load()?;
    let keys = Arc::new(Keys::from_file(&secret.secret_key_file).map_err(explain)?);
    let db = Db::new(&database, Clock::system()).map_err(explain)?;
    if let Some(listen) = config.metrics_listen {
        mailer::metrics::serve(listen)
            .await
            .with_context(|| format!("listen on {listen} (KIKUBARI_METRICS_LISTEN)"))?;
    }
    let egress: EgressConfig = load_or(&EgressConfig::default())?;
    let rules = egress.rules().map_err(|detail| anyhow::anyhow!(detail))?;
    let webhooks = Webhooks::new(&db, &keys, rules, config.dns_server)?;
    let inbound = inbound(&db, &keys, &config).await?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let dir = config
        .journal_dir
        .as_deref()
        .context("KIKUBARI_JOURNAL_DIR is missing: a folder on a lasting disk of this machine, in which a mailer keeps what must survive it")?;
    let ended = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let mut ended = std::pin::pin!(ended);
    let mailer = tokio::select! {
        mailer = prepared(&db, &keys, &config, dir) => mailer?,
        () = &mut ended => return Ok(()),
    };
    tracing::info!(name: "mailer.started", helo = config.helo_name(), "sending");
    let (end, mut end_of_webhooks) = watch::channel(false);
    let webhooks = tokio::spawn(async move {
        webhooks
            .run(async move {
                end_of_webhooks.wait_for(|ended| *ended).await.ok();
            })
            .await;
    });
    let outcome = mailer
        .run(async {
            ended.await;
            end.send_replace(true);
        })
        .await;
    end.send_replace(true);
    webhooks.await.context("the sender of webhooks")?;
    drop(inbound);
    outcome?;
    tracing::info!(name: "mailer.ended", "ended");
    Ok(())
}

/// The listeners for what comes back; they end when the set is dropped.
async fn inbound(db: &Db, keys: &Arc<Keys>, config: &MailerConfig) -> anyhow::Result<JoinSet<()>> {
    let desk = Arc::new(Desk::new(
        db.clone(),
        Installation {
            public_url: config.public_url.clone(),
            keys: Arc::clone(keys),
        },
        config.bounce_domain.clone(),
        config.cancel_mailbox.clone(),
    ));
    let mut listeners = JoinSet::new();
    for (listen, protocol) in config.inbound() {
        let listener = Inbound::bind(listen, protocol, &config.helo_name(), &desk).await?;
        tracing::info!(name: "inbound.listening", %listen, ?protocol, "taking bounces");
        listeners.spawn(listener.run());
    }
    Ok(listeners)
}

/// A mailer with its journal, as soon as the database answers.
async fn prepared(
    db: &Db,
    keys: &Arc<Keys>,
    config: &MailerConfig,
    dir: &Path,
) -> anyhow::Result<Mailer> {
    while let Err(error) = db.ping().await {
        tracing::warn!(name: "mailer.waits", ?error, "for the database");
        tokio::time::sleep(DATABASE_RETRY).await;
    }
    Mailer::new(db, keys, config)?.journalled(dir).await
}
