//! The command line: `kikubari serve | migrate | openapi | tenant | operator | doctor`.

mod demo;
mod doctor;
mod operator;
mod output;
mod serve;
mod tenant;

use anyhow::Context;
use clap::{Parser, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use output::print;
pub(crate) use tenant::random_password;

/// Mail delivery for companies.
#[derive(Debug, Parser)]
#[command(name = "kikubari", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API, the public pages and the SPA
    Serve,
    /// Bring the database up to this version (as the owner, KIKUBARI_MIGRATION_DATABASE_URL)
    Migrate {
        /// Take all migrations back: deletes all data
        #[arg(long)]
        down: bool,
    },
    /// Print the OpenAPI document
    Openapi,
    /// Make, erase and prove the erasure of tenants
    Tenant {
        #[command(subcommand)]
        command: tenant::TenantCommand,
    },
    /// The operator's console, and the accounts of staff
    Operator {
        #[command(subcommand)]
        command: operator::OperatorCommand,
    },
    /// Check a deployment, and explain each failing line
    Doctor,
}

#[derive(Debug, Deserialize)]
struct MigrationConfig {
    migration_database_url: SecretString,
}

/// Runs the command of this process.
///
/// # Errors
/// What failed, in words for the operator.
pub fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    domain::log::init();
    match cli.command {
        Command::Serve => actix_web::rt::System::new().block_on(serve::run()),
        Command::Openapi => print(&crate::openapi::to_json(&crate::openapi::document())?),
        Command::Migrate { down } => runtime()?.block_on(migrate(down)),
        Command::Tenant { command } => runtime()?.block_on(tenant::run(command)),
        Command::Operator {
            command: operator::OperatorCommand::Serve,
        } => actix_web::rt::System::new().block_on(operator::run(operator::OperatorCommand::Serve)),
        Command::Operator { command } => runtime()?.block_on(operator::run(command)),
        Command::Doctor => runtime()?.block_on(doctor::run()),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")
}

async fn migrate(down: bool) -> anyhow::Result<()> {
    let config: MigrationConfig = domain::config::load()?;
    let url = config.migration_database_url.expose_secret();
    if down {
        domain::db::migrate::down(url)
            .await
            .map_err(output::explain)?;
        return print("all migrations taken back\n");
    }
    let ran = domain::db::migrate::up(url)
        .await
        .map_err(output::explain)?;
    match ran.as_slice() {
        [] => print("the database is up to date\n"),
        names => print(
            &names
                .iter()
                .map(|name| format!("migrated {name}\n"))
                .collect::<String>(),
        ),
    }
}
