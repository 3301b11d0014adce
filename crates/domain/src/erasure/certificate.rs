//! The certificate of an erasure: what was taken out, what stayed and why. It
//! names the person by a salted hash only, so that who holds the address can
//! see that it is theirs and nobody else learns it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};

use super::{Counts, Erasure};
use crate::error::{DomainError, Result};
use crate::idempotency;
use crate::ids::{ErasureId, TenantId};
use crate::schema::tenant as tenant_table;
use crate::secret::{random, sha256};
use crate::webhook;

/// What stays somewhere, and until when.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Kept {
    /// A stable code: `blocked_address`, `backups`, `uploaded_files`, `repeated_requests`, `webhook_messages`.
    pub what: String,
    /// For how many days at most; `None` while the block-list holds it.
    pub days: Option<i64>,
}

/// The certificate.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Certificate {
    pub erasure_id: ErasureId,
    pub company: String,
    /// Base64url of 16 random bytes.
    pub salt: String,
    /// Base64url of SHA-256(salt text || address), the address in lower-case domain, unquoted.
    pub address_hash: String,
    pub requested_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
    /// Rows by what they were; deliveries and events were made anonymous, the rest is gone.
    pub erased: Counts,
    pub kept: Vec<Kept>,
}

impl Certificate {
    pub(super) async fn of(
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        row: &Erasure,
        counts: &Counts,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let company = tenant_table::table
            .find(tenant)
            .select(tenant_table::name)
            .first(tx)
            .await?;
        let address = row
            .address
            .as_deref()
            .ok_or_else(|| DomainError::internal("an erasure without its address"))?;
        let salt = URL_SAFE_NO_PAD.encode(random::<16>());
        Ok(Self {
            erasure_id: row.id,
            company,
            address_hash: Self::hash(&salt, address),
            salt,
            requested_at: row.requested_at,
            finished_at: now,
            erased: counts.clone(),
            kept: kept(row.keep_blocked),
        })
    }

    /// How an address is hashed.
    #[must_use]
    pub fn hash(salt: &str, address: &str) -> String {
        URL_SAFE_NO_PAD.encode(sha256(format!("{salt}{address}").as_bytes()))
    }
}

fn kept(keep_blocked: bool) -> Vec<Kept> {
    let kept = |what: &str, days| Kept {
        what: what.to_owned(),
        days,
    };
    let mut all = vec![
        // Files that were uploaded or made hold many people, and go by themselves.
        kept("uploaded_files", Some(7)),
        kept("backups", Some(366)),
        // Answers for requests that come twice, sealed.
        kept("repeated_requests", Some(idempotency::LIFETIME.num_days())),
        // That the contact was deleted, by its id alone, until the webhook heard it and after.
        kept("webhook_messages", Some(webhook::MESSAGE_DAYS)),
    ];
    if keep_blocked {
        all.push(kept("blocked_address", None));
    }
    all
}
