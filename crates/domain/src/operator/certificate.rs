//! The certificate of an erasure: what was deleted, when, who asked for it,
//! signed with a key of this installation that is derived from the operator's
//! key file. The text is what was signed, byte by byte; the key to check it
//! with stands in it.
//!
//! The public half of each key that ever signed one is kept in the database,
//! so that old certificates are checked when the key file has forgotten it.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ED25519, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::erasure::Erasure;
use super::token::{signer, signers};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::schema::certificate_key;
use crate::secret::{Keys, sha256};

const PURPOSE: &str = "erasure certificate v1";

/// What a certificate says.
pub(super) struct Facts<'a> {
    pub(super) erasure: &'a Erasure,
    pub(super) counts: BTreeMap<String, i64>,
    pub(super) started_at: DateTime<Utc>,
    pub(super) finished_at: DateTime<Utc>,
}

pub(super) struct Signed {
    pub(super) text: String,
    pub(super) hash: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// What a public key is called: the beginning of its SHA-256.
fn kid(public_key: &[u8]) -> String {
    hex::encode(&sha256(public_key)[..8])
}

/// Keeps the public keys of a ring: of the one that signs, and of those that
/// signed and are about to leave the key file.
pub(super) async fn remember(
    tx: &mut AsyncPgConnection,
    keys: &Keys,
    now: DateTime<Utc>,
) -> Result<()> {
    let rows: Vec<_> = signers(keys, PURPOSE)?
        .iter()
        .map(|pair| {
            let public = pair.public_key().as_ref();
            (
                certificate_key::kid.eq(kid(public)),
                certificate_key::public_key.eq(public.to_vec()),
                certificate_key::first_seen_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(certificate_key::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) fn sign(keys: &Keys, facts: &Facts<'_>) -> Result<Signed> {
    let pair = signer(keys, PURPOSE)?;
    let erasure = facts.erasure;
    let text = serde_json::to_string_pretty(&json!({
        "certificate": "kikubari tenant erasure v1",
        "erasure_id": erasure.id,
        "tenant": { "id": erasure.company_id, "name": erasure.company_name },
        "requested_by": erasure.requested_by,
        "requested_at": erasure.requested_at,
        "started_at": facts.started_at,
        "finished_at": facts.finished_at,
        "rows_deleted": facts.counts.values().sum::<i64>(),
        "rows_deleted_by_table": facts.counts,
        "rows_left": 0,
        "not_covered": "backups made before finished_at, until they are overwritten; logs, until they are rotated",
        "key_id": kid(pair.public_key().as_ref()),
        "public_key_ed25519": STANDARD.encode(pair.public_key().as_ref()),
        "signed": "Ed25519 over SHA-256 of this text",
    }))
    .map_err(DomainError::internal)?;
    let hash = sha256(text.as_bytes()).to_vec();
    let signature = pair.sign(&hash).as_ref().to_vec();
    Ok(Signed {
        text,
        hash,
        signature,
    })
}

/// A key that certificates are checked with.
#[derive(Debug, Clone)]
pub struct PublicKey {
    pub kid: String,
    pub bytes: Vec<u8>,
    /// Whether its private half is in the key file still.
    pub in_key_file: bool,
}

impl PublicKey {
    #[must_use]
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }
}

/// Checks certificates with every key that ever signed one here.
#[derive(Debug)]
pub struct Checker(Vec<PublicKey>);

impl Checker {
    /// With the keys of the key file, and those that the database remembers.
    ///
    /// # Errors
    /// When the database does, or a key is refused.
    pub async fn load(db: &Db, keys: &Keys) -> Result<Self> {
        let mut known: Vec<PublicKey> = signers(keys, PURPOSE)?
            .iter()
            .map(|pair| pair.public_key().as_ref().to_vec())
            .map(|bytes| PublicKey {
                kid: kid(&bytes),
                bytes,
                in_key_file: true,
            })
            .collect();
        // One for each rotation: few, however old the installation is.
        let remembered: Vec<Vec<u8>> = db
            .system(async |tx| {
                let newest_first = certificate_key::first_seen_at.desc();
                let rows = certificate_key::table.order(newest_first).limit(1000);
                Ok(rows.select(certificate_key::public_key).load(tx).await?)
            })
            .await?;
        for bytes in remembered {
            if !known.iter().any(|key| key.bytes == bytes) {
                known.push(PublicKey {
                    kid: kid(&bytes),
                    bytes,
                    in_key_file: false,
                });
            }
        }
        Ok(Self(known))
    }

    /// The key that signed a finished erasure's certificate; nothing when the
    /// certificate was changed, or signed by nobody whom we know.
    #[must_use]
    pub fn signer(&self, erasure: &Erasure) -> Option<&PublicKey> {
        let text = erasure.certificate.as_ref()?;
        let (hash, signature) = (erasure.hash.as_ref()?, erasure.signature.as_ref()?);
        if sha256(text.as_bytes())[..] != hash[..] {
            return None;
        }
        self.0.iter().find(|known| {
            let key = UnparsedPublicKey::new(&ED25519, &known.bytes);
            key.verify(hash, signature).is_ok()
        })
    }
}
