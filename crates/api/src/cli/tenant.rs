//! `kikubari tenant`.

use clap::Subcommand;
use domain::ids::TenantId;
use domain::operator::certificate::Checker;
use domain::operator::{Operator, erasure};
use domain::page::PageRequest;
use domain::session::expiry::GIVEN_LIFETIME;
use domain::tenant::{self, Networks, TenantChange};
use domain::user::{FirstPassword, NewUser, invitation};
use domain::{Actor, secret};
use secrecy::ExposeSecret;

use super::output::{explain, print};

#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Make a tenant with its owner; prints a password that the owner has to change within 72 hours
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
    /// Erase a suspended tenant (as the operator, KIKUBARI_OPERATOR_DATABASE_URL): at once with its name typed, otherwise asked for in seven days
    Delete {
        #[arg(long)]
        id: TenantId,
        /// The tenant's name, exactly
        #[arg(long)]
        confirm_name: Option<String>,
    },
    /// Print the certificate of an erased tenant, after checking it
    Certificate {
        #[arg(long)]
        id: TenantId,
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
        TenantCommand::Delete { id, confirm_name } => delete(id, confirm_name.as_deref()).await,
        TenantCommand::Certificate { id } => certificate(id).await,
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
            let password = secret::random_password();
            let owner = NewUser {
                login_id: login_id.clone(),
                display_name,
                email,
                locale: None,
                password: if invite {
                    FirstPassword::Invitation
                } else {
                    // Whoever reads the terminal has seen it.
                    FirstPassword::Temporary(password.clone())
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
                "tenant: {id}\nlogin_id: {login_id}\npassword: {}\npassword_good_until: {}\n",
                password.expose_secret(),
                (state.db.now() + GIVEN_LIFETIME).format("%Y-%m-%dT%H:%MZ")
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

async fn delete(id: TenantId, confirm_name: Option<&str>) -> anyhow::Result<()> {
    let state = super::operator::state()?;
    let asked = erasure::request(&state.db, &Operator::command_line(), id, confirm_name)
        .await
        .map_err(explain)?;
    if confirm_name.is_none() {
        return print(&format!(
            "asked for: begins at {} where `kikubari operator serve` runs; with --confirm-name it begins at once\n",
            asked.due_at
        ));
    }
    while erasure::run_once(&state.db, &state.keys)
        .await
        .map_err(explain)?
    {}
    certificate(id).await
}

async fn certificate(id: TenantId) -> anyhow::Result<()> {
    let state = super::operator::state()?;
    let page = erasure::list(&state.db, Some(id), &PageRequest::default())
        .await
        .map_err(explain)?;
    let finished = page.items.into_iter().find(|e| e.finished_at.is_some());
    let Some(finished) = finished else {
        anyhow::bail!("no erasure of this tenant is finished");
    };
    let checker = Checker::load(&state.db, &state.keys)
        .await
        .map_err(explain)?;
    let Some(key) = checker.signer(&finished) else {
        anyhow::bail!(
            "the certificate does not fit its hash and signature, or was signed with a key that neither the key file nor the database knows"
        );
    };
    let (kid, public) = (&key.kid, key.base64());
    let place = if key.in_key_file {
        "in the key file"
    } else {
        "no longer in the key file; remembered by the database"
    };
    let (hash, signature) = (
        finished.hash.unwrap_or_default(),
        finished.signature.unwrap_or_default(),
    );
    print(&format!(
        "{}\nsha256: {}\nsignature: {}\nkey_id: {kid} ({place})\npublic_key_ed25519: {public}\nvalid: yes\n",
        finished.certificate.unwrap_or_default(),
        hex::encode(hash),
        hex::encode(signature)
    ))
}
