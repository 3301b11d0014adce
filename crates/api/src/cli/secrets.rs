//! `kikubari secrets`: changes the master key without logging anybody out or
//! breaking a link. docs/operations.md walks through it.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use domain::config::{SecretConfig, load};
use domain::operator;
use domain::secret::{KeyFile, rotate};

use super::output::{explain, print};

#[derive(Debug, Subcommand)]
pub(super) enum SecretsCommand {
    /// Write a key file with a new master key beside the current one, which stays current
    Add {
        /// The new key file; must not exist yet
        #[arg(long)]
        output: PathBuf,
        #[command(flatten)]
        of: Of,
    },
    /// Write a key file in which the second master key is the current one
    Promote {
        /// The new key file; must not exist yet
        #[arg(long)]
        output: PathBuf,
        #[command(flatten)]
        of: Of,
    },
    /// Seal all secrets in the database anew under the current master key
    Rotate {
        #[command(flatten)]
        of: Of,
    },
    /// Write a key file without the old master keys; what checks links of old mails stays
    Retire {
        /// The new key file; must not exist yet
        #[arg(long)]
        output: PathBuf,
        #[command(flatten)]
        of: Of,
    },
}

/// Which of the two key files.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Of {
    /// The key file of the operator's console, KIKUBARI_OPERATOR_SECRET_KEY_FILE
    #[arg(long)]
    operator: bool,
}

pub(super) async fn run(command: SecretsCommand) -> anyhow::Result<()> {
    match command {
        SecretsCommand::Add { output, of } => {
            write(&output, &of.current()?.with_new_key(false), of)
        }
        SecretsCommand::Promote { output, of } => {
            write(&output, &of.current()?.promoted().map_err(explain)?, of)
        }
        SecretsCommand::Rotate { of } if of.operator => reseal_staff().await,
        SecretsCommand::Rotate { .. } => reseal().await,
        SecretsCommand::Retire { output, of } => retire(&output, of).await,
    }
}

impl Of {
    fn variable(self) -> &'static str {
        if self.operator {
            "KIKUBARI_OPERATOR_SECRET_KEY_FILE"
        } else {
            "KIKUBARI_SECRET_KEY_FILE"
        }
    }

    fn current(self) -> anyhow::Result<KeyFile> {
        let path = if self.operator {
            super::operator::secret_key_file()?
        } else {
            load::<SecretConfig>()?.secret_key_file
        };
        KeyFile::read(&path).map_err(explain)
    }
}

async fn reseal_staff() -> anyhow::Result<()> {
    let state = super::operator::state()?;
    let done = operator::reseal::run(&state.db, &state.keys).await;
    print(&format!(
        "seeds of staff: {} sealed anew\n",
        done.map_err(explain)?
    ))
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

async fn retire(output: &Path, of: Of) -> anyhow::Result<()> {
    if of.operator {
        // They are few: what still waits is sealed anew on the way.
        reseal_staff().await?;
        return write(output, &of.current()?.retired().map_err(explain)?, of);
    }
    let state = super::serve::state()?;
    let waiting = rotate::waiting(&state.db, &state.keys).await;
    let waiting = waiting.map_err(explain)?;
    anyhow::ensure!(
        waiting == 0,
        "{waiting} or more secrets are still sealed with an old key: run `kikubari secrets rotate` first"
    );
    write(output, &of.current()?.retired().map_err(explain)?, of)
}

/// For its owner's eyes alone; never over a file that is there.
fn write(output: &Path, file: &KeyFile, of: Of) -> anyhow::Result<()> {
    let mut made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(output)
        .with_context(|| format!("write {}", output.display()))?;
    made.write_all(file.to_text().as_bytes())?;
    made.sync_all()?;
    print(&format!(
        "wrote {}: put it in the place of {} on every machine, and start the programs anew\n",
        output.display(),
        of.variable()
    ))
}
