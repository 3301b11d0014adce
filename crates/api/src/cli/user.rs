//! `kikubari user`.

use clap::Subcommand;
use domain::factor;

use super::output::{explain, print};

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Take all second factors of a person away who lost phone and recovery codes; ends their sessions
    ResetSecondFactor {
        /// Login id of the person
        #[arg(long)]
        login_id: String,
    },
}

pub(super) async fn run(command: UserCommand) -> anyhow::Result<()> {
    let UserCommand::ResetSecondFactor { login_id } = command;
    let state = super::serve::state()?;
    factor::reset_by_login_id(&state.db, &login_id)
        .await
        .map_err(explain)?;
    print(&format!(
        "{login_id}: second factors taken away, sessions ended; the password is as it was\n"
    ))
}
