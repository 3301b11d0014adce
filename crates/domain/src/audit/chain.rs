//! Follows the chain of a tenant's entries and says where it is broken.
//!
//! The database makes the links (`chain_audit_entry` in the migrations); here
//! each hash is made again, by this program, from text that PostgreSQL's own
//! functions write. A function of the schema is not asked: whoever can edit
//! entries as the owner can edit that too.
//!
//! The chain holds a salted hash of what an entry says of before and after, not
//! them: a person's data can be erased from the trace, as the law wants, and the
//! chain stays whole. Such entries are counted, so that it can't happen unseen.
//!
//! A chain by itself can't show that its end was cut off and its head turned
//! back, or that all of it was written anew. The head that somebody noted
//! outside (an [anchor](Walk::begin)) does.

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use super::fault::{Fault, FaultKind};
use super::trace::Trace;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{AuditEntryId, TenantId};
use crate::schema::{audit_head, operator_audit_head};
use crate::secret::sha256;

/// Entries of one step: some megabytes at most.
const PAGE: i64 = 2_000;
/// Faults that are named; of more only the number is told.
const NAMED: usize = 100;
/// What stands before the first link.
const GENESIS: [u8; 32] = [0; 32];

/// The end of a chain: what is noted outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub number: i64,
    /// In hexadecimal.
    pub hash: String,
}

impl Head {
    fn none() -> Self {
        Self {
            number: 0,
            hash: hex::encode(GENESIS),
        }
    }
}

/// A verification under way, and its result at the end. Can be kept as JSON
/// and gone on with elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Walk {
    /// The head when it began: what is written meanwhile is not looked at.
    pub head: Head,
    anchor: Option<Head>,
    /// The last link that was looked at.
    at: Head,
    /// Entries whose before and after were erased.
    pub erased: i64,
    pub faults: Vec<Fault>,
    /// Faults beyond those that are named.
    pub more_faults: usize,
}

#[derive(QueryableByName)]
struct Link {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Binary)]
    hash: Vec<u8>,
    #[diesel(sql_type = SqlUuid)]
    entry_id: Uuid,
    #[diesel(sql_type = Nullable<Binary>)]
    salt: Option<Vec<u8>>,
    #[diesel(sql_type = Binary)]
    details: Vec<u8>,
    /// The entry as the hash covers it; `None` when it is gone.
    #[diesel(sql_type = Nullable<Text>)]
    text: Option<String>,
    #[diesel(sql_type = Text)]
    changes: String,
}

/// What an entry says of before and after when it says nothing.
const NO_CHANGES: &str = "[null, null]";

impl Link {
    /// Whether before and after are what was linked, or erased.
    fn has_its_details(&self) -> bool {
        match &self.salt {
            Some(salt) => {
                let salted = [salt.as_slice(), self.changes.as_bytes()].concat();
                sha256(&salted).as_slice() == self.details
            }
            None => self.changes == NO_CHANGES,
        }
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

#[derive(QueryableByName)]
struct Ends {
    #[diesel(sql_type = BigInt)]
    head: i64,
    #[diesel(sql_type = BigInt)]
    last: i64,
}

impl Walk {
    /// Begins at the first link. `anchor` is the head that was noted outside.
    ///
    /// # Errors
    /// When the database does.
    pub async fn begin(
        tx: &mut AsyncPgConnection,
        trace: impl Into<Trace>,
        anchor: Option<Head>,
    ) -> Result<Self> {
        Ok(Self {
            head: head(tx, trace).await?,
            anchor,
            at: Head::none(),
            erased: 0,
            faults: Vec::new(),
            more_faults: 0,
        })
    }

    /// Entries that were looked at.
    #[must_use]
    pub fn done(&self) -> i64 {
        self.at.number
    }

    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    /// Looks at the next entries; true when these were the last.
    ///
    /// # Errors
    /// When the database does.
    #[expect(
        clippy::disallowed_methods,
        reason = "the entry as an array of PostgreSQL's making; fixed text, every value bound"
    )]
    pub async fn step(
        &mut self,
        tx: &mut AsyncPgConnection,
        trace: impl Into<Trace>,
    ) -> Result<bool> {
        let trace = trace.into();
        let links: Vec<Link> = diesel::sql_query(trace.questions().links)
            .bind::<SqlUuid, _>(trace.tenant())
            .bind::<BigInt, _>(self.at.number)
            .bind::<BigInt, _>(self.head.number)
            .bind::<BigInt, _>(PAGE)
            .load(tx)
            .await?;
        let is_last = i64::try_from(links.len()).unwrap_or(0) < PAGE;
        for link in links {
            self.look(link);
        }
        if is_last {
            self.end(tx, trace).await?;
        }
        Ok(is_last)
    }

    fn look(&mut self, link: Link) {
        let has_its_details = link.has_its_details();
        let Link {
            number,
            hash,
            entry_id,
            salt,
            text,
            ..
        } = link;
        self.erased += i64::from(salt.is_none() && text.is_some());
        let follows = number == self.at.number + 1;
        if !follows {
            self.fault(FaultKind::Missing, self.at.number + 1, number - 1, None);
        }
        match text {
            None => self.fault(FaultKind::Removed, number, number, Some(entry_id)),
            // Behind a gap nobody knows the hash before it.
            Some(text) if !has_its_details || (follows && !self.fits(&text, &hash)) => {
                self.fault(FaultKind::Changed, number, number, Some(entry_id));
            }
            Some(_) => {}
        }
        // The next one is held against what stands here, so that one edited
        // entry is one fault and not all that follow it.
        self.at = Head {
            number,
            hash: hex::encode(hash),
        };
        if let Some(anchor) = &self.anchor
            && anchor.number == number
            && *anchor != self.at
        {
            self.fault(FaultKind::AnchorDiffers, number, number, Some(entry_id));
        }
    }

