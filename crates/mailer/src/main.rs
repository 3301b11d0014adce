//! `kikubari-mailer run`: the sending engine.

use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand};
use domain::Db;
use domain::clock::Clock;
use domain::config::{DatabaseConfig, SecretConfig, load, load_or};
use domain::secret::Keys;
use mailer::config::MailerConfig;
use mailer::explain;
use mailer::runner::Mailer;
use tokio::signal::unix::{SignalKind, signal};

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
}

fn main() -> anyhow::Result<()> {
    let Cli {
        command: Command::Run,
    } = Cli::parse();
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
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let mailer = Mailer::new(&db, &keys, &config)?;
    tracing::info!(name: "mailer.started", helo = config.helo_name(), "sending");
    mailer
        .run(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await;
    tracing::info!(name: "mailer.ended", "ended");
    Ok(())
}
