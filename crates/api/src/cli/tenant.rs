//! `kikubari tenant`.

use clap::Subcommand;
use domain::secret;
use domain::tenant;
use domain::user::NewUser;
use secrecy::{ExposeSecret, SecretString};

use super::output::{explain, print};

#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Make a tenant with its owner; prints the owner's first password
    Create {
        /// Name of the company
        #[arg(long)]
        name: String,
        /// Login id of its owner
        #[arg(long)]
        login_id: String,
        /// Mail address of its owner
        #[arg(long)]
        email: String,
        /// Name of its owner
        #[arg(long, default_value = "管理者")]
        display_name: String,
    },
    /// Make a demo company with customers and a first campaign under way; prints its log-in
    Demo {
        /// Where its mails go, host:port
        #[arg(long)]
        relay: String,
    },
}

pub(super) async fn run(command: TenantCommand) -> anyhow::Result<()> {
    match command {
        TenantCommand::Demo { relay } => super::demo::run(&relay).await,
        TenantCommand::Create {
            name,
            login_id,
            email,
            display_name,
        } => {
            let state = super::serve::state()?;
            let password = random_password();
            let owner = NewUser {
                login_id: login_id.clone(),
                display_name,
                email,
                password: password.clone(),
            };
            let (id, _) = tenant::create(&state.db, &state.hasher, &name, owner)
                .await
                .map_err(explain)?;
            print(&format!(
                "tenant: {id}\nlogin_id: {login_id}\npassword: {}\n",
                password.expose_secret()
            ))
        }
    }
}

/// 100 bits in letters that can't be mistaken for each other.
pub(super) fn random_password() -> SecretString {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";
    let letters: String = secret::random::<20>()
        .iter()
        .map(|b| char::from(LETTERS[usize::from(b % 32)]))
        .collect();
    SecretString::from(letters)
}
