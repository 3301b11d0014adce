//! Idempotency keys: the answer to a POST is kept for a day, so that a client
//! that heard nothing may simply send again.
//!
//! As a rule the answer is kept after the work was done; a process that ends
//! between the two leaves a key without an answer, and after a while the work is
//! done anew. Where that would harm, as with a mail that is sent, the work and its
//! answer are one transaction ([`Promise`]).

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use crate::actor::Actor;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::UserId;
use crate::schema::idempotency_key as keys;
use crate::secret::Keys;

/// How long an answer is kept.
pub const LIFETIME: TimeDelta = TimeDelta::hours(24);
/// A first request that gave no answer by now died with its process.
const ABANDONED: TimeDelta = TimeDelta::minutes(5);
/// Longest key.
pub const MAX_KEY: usize = 255;

/// A kept answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names and values of the headers that belong to the answer.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What to do with a request that carries a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is the first: do the work, then [`store`] or [`forget`].
    First,
    /// It was done before: answer this.
    Done(Answer),
}

/// A key that was claimed, for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub key: String,
    pub request_hash: [u8; 32],
}

/// Has the answer kept in the transaction that does the work: either both stand,
/// or neither, whenever the process ends and whatever becomes of the line.
pub struct Promise<'a, T> {
    pub claimed: &'a Claimed,
    pub sealing: &'a Keys,
    /// The answer to what was done.
    pub answer: &'a (dyn Fn(&T) -> Result<Answer> + Sync),
}

impl<T> std::fmt::Debug for Promise<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Promise")
            .field("claimed", self.claimed)
            .finish_non_exhaustive()
    }
}

impl<T> Promise<'_, T> {
    /// Keeps the answer. Refuses when the key is this request's no more: it took
    /// so long that another one claimed it, and then only one of them may do the work.
    pub(crate) async fn keep(
        &self,
        tx: &mut AsyncPgConnection,
        actor: &Actor,
        done: &T,
    ) -> Result<()> {
        let answer = (self.answer)(done)?;
        let kept = Kept::new(self.sealing, actor, &self.claimed.key, &answer)?;
        match kept.write(tx, actor, self.claimed).await? {
            0 => Err(in_progress()),
            _ => Ok(()),
        }
    }
}

fn in_progress() -> DomainError {
    DomainError::conflict(
        "in_progress",
        "the first request with this key is still under way: ask again in a moment",
    )
}

