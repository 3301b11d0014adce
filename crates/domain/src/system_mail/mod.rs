//! What the product itself mails to its users: links to set a password, and
//! notices of what happened to their account or to what their company sends. Written in the transaction of
//! what it is about; a mailer sends it on a lane of its own.

mod queries;
pub mod render;
mod words;

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::db::Db;
use crate::error::Result;
use crate::ids::{SystemMailId, TenantId, UserId};
use crate::secret::Keys;
use crate::signal::{self, Signal};
use crate::text_enum::text_enum;

pub(crate) use queries::forget;

text_enum! {
    /// What it is about.
    pub enum Kind {
        PasswordReset = "password_reset",
        Invitation = "invitation",
        PasswordChanged = "password_changed",
        NewDevice = "new_device",
        PasswordExpires = "password_expires",
        FactorAdded = "factor_added",
        FactorRemoved = "factor_removed",
        FactorsReset = "factors_reset",
        RecoveryCodesMade = "recovery_codes_made",
        ApiTokenEnds = "api_token_ends",
        ComplaintsHigh = "complaints_high",
        ComplaintsHeld = "complaints_held",
        SenderDomainLost = "sender_domain_lost",
    }
}

impl Kind {
    /// A link that somebody asked for and waits for.
    fn is_urgent(self) -> bool {
        matches!(self, Self::PasswordReset)
    }
}

/// After this nobody would understand it any more.
const LIFETIME: TimeDelta = TimeDelta::hours(24);
/// The longest wait between two tries.
const MAX_WAIT: TimeDelta = TimeDelta::hours(1);
/// Letters of a server's reply that are kept.
const REPLY: usize = 500;

/// A mail that is due, in the hands of one mailer.
#[derive(Debug)]
pub struct Due {
    pub id: SystemMailId,
    pub tenant: TenantId,
    pub attempts: i32,
    pub kind: Kind,
    pub address: String,
    pub locale: String,
    pub display_name: String,
    pub tenant_name: String,
    pub params: Value,
    /// Token of its link.
    pub secret: Option<SecretString>,
    pub give_up_at: DateTime<Utc>,
}

/// What became of a try.
#[derive(Debug)]
pub enum Outcome {
    Sent,
    /// Another try may help.
    Later {
        reply: String,
    },
    /// None will.
    Refused {
        reply: String,
    },
}

fn place(id: SystemMailId) -> String {
    format!("system_mail.link:{id}")
}

/// Queues a notice to a user of the tenant, in the transaction of what it is about.
///
/// # Errors
/// When the database does.
pub(crate) async fn enqueue(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    user: UserId,
    kind: Kind,
    params: Value,
    now: DateTime<Utc>,
) -> Result<()> {
    let id = SystemMailId::new();
    let what = queries::What {
        kind,
        params,
        secret: None,
        give_up_at: now + LIFETIME,
    };
    queries::insert(tx, tenant, id, user, what, now).await?;
    signal::publish(tx, Signal::SystemMail).await
}

/// As [`enqueue`], with the token of a link that is good until `expires_at`.
///
/// # Errors
/// As [`enqueue`].
#[expect(
    clippy::too_many_arguments,
    reason = "who, what, the link and its time"
)]
pub(crate) async fn enqueue_link(
    tx: &mut AsyncPgConnection,
    keys: &Keys,
    tenant: TenantId,
    user: UserId,
    kind: Kind,
    token: &SecretString,
    params: Value,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let id = SystemMailId::new();
    let sealed = keys.seal(tenant, &place(id), token.expose_secret().as_bytes())?;
    let what = queries::What {
        kind,
        params,
        secret: Some(sealed),
        give_up_at: expires_at.min(now + LIFETIME),
    };
    queries::insert(tx, tenant, id, user, what, now).await?;
    signal::publish(tx, Signal::SystemMail).await
}

/// Takes up to `n` mails that are due, for two minutes.
///
/// # Errors
/// When the database does.
pub async fn claim(db: &Db, keys: &Keys, n: i64) -> Result<Vec<Due>> {
    let now = db.now();
    let taken = db
        .system(async |tx| queries::lease(tx, now, n).await)
        .await?;
    let mut due = Vec::with_capacity(taken.len());
    for row in taken {
        let found = db
            .tenant(row.tenant_id, async |tx| {
                let found = queries::find(tx, row.tenant_id, row.mail_id).await?;
                if found.is_none() {
                    // Its person is gone.
                    queries::drop_from_queue(tx, row.tenant_id, row.mail_id).await?;
                }
                Ok(found)
            })
            .await?;
        let Some(found) = found else { continue };
        match open(keys, row, found) {
            Ok(mail) => due.push(mail),
            Err(error) => {
                // With another key it never opens; the others go on.
                tracing::error!(name: "system_mail.unreadable", mail = %row.mail_id, ?error, "given up");
                let outcome = Outcome::Refused {
                    reply: "its link could not be read with this installation's key".to_owned(),
                };
                settle(db, row.tenant_id, row.mail_id, row.attempts, &outcome).await?;
            }
        }
    }
    Ok(due)
}

fn open(keys: &Keys, row: queries::Leased, found: queries::Found) -> Result<Due> {
    let secret = match &found.secret_sealed {
        Some(sealed) => {
            let bytes = keys.open(row.tenant_id, &place(row.mail_id), sealed)?;
            let text = String::from_utf8(bytes).map_err(crate::DomainError::internal)?;
            Some(SecretString::from(text))
        }
        None => None,
    };
    Ok(Due {
        id: row.mail_id,
        tenant: row.tenant_id,
        attempts: row.attempts,
        kind: found.kind,
        address: found.address,
        locale: found.locale,
        display_name: found.display_name,
        tenant_name: found.tenant_name,
        params: found.params,
        secret,
        give_up_at: found.give_up_at,
    })
}

/// Writes what became of a try: sent and given up wipe what it says, later
/// puts it back with a growing delay.
///
/// # Errors
/// When the database does.
pub async fn settle(
    db: &Db,
    tenant: TenantId,
    id: SystemMailId,
    attempts: i32,
    outcome: &Outcome,
) -> Result<()> {
    let now = db.now();
    let cut = |reply: &str| -> String {
        let plain = reply.chars().filter(|c| !c.is_control());
        plain.take(REPLY).collect()
    };
    db.tenant(tenant, async |tx| match outcome {
        Outcome::Sent => queries::finish(tx, tenant, id, "sent", None, now).await,
        Outcome::Refused { reply } => {
            queries::finish(tx, tenant, id, "failed", Some(&cut(reply)), now).await
        }
        Outcome::Later { reply } => {
            let due = now + wait(attempts);
            let give_up_at = queries::note_reply(tx, tenant, id, &cut(reply)).await?;
            if due >= give_up_at {
                queries::finish(tx, tenant, id, "failed", Some(&cut(reply)), now).await
            } else {
                queries::put_back(tx, tenant, id, due).await
            }
        }
    })
    .await
}

/// 15 s, 30 s, 1 min … an hour: a relay that restarts costs a person who waits
/// for a link no more than a moment.
fn wait(attempts: i32) -> TimeDelta {
    let doublings = (attempts - 1).clamp(0, 10);
    TimeDelta::seconds(15 << doublings).min(MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_double_up_to_an_hour() {
        let seconds: Vec<i64> = [1, 2, 3, 8, 9, 40].map(|n| wait(n).num_seconds()).to_vec();
        assert_eq!(seconds, [15, 30, 60, 1920, 3600, 3600]);
    }
}
