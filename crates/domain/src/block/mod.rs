//! Blocks: shared parts of mails (header, footer, signature), put in with
//! `{{ block("footer") }}`.

mod queries;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use serde_json::{Value, json};

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, FieldError, Result, Validation};
use crate::ids::{BlockId, TenantId};
use crate::mail;
use crate::mail::render::BlockSource;
use crate::schema::block;

/// Blocks of a tenant.
const MAX_BLOCKS: usize = 200;
/// Longest part of a block, in characters.
pub const MAX_BLOCK_PART: usize = 262_144;

/// A shared part.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = block)]
pub struct Block {
    pub id: BlockId,
    /// What mails call it by.
    pub key: String,
    pub name: String,
    #[diesel(column_name = text_part)]
    pub text: String,
    #[diesel(column_name = html_part)]
    pub html: String,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A block to be made.
#[derive(Debug, Clone)]
pub struct NewBlock {
    pub key: String,
    pub name: String,
    pub text: String,
    pub html: String,
}

/// A change; `None` leaves a value as it is. The key stays: mails call by it.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = block)]
pub struct BlockChange {
    pub name: Option<String>,
    #[diesel(column_name = text_part)]
    pub text: Option<String>,
    #[diesel(column_name = html_part)]
    pub html: Option<String>,
}

/// `a-z`, then `a-z 0-9 _`, at most 63.
fn check_key(key: &str) -> Result<(), FieldError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if (1..=63).contains(&key.len())
        && key.starts_with(|c: char| c.is_ascii_lowercase())
        && key.chars().all(allowed)
    {
        Ok(())
    } else {
        Err(FieldError::new(
            "/key",
            "malformed",
            "must begin with a letter a-z and hold a-z, 0-9 and _ only, at most 63",
        ))
    }
}

impl BlockChange {
    fn check(&self, v: &mut Validation) {
        if let Some(name) = &self.name {
            v.length("/name", name.trim(), 1, 200);
        }
        for (pointer, part) in [("/text", &self.text), ("/html", &self.html)] {
            if let Some(part) = part {
                v.length(pointer, part, 0, MAX_BLOCK_PART);
            }
        }
    }
}

/// All blocks, by key.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub async fn list(db: &Db, actor: &Actor) -> Result<Vec<Block>> {
    actor.require(Permission::MailsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::list(tx, actor.tenant_id).await
    })
    .await
}

/// One block.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: BlockId) -> Result<Block> {
    actor.require(Permission::MailsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await
    })
    .await
}

/// Makes a block.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::Conflict`] for a key in use.
pub async fn create(db: &Db, actor: &Actor, new: NewBlock) -> Result<Block> {
    actor.require(Permission::MailsWrite)?;
    let mut v = Validation::default();
    v.keep("/key", check_key(&new.key));
    BlockChange {
        name: Some(new.name.clone()),
        text: Some(new.text.clone()),
        html: Some(new.html.clone()),
    }
    .check(&mut v);
    v.finish()?;
    db.tenant(actor.tenant_id, async |tx| {
        if queries::list(tx, actor.tenant_id).await?.len() >= MAX_BLOCKS {
            return Err(DomainError::conflict(
                "too_many",
                format!("there are {MAX_BLOCKS} blocks already"),
            ));
        }
        let made =
            queries::insert(tx, actor.tenant_id, BlockId::new(), &new, actor.user_id).await?;
        let subject = ("block", made.id.0);
        audit::change(tx, actor, "block.created", subject, None, told(&made)).await?;
        Ok(made)
    })
    .await
}

/// For the trace: every mail that calls the block shows it.
fn told(block: &Block) -> Option<Value> {
    let Block {
        key,
        name,
        text,
        html,
        ..
    } = block;
    Some(json!({ "key": key, "name": name, "text": text, "html": html }))
}

/// Whether a part may call the block: more often said than true, where HTML hides
/// letters in character references.
fn may_call(part: &str, key: &str) -> bool {
    part.contains(key) || part.contains("&#") || part.contains("&lowbar")
}

/// Keys by which a block may come into a mail: its own, and those of all blocks
/// that it may be in.
fn ways_in<'a>(blocks: &'a [Block], key: &'a str) -> Vec<&'a str> {
    let mut keys = vec![key];
    let mut looked_at = 0;
    while let Some(key) = keys.get(looked_at).copied() {
        looked_at += 1;
        for block in blocks {
            let calls = may_call(&block.text, key) || may_call(&block.html, key);
            if calls && !keys.contains(&block.key.as_str()) {
                keys.push(&block.key);
            }
        }
    }
    keys
}

/// What stands in mails that go out by themselves is changed by who may send.
async fn require_send(tx: &mut AsyncPgConnection, actor: &Actor, before: &Block) -> Result<()> {
    if actor.permissions.contains(&Permission::CampaignsSend) {
        return Ok(());
    }
    let blocks = queries::list(tx, actor.tenant_id).await?;
    mail::require_send_for_block(tx, actor, &ways_in(&blocks, &before.key)).await
}

/// Changes a block of version `version`.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] in a mail that goes out by itself, [`DomainError::Invalid`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: BlockId,
    version: i32,
    change: BlockChange,
) -> Result<Block> {
    actor.require(Permission::MailsWrite)?;
    let mut v = Validation::default();
    change.check(&mut v);
    v.finish()?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        if change.text.is_some() || change.html.is_some() {
            require_send(tx, actor, &before).await?;
        }
        let after = queries::update(
            tx,
            actor.tenant_id,
            id,
            version,
            &change,
            actor.user_id,
            now,
        )
        .await?
        .ok_or(DomainError::Stale)?;
        let (subject, was) = (("block", id.0), told(&before));
        audit::change(tx, actor, "block.updated", subject, was, told(&after)).await?;
        Ok(after)
    })
    .await
}

/// Deletes a block of version `version`. A mail that calls it can't be sent
/// any more, as pre-flight then says.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn delete(db: &Db, actor: &Actor, id: BlockId, version: i32) -> Result<()> {
    actor.require(Permission::MailsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        if !queries::delete(tx, actor.tenant_id, id, version).await? {
            return Err(DomainError::Stale);
        }
        let subject = ("block", id.0);
        audit::change(tx, actor, "block.deleted", subject, told(&before), None).await
    })
    .await
}

/// All blocks as rendering takes them.
pub(crate) async fn sources(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<BTreeMap<String, BlockSource>> {
    let blocks = queries::list(tx, tenant).await?;
    Ok(blocks
        .into_iter()
        .map(|b| {
            (
                b.key,
                BlockSource {
                    text: b.text,
                    html: b.html,
                },
            )
        })
        .collect())
}