/// Claims a key for a request of this hash.
///
/// # Errors
/// [`DomainError::Invalid`] when the key was used for another request,
/// [`DomainError::Conflict`] while the first one is under way.
pub async fn claim(db: &Db, sealing: &Keys, actor: &Actor, claimed: &Claimed) -> Result<Claim> {
    let Claimed { key, request_hash } = claimed;
    let key = key.as_str();
    if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|b| b.is_ascii_graphic()) {
        let detail = format!("must be 1 to {MAX_KEY} visible ASCII characters, for example a UUID");
        return Err(DomainError::invalid(
            "/Idempotency-Key",
            "malformed",
            detail,
        ));
    }
    let (tenant, user, now) = (actor.tenant_id, owner(actor), db.now());
    db.tenant(tenant, async |tx| {
        let row = (tenant, user, key);
        diesel::delete(
            keys::table.filter(
                keys::tenant_id
                    .eq(tenant)
                    .and(keys::created_at.lt(now - LIFETIME)),
            ),
        )
        .execute(tx)
        .await?;
        diesel::delete(
            keys::table.find(row).filter(
                keys::status
                    .is_null()
                    .and(keys::created_at.lt(now - ABANDONED)),
            ),
        )
        .execute(tx)
        .await?;
        let inserted = diesel::insert_into(keys::table)
            .values((
                keys::tenant_id.eq(tenant),
                keys::user_id.eq(user),
                keys::key.eq(key),
                keys::request_hash.eq(&request_hash[..]),
                keys::created_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(tx)
            .await?;
        if inserted == 1 {
            return Ok(Claim::First);
        }
        let (hash, status, headers, body): (Vec<u8>, Option<i16>, Option<Value>, Option<Vec<u8>>) =
            keys::table
                .find(row)
                .select((
                    keys::request_hash,
                    keys::status,
                    keys::headers,
                    keys::body_sealed,
                ))
                .first(tx)
                .await?;
        if hash != request_hash {
            let detail = "this key was used for another request: take a new one";
            return Err(DomainError::invalid("/Idempotency-Key", "reused", detail));
        }
        let status = status
            .and_then(|s| u16::try_from(s).ok())
            .ok_or_else(in_progress)?;
        let headers = headers
            .map(serde_json::from_value)
            .transpose()
            .map_err(DomainError::internal)?
            .unwrap_or_default();
        Ok(Claim::Done(Answer {
            status,
            headers,
            body: opened(sealing, actor, key, body.unwrap_or_default())?,
        }))
    })
    .await
}

/// An answer as its row holds it.
struct Kept {
    status: i16,
    headers: Value,
    sealed: Vec<u8>,
}

impl Kept {
    fn new(sealing: &Keys, actor: &Actor, key: &str, answer: &Answer) -> Result<Self> {
        Ok(Self {
            status: i16::try_from(answer.status).map_err(DomainError::internal)?,
            headers: serde_json::to_value(&answer.headers).map_err(DomainError::internal)?,
            sealed: sealing.seal(actor.tenant_id, &place(actor, key), &answer.body)?,
        })
    }

    /// Answers how many keys there were to be answered.
    async fn write(
        &self,
        tx: &mut AsyncPgConnection,
        actor: &Actor,
        claimed: &Claimed,
    ) -> Result<usize> {
        let kept = (
            keys::status.eq(self.status),
            keys::headers.eq(&self.headers),
            keys::body_sealed.eq(&self.sealed),
        );
        let row = keys::table.find((actor.tenant_id, owner(actor), claimed.key.as_str()));
        let ours = row
            .filter(keys::status.is_null())
            .filter(keys::request_hash.eq(&claimed.request_hash[..]));
        Ok(diesel::update(ours).set(kept).execute(tx).await?)
    }
}

/// Keeps the answer of the first request, unless it stands already.
///
/// # Errors
/// When the database does.
pub async fn store(
    db: &Db,
    sealing: &Keys,
    actor: &Actor,
    claimed: &Claimed,
    answer: &Answer,
) -> Result<()> {
    let kept = Kept::new(sealing, actor, &claimed.key, answer)?;
    db.tenant(actor.tenant_id, async |tx| {
        kept.write(tx, actor, claimed).await?;
        Ok(())
    })
    .await
}

/// Lets the key go after a failure of ours, so that a new try is a first one. A
/// key that has its answer stays: the work was done, and only the word of it was
/// lost on the way from the database.
///
/// # Errors
/// When the database does.
pub async fn forget(db: &Db, actor: &Actor, claimed: &Claimed) -> Result<()> {
    db.tenant(actor.tenant_id, async |tx| {
        let row = keys::table.find((actor.tenant_id, owner(actor), claimed.key.as_str()));
        let ours = row
            .filter(keys::status.is_null())
            .filter(keys::request_hash.eq(&claimed.request_hash[..]));
        diesel::delete(ours).execute(tx).await?;
        Ok(())
    })
    .await
}

fn place(actor: &Actor, key: &str) -> String {
    format!("idempotency_key:{}:{key}", owner(actor))
}

/// An answer may hold a secret that is shown once, so that it is kept sealed.
/// One of before that was so is text.
fn opened(sealing: &Keys, actor: &Actor, key: &str, body: Vec<u8>) -> Result<Vec<u8>> {
    if Keys::is_sealed(&body) {
        sealing.open(actor.tenant_id, &place(actor, key), &body)
    } else {
        Ok(body)
    }
}

/// Keys belong to who sends them: a person, or a token.
fn owner(actor: &Actor) -> UserId {
    UserId(actor.id().unwrap_or_default())
}
