//! `kikubari tenant`.

use clap::Subcommand;
use domain::ids::TenantId;
use domain::tenant::{self, Networks, TenantChange};
use domain::user::{FirstPassword, NewUser, invitation};
use domain::{Actor, secret};
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
        /// Mail the owner an invitation instead: nobody else ever knows the password
        #[arg(long)]
        invite: bool,
    },
    /// Let the people of a tenant in from everywhere again, when its list of networks locked them out
    AllowAll {
        /// Id of the tenant
        #[arg(long)]
        tenant: TenantId,
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
        TenantCommand::AllowAll { tenant } => allow_all(tenant).await,
        TenantCommand::Demo { relay } => super::demo::run(&relay).await,
        TenantCommand::Create {
            name,
            login_id,
            email,
            display_name,
            invite,
        } => {
            let state = super::serve::state()?;
            let password = random_password();
            let owner = NewUser {
                login_id: login_id.clone(),
                display_name,
                email,
                locale: None,
                password: if invite {
                    FirstPassword::Invitation
                } else {
                    FirstPassword::Own(password.clone())
                },
            };
            let (id, user) = tenant::create(&state.db, &state.hasher, &name, owner)
                .await
                .map_err(explain)?;
            if invite {
                let actor = Actor::operator(id);
                invitation::send_again(&state.db, &state.keys, &actor, user)
                    .await
                    .map_err(explain)?;
                return print(&format!("tenant: {id}\nlogin_id: {login_id}\n"));
            }
            print(&format!(
                "tenant: {id}\nlogin_id: {login_id}\npassword: {}\n",
                password.expose_secret()
            ))
        }
    }
}

/// The way back for a tenant that locked itself out.
async fn allow_all(tenant: TenantId) -> anyhow::Result<()> {
    let state = super::serve::state()?;
    let actor = Actor::operator(tenant);
    let settings = tenant::get(&state.db, &actor).await.map_err(explain)?;
    let change = TenantChange {
        allowed_networks: Some(Networks::default()),
        ..TenantChange::default()
    };
    tenant::update(&state.db, &actor, settings.version, change)
        .await
        .map_err(explain)?;
    print(&format!(
        "{}: people come in from everywhere\n",
        settings.name
    ))
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