    fn fits(&self, text: &str, hash: &[u8]) -> bool {
        let mut linked = hex::decode(&self.at.hash).unwrap_or_default();
        linked.extend_from_slice(text.as_bytes());
        sha256(&linked).as_slice() == hash
    }

    /// What can only be told at the end.
    #[expect(
        clippy::disallowed_methods,
        reason = "an anti-join and two ends in one look; fixed text, every value bound"
    )]
    async fn end(&mut self, tx: &mut AsyncPgConnection, trace: Trace) -> Result<()> {
        let last = self.at.number;
        if last < self.head.number {
            self.fault(FaultKind::Cut, last + 1, self.head.number, None);
        } else if self.at.hash != self.head.hash {
            self.fault(FaultKind::HeadDiffers, last, last, None);
        }
        let ends: Ends = diesel::sql_query(trace.questions().ends)
            .bind::<SqlUuid, _>(trace.tenant())
            .get_result(tx)
            .await?;
        if ends.last > ends.head {
            self.fault(FaultKind::HeadDiffers, ends.head + 1, ends.last, None);
        }
        if let Some(anchor) = self.anchor.clone()
            && anchor.number > self.head.number
        {
            self.fault(FaultKind::Cut, self.head.number + 1, anchor.number, None);
        }
        let strangers: Vec<Id> = diesel::sql_query(trace.questions().unlinked)
            .bind::<SqlUuid, _>(trace.tenant())
            .bind::<BigInt, _>(i64::try_from(NAMED).unwrap_or(0))
            .load(tx)
            .await?;
        for stranger in strangers {
            self.fault(FaultKind::Unlinked, 0, 0, Some(stranger.id));
        }
        Ok(())
    }

    fn fault(&mut self, kind: FaultKind, number: i64, until: i64, entry_id: Option<Uuid>) {
        if self.faults.len() >= NAMED {
            self.more_faults += 1;
            return;
        }
        self.faults.push(Fault {
            kind,
            number,
            until,
            entry_id,
        });
    }
}

/// Verifies a chain from its first entry on, in transactions of one page each.
///
/// # Errors
/// When the database does.
pub async fn verify(db: &Db, trace: impl Into<Trace>, anchor: Option<Head>) -> Result<Walk> {
    let trace = trace.into();
    let mut walk = begin(db, trace, anchor).await?;
    loop {
        let (stepped, is_last) = step(db, trace, walk).await?;
        walk = stepped;
        if is_last {
            return Ok(walk);
        }
    }
}

async fn begin(db: &Db, trace: Trace, anchor: Option<Head>) -> Result<Walk> {
    match trace {
        Trace::Tenant(tenant) => {
            db.tenant(tenant, async |tx| Walk::begin(tx, trace, anchor).await)
                .await
        }
        Trace::Operator => {
            db.system(async |tx| Walk::begin(tx, trace, anchor).await)
                .await
        }
    }
}

async fn step(db: &Db, trace: Trace, mut walk: Walk) -> Result<(Walk, bool)> {
    match trace {
        Trace::Tenant(tenant) => {
            db.tenant(tenant, async |tx| {
                let is_last = walk.step(tx, trace).await?;
                Ok((walk, is_last))
            })
            .await
        }
        Trace::Operator => {
            db.system(async |tx| {
                let is_last = walk.step(tx, trace).await?;
                Ok((walk, is_last))
            })
            .await
        }
    }
}

/// The head of a chain, as it is now.
///
/// # Errors
/// When the database does.
pub async fn head(tx: &mut AsyncPgConnection, trace: impl Into<Trace>) -> Result<Head> {
    let row: Option<(i64, Vec<u8>)> = match trace.into() {
        Trace::Tenant(tenant) => audit_head::table
            .find(tenant)
            .select((audit_head::number, audit_head::hash))
            .first(tx)
            .await
            .optional()?,
        Trace::Operator => operator_audit_head::table
            .select((operator_audit_head::number, operator_audit_head::hash))
            .first(tx)
            .await
            .optional()?,
    };
    Ok(row.map_or_else(Head::none, |(number, hash)| Head {
        number,
        hash: hex::encode(hash),
    }))
}

/// The head of the operator's chain, as the console's role sees it.
///
/// # Errors
/// When the database does.
pub async fn operator_head(db: &Db) -> Result<Head> {
    db.system(async |tx| head(tx, Trace::Operator).await).await
}

/// Tenants after `after`, a few hundred at a time, by id; empty behind the last.
///
/// # Errors
/// When the database does.
pub async fn tenants(db: &Db, after: Option<TenantId>) -> Result<Vec<TenantId>> {
    crate::housekeeping::tenants(db, after).await
}

/// The link of an entry, for showing.
pub(super) type Place = (AuditEntryId, (i64, Vec<u8>));
