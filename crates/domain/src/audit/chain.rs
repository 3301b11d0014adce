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

use crate::db::Db;
use crate::error::Result;
use crate::ids::{AuditEntryId, TenantId};
use crate::schema::audit_head;
use crate::secret::sha256;
use crate::text_enum::text_enum;

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

text_enum! {
    /// What is wrong with a chain.
    pub enum FaultKind {
        /// The entry is not what was linked: edited, or put into another's place.
        Changed = "changed",
        /// The link is there, its entry is not.
        Removed = "removed",
        /// Numbers are missing from the middle.
        Missing = "missing",
        /// The end is missing: entries up to `until` once were there.
        Cut = "cut",
        /// The head names another end than the links have.
        HeadDiffers = "head_differs",
        /// The link is another one than the anchor noted: the chain was written anew.
        AnchorDiffers = "anchor_differs",
        /// An entry without a link: put in past the trigger.
        Unlinked = "unlinked",
    }
}

/// One fault, from number to number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub kind: FaultKind,
    /// Of the first entry; 0 for one without a link.
    pub number: i64,
    /// Of the last entry.
    pub until: i64,
    pub entry_id: Option<Uuid>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, until, .. } = self;
        match self.kind {
            FaultKind::Changed => {
                write!(f, "entry {number} was edited, or moved from its place")?;
            }
            FaultKind::Removed => write!(f, "entry {number} was deleted")?,
            FaultKind::Missing => write!(f, "entries {number} to {until} are missing")?,
            FaultKind::Cut => {
                write!(
                    f,
                    "the end is missing: entries {number} to {until} were deleted"
                )?;
            }
            FaultKind::HeadDiffers => write!(f, "the head does not fit entry {number}")?,
            FaultKind::AnchorDiffers => {
                write!(
                    f,
                    "entry {number} is not the one that the anchor noted: the chain was written anew"
                )?;
            }
            FaultKind::Unlinked => write!(f, "an entry was put in past the chain")?,
        }
        match self.entry_id {
            Some(id) => write!(f, " (id {id})"),
            None => Ok(()),
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

/// $1 tenant, $2 after, $3 up to, $4 rows.
const LINKS: &str = "SELECT l.number, l.hash, l.entry_id, l.salt, l.details,
        pg_catalog.jsonb_build_array(e.before, e.after)::pg_catalog.text AS changes, CASE WHEN e.id IS NOT NULL THEN pg_catalog.jsonb_build_array(
        e.tenant_id, l.number, e.id, e.at AT TIME ZONE 'UTC', e.actor_kind, e.actor_id, e.action,
        e.subject_kind, e.subject_id, pg_catalog.encode(l.details, 'hex'), e.ip, e.request_id)::pg_catalog.text END AS text
    FROM audit_link l LEFT JOIN audit_entry e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
    WHERE l.tenant_id = $1 AND l.number > $2 AND l.number <= $3 ORDER BY l.number LIMIT $4";

const UNLINKED: &str = "SELECT e.id FROM audit_entry e WHERE e.tenant_id = $1 AND NOT EXISTS (
        SELECT FROM audit_link l WHERE l.tenant_id = $1 AND l.entry_id = e.id) LIMIT $2";

/// Both in one look, since both grow.
const ENDS: &str =
    "SELECT coalesce((SELECT number FROM audit_head WHERE tenant_id = $1), 0) AS head,
    coalesce((SELECT max(number) FROM audit_link WHERE tenant_id = $1), 0) AS last";

impl Walk {
    /// Begins at the first link. `anchor` is the head that was noted outside.
    ///
    /// # Errors
    /// When the database does.
    pub async fn begin(
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        anchor: Option<Head>,
    ) -> Result<Self> {
        Ok(Self {
            head: head(tx, tenant).await?,
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
    pub async fn step(&mut self, tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<bool> {
        let links: Vec<Link> = diesel::sql_query(LINKS)
            .bind::<SqlUuid, _>(tenant)
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
            self.end(tx, tenant).await?;
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
    async fn end(&mut self, tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
        let last = self.at.number;
        if last < self.head.number {
            self.fault(FaultKind::Cut, last + 1, self.head.number, None);
        } else if self.at.hash != self.head.hash {
            self.fault(FaultKind::HeadDiffers, last, last, None);
        }
        let ends: Ends = diesel::sql_query(ENDS)
            .bind::<SqlUuid, _>(tenant)
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
        let strangers: Vec<Id> = diesel::sql_query(UNLINKED)
            .bind::<SqlUuid, _>(tenant)
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

/// Verifies a tenant's chain from its first entry on, in transactions of one
/// page each.
///
/// # Errors
/// When the database does.
pub async fn verify(db: &Db, tenant: TenantId, anchor: Option<Head>) -> Result<Walk> {
    let mut walk = db
        .tenant(tenant, async |tx| Walk::begin(tx, tenant, anchor).await)
        .await?;
    loop {
        let mut next = walk;
        let (stepped, is_last) = db
            .tenant(tenant, async |tx| {
                let is_last = next.step(tx, tenant).await?;
                Ok((next, is_last))
            })
            .await?;
        walk = stepped;
        if is_last {
            return Ok(walk);
        }
    }
}

/// The head of a tenant's chain, as it is now.
///
/// # Errors
/// When the database does.
pub async fn head(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Head> {
    let row: Option<(i64, Vec<u8>)> = audit_head::table
        .find(tenant)
        .select((audit_head::number, audit_head::hash))
        .first(tx)
        .await
        .optional()?;
    Ok(row.map_or_else(Head::none, |(number, hash)| Head {
        number,
        hash: hex::encode(hash),
    }))
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
