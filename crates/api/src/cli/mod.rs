//! The command line: `kikubari serve | migrate | openapi | tenant | user | audit | secrets | operator | doctor`.

mod anchor;
mod audit;
mod demo;
mod doctor;
mod operator;
mod output;
mod secrets;
mod serve;
mod tenant;
mod user;

use anyhow::Context;
use clap::{Parser, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use output::print;

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
    /// Look through what people did, and verify that nothing of it was changed
    Audit {
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
    /// Help a person who can't log in
    User {
        #[command(subcommand)]
        command: user::UserCommand,
    },
    /// Change the master key
    Secrets {
        #[command(subcommand)]
        command: secrets::SecretsCommand,
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
        Command::Audit { command } => runtime()?.block_on(audit::run(command)),
        Command::User { command } => runtime()?.block_on(user::run(command)),
        Command::Secrets { command } => runtime()?.block_on(secrets::run(command)),
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
