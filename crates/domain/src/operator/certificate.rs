//! The certificate of an erasure: what was deleted, when, who asked for it,
//! signed with a key of this installation that is derived from the operator's
//! key file. The text is what was signed, byte by byte; the key to check it
//! with stands in it.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ED25519, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::erasure::Erasure;
use super::token::{signer, signers};
use crate::error::{DomainError, Result};
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

/// Whether a finished erasure's certificate is one of this installation's,
/// unchanged.
///
/// # Errors
/// When the key is refused.
pub fn verify(keys: &Keys, erasure: &Erasure) -> Result<bool> {
    let (Some(text), Some(hash), Some(signature)) =
        (&erasure.certificate, &erasure.hash, &erasure.signature)
    else {
        return Ok(false);
    };
    let is_ours = signers(keys, PURPOSE)?.iter().any(|pair| {
        let key = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
        key.verify(hash, signature).is_ok()
    });
    Ok(sha256(text.as_bytes())[..] == hash[..] && is_ours)
}
