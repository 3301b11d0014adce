//! `kikubari operator`: the console, and the accounts of staff.

use std::path::PathBuf;
use std::sync::Arc;

use actix_web::HttpServer;
use anyhow::Context;
use clap::Subcommand;
use domain::Db;
use domain::clock::Clock;
use domain::config::{DatabaseConfig, load, load_or};
use domain::operator::account;
use domain::operator::token::OperatorTokens;
use domain::secret::Keys;
use domain::session::password::{Cost, Hasher};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::output::{explain, print};
use crate::operator::app::OperatorApplication;
use crate::operator::config::{OperatorConfig, OperatorState};
use crate::operator::worker;

#[derive(Debug, Subcommand)]
pub(super) enum OperatorCommand {
    /// Serve the console (as kikubari_operator, KIKUBARI_OPERATOR_DATABASE_URL)
    Serve,
    /// Print the console's OpenAPI document
    Openapi,
    /// Add a person of the staff; prints a one-time password for the set-up of their second factor
    Add {
        #[arg(long)]
        login_id: String,
        /// As audit logs name them, the tenants' too
        #[arg(long)]
        name: String,
    },
    /// Disable a person; their sessions end at once
    Disable {
        #[arg(long)]
        login_id: String,
    },
    /// Take a person's second factor away; prints a one-time password for a new one
    ResetFactor {
        #[arg(long)]
        login_id: String,
    },
    /// The staff, and how each account stands
    List,
}

#[derive(Debug, Deserialize)]
struct Required {
    operator_database_url: SecretString,
    operator_secret_key_file: PathBuf,
}

/// Where the console's master keys are.
pub(super) fn secret_key_file() -> anyhow::Result<PathBuf> {
    #[derive(Deserialize)]
    struct File {
        operator_secret_key_file: PathBuf,
    }
    Ok(load::<File>()?.operator_secret_key_file)
}

/// Connections of the console: a handful of people, and one erasure.
const POOL: usize = 8;

/// All that the settings say, checked.
pub(super) fn state() -> anyhow::Result<OperatorState> {
    let config: OperatorConfig = load_or(&OperatorConfig::default())?;
    config.check().map_err(|detail| anyhow::anyhow!(detail))?;
    let required: Required = load()?;
    let keys = Keys::from_file(&required.operator_secret_key_file).map_err(explain)?;
    let database = DatabaseConfig {
        database_url: required.operator_database_url,
        database_pool: POOL,
    };
    Ok(OperatorState {
        config: Arc::new(config),
        db: Db::new(&database, Clock::system()).map_err(explain)?,
        tokens: Arc::new(OperatorTokens::new(&keys).map_err(explain)?),
        keys: Arc::new(keys),
        hasher: Hasher::new(Cost::default()).map_err(explain)?,
    })
}

pub(super) async fn run(command: OperatorCommand) -> anyhow::Result<()> {
    match command {
        OperatorCommand::Serve => serve().await,
        OperatorCommand::Openapi => print(&crate::openapi::to_json(
            &crate::operator::openapi::document(),
        )?),
        OperatorCommand::Add { login_id, name } => {
            let state = state()?;
            let password = account::add(&state.db, &state.hasher, &login_id, &name)
                .await
                .map_err(explain)?;
            one_time(&state, &login_id, &password)
        }
        OperatorCommand::ResetFactor { login_id } => {
            let state = state()?;
            let password = account::reset_factor(&state.db, &state.hasher, &login_id)
                .await
                .map_err(explain)?;
            one_time(&state, &login_id, &password)
        }
        OperatorCommand::Disable { login_id } => {
            let state = state()?;
            account::disable(&state.db, &login_id)
                .await
                .map_err(explain)?;
            print(&format!("disabled: {login_id}\n"))
        }
        OperatorCommand::List => {
            let accounts = account::list(&state()?.db).await.map_err(explain)?;
            let lines = accounts.into_iter().map(|account| {
                let standing = match (account.disabled_at, account.has_factor) {
                    (Some(_), _) => "disabled",
                    (None, true) => "active",
                    (None, false) => "waits for its second factor",
                };
                let last = account
                    .last_login_at
                    .map_or_else(|| "never".to_owned(), |at| at.to_rfc3339());
                format!(
                    "{}\t{}\t{standing}\tlast log-in {last}\n",
                    account.login_id, account.name
                )
            });
            print(&lines.collect::<String>())
        }
    }
}

fn one_time(state: &OperatorState, login_id: &str, password: &SecretString) -> anyhow::Result<()> {
    print(&format!(
        "login_id: {login_id}\none_time_password: {}\nGood for {} hours, at {}, to set up an authenticator app and a password of one's own.\n",
        password.expose_secret(),
        account::ONE_TIME.num_hours(),
        state.config.operator_url
    ))
}

async fn serve() -> anyhow::Result<()> {
    let state = state()?;
    if state.config.operator_allow.trim().is_empty() {
        tracing::warn!(name: "operator.nobody_allowed", "KIKUBARI_OPERATOR_ALLOW is empty: nobody is let in");
    }
    let listen = state.config.operator_listen.clone();
    let erasing = tokio::spawn(worker::run(state.db.clone(), Arc::clone(&state.keys)));
    let application = OperatorApplication::new(state).map_err(explain)?;
    tracing::info!(name: "operator.listening", listen, "serving the operator's console");
    let served = HttpServer::new(move || application.build())
        .workers(2)
        .shutdown_timeout(10)
        .keep_alive(super::serve::KEEP_ALIVE)
        .client_request_timeout(std::time::Duration::from_secs(15))
        .bind(&listen)
        .with_context(|| format!("listen on {listen} (KIKUBARI_OPERATOR_LISTEN)"))?
        .run()
        .await
        .context("serve");
    erasing.abort();
    served
}
