//! What the audit log says of a mail that changed: its versions by number and
//! hash. The editor saves by itself every few seconds into one version: that
//! is one entry, when the version begins. How it ended is told by the next
//! entry, whose `before` names it.

use diesel_async::AsyncPgConnection;
use serde_json::{Value, json};

use super::Mail;
use crate::actor::Actor;
use crate::audit;
use crate::error::{DomainError, Result};
use crate::secret::sha256;

/// Number and hash of the content, name and folder.
fn told(mail: &Mail) -> Result<Value> {
    let content = serde_json::to_vec(&mail.content).map_err(DomainError::internal)?;
    Ok(json!({
        "name": mail.name,
        "folder_id": mail.folder_id,
        "number": mail.number,
        "hash": hex::encode(sha256(&content)),
    }))
}

/// After a save: that it was archived or taken back, and what else is another.
pub(super) async fn changed(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    before: &Mail,
    after: &Mail,
) -> Result<()> {
    let subject = ("mail", after.id.0);
    if before.archived_at.is_some() != after.archived_at.is_some() {
        let action = if after.archived_at.is_some() {
            "mail.archived"
        } else {
            "mail.unarchived"
        };
        let name = json!({ "name": after.name });
        audit::change(tx, actor, action, subject, None, Some(name)).await?;
    }
    let is_same = before.number == after.number
        && before.name == after.name
        && before.folder_id == after.folder_id;
    if is_same {
        return Ok(());
    }
    let (before, after) = (told(before)?, told(after)?);
    audit::change(
        tx,
        actor,
        "mail.updated",
        subject,
        Some(before),
        Some(after),
    )
    .await
}

/// An older version became the current one.
pub(super) async fn restored(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    before: &Mail,
    after: &Mail,
    from: i32,
) -> Result<()> {
    let mut now = told(after)?;
    now["restored_number"] = from.into();
    let subject = ("mail", after.id.0);
    audit::change(
        tx,
        actor,
        "mail.restored",
        subject,
        Some(told(before)?),
        Some(now),
    )
    .await
}
