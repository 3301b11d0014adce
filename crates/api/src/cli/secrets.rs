//! `kikubari secrets`: changes the master key without logging anybody out or
//! breaking a link. docs/operations.md walks through it.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use domain::config::{SecretConfig, load};
use domain::secret::{KeyFile, rotate};

use super::output::{explain, print};

#[derive(Debug, Subcommand)]
pub(super) enum SecretsCommand {
    /// Write a key file with a new master key beside the current one, which stays current
    Add {
        /// The new key file; must not exist yet
        #[arg(long)]
        output: PathBuf,
    },
    /// Write a key file in which the second master key is the current one
    Promote {
        /// The new key file; must not exist yet
        #[arg(long)]
        output: PathBuf,
    },
    /// Seal all secrets in the database anew under the current master key
    Rotate,
    /// Write a key file without the old master keys; what checks links of old mails stays
    Retire {
        /// The new key file; must not exist yet
        #[arg(long)]
        output: PathBuf,
    },
}

pub(super) async fn run(command: SecretsCommand) -> anyhow::Result<()> {
    match command {
        SecretsCommand::Add { output } => write(&output, &current()?.with_new_key(false)),
        SecretsCommand::Promote { output } => {
            write(&output, &current()?.promoted().map_err(explain)?)
        }
        SecretsCommand::Rotate => reseal().await,
        SecretsCommand::Retire { output } => retire(&output).await,
    }
}

fn current() -> anyhow::Result<KeyFile> {
    let config: SecretConfig = load()?;
    KeyFile::read(&config.secret_key_file).map_err(explain)
}

async fn reseal() -> anyhow::Result<()> {
    let state = super::serve::state()?;
    let done = rotate::run(&state.db, &state.keys).await.map_err(explain)?;
    let lines = done.iter().map(|column| {
        format!(
            "{}.{}: {} sealed anew\n",
            column.table, column.column, column.secrets
        )
    });
    print(&lines.collect::<String>())
}

async fn retire(output: &Path) -> anyhow::Result<()> {
    let state = super::serve::state()?;
    let waiting = rotate::waiting(&state.db, &state.keys).await;
    let waiting = waiting.map_err(explain)?;
    anyhow::ensure!(
        waiting == 0,
        "{waiting} or more secrets are still sealed with an old key: run `kikubari secrets rotate` first"
    );
    write(output, &current()?.retired().map_err(explain)?)
}

/// For its owner's eyes alone; never over a file that is there.
fn write(output: &Path, file: &KeyFile) -> anyhow::Result<()> {
    let mut made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(output)
        .with_context(|| format!("write {}", output.display()))?;
    made.write_all(file.to_text().as_bytes())?;
    made.sync_all()?;
    print(&format!(
        "wrote {}: put it in the place of KIKUBARI_SECRET_KEY_FILE on every machine, and start the programs anew\n",
        output.display()
    ))
}
