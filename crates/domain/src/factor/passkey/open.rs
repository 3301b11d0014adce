//! The question for a passkey that is put to nobody in particular: whoever
//! answers is named by their passkey. It is the same for everybody, so that it
//! tells nobody who there is.
//!
//! A question that waits is signed and stands nowhere: asking for a million of
//! them fills no table. What is kept is which ones were answered, until they
//! would have been over anyway.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::SecretString;

use super::impossible;
use crate::db::Db;
use crate::error::Result;
use crate::factor::{Factors, LIFETIME};
use crate::schema::used_challenge;
use crate::secret::{Keys, random, sha256};

const PURPOSE: &str = "passkey log-in v1";
/// The time at which it is over (seconds), and 256 random bits.
const BODY: usize = 8 + 32;
const MAC: usize = 16;

/// What a browser needs to find out who wants to log in.
#[derive(Debug)]
pub struct OpenQuestion {
    /// Comes back with the answer; good for one answer.
    pub token: SecretString,
    /// Seconds.
    pub expires_in: i64,
    /// Id of the relying party.
    pub party: String,
    pub challenge: [u8; 32],
}

/// One of ours that is not over.
#[derive(Clone, Copy)]
pub(crate) struct OpenChallenge {
    body: [u8; BODY],
    expires_at: DateTime<Utc>,
}

impl OpenChallenge {
    fn new(now: DateTime<Utc>) -> Self {
        let expires_at = now + LIFETIME;
        let mut body = [0; BODY];
        body[..8].copy_from_slice(&expires_at.timestamp().to_be_bytes());
        body[8..].copy_from_slice(&random::<32>());
        Self { body, expires_at }
    }

    fn encode(&self, keys: &Keys) -> SecretString {
        let mac = keys.mac(PURPOSE, &self.body);
        URL_SAFE_NO_PAD
            .encode([self.body.as_slice(), &mac].concat())
            .into()
    }

    pub(crate) fn decode(keys: &Keys, text: &str, now: DateTime<Utc>) -> Option<Self> {
        let bytes = (text.len() <= 100)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()
            .filter(|bytes| bytes.len() == BODY + MAC)?;
        let (body, mac) = bytes.split_first_chunk::<BODY>()?;
        if !keys.verify(PURPOSE, body, mac) {
            return None;
        }
        let (seconds, _) = body.split_first_chunk::<8>()?;
        let expires_at = DateTime::from_timestamp(i64::from_be_bytes(*seconds), 0)?;
        (now < expires_at).then_some(Self {
            body: *body,
            expires_at,
        })
    }

    /// What the authenticator signs. No answer to another question of ours fits.
    pub(crate) fn challenge(&self) -> [u8; 32] {
        sha256(&[b"passkey log-in".as_slice(), &self.body].concat())
    }

    /// Uses it up; false when it was answered before. Of two answers at the same
    /// time the second waits for the first, and gets nothing.
    pub(crate) async fn take(&self, db: &Db) -> Result<bool> {
        let row = (
            used_challenge::hash.eq(sha256(&self.body).to_vec()),
            used_challenge::expires_at.eq(self.expires_at),
        );
        let taken = db
            .system(async |tx| {
                Ok(diesel::insert_into(used_challenge::table)
                    .values(row)
                    .on_conflict_do_nothing()
                    .execute(tx)
                    .await?)
            })
            .await?;
        Ok(taken == 1)
    }
}

/// Asks.
///
/// # Errors
/// [`crate::DomainError::Conflict`] where passkeys are impossible.
pub(crate) fn ask(factors: &Factors, now: DateTime<Utc>) -> Result<OpenQuestion> {
    let party = factors.party.as_ref().ok_or_else(impossible)?;
    let asked = OpenChallenge::new(now);
    Ok(OpenQuestion {
        token: asked.encode(&factors.keys),
        expires_in: LIFETIME.num_seconds(),
        party: party.id.clone(),
        challenge: asked.challenge(),
    })
}

/// Forgets answered challenges that would be over by now.
pub(crate) async fn delete_expired(tx: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<()> {
    diesel::delete(used_challenge::table)
        .filter(used_challenge::expires_at.lt(now))
        .execute(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_challenge_is_ours_for_five_minutes_and_with_every_bit_of_it() {
        let keys = Keys::from_master(&[7; 32]).unwrap();
        let now: DateTime<Utc> = "2026-11-27T09:00:00Z".parse().unwrap();
        let asked = OpenChallenge::new(now);
        let text = secrecy::ExposeSecret::expose_secret(&asked.encode(&keys)).to_owned();
        let read = |text: &str, now| OpenChallenge::decode(&keys, text, now);
        let back = read(&text, now + TimeDelta::seconds(299)).unwrap();
        assert_eq!(back.challenge(), asked.challenge());
        assert!(read(&text, now + LIFETIME).is_none(), "over");
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert!(read(&changed, now).is_none(), "byte {at}");
        }
        // A tag that is cut is one elsewhere, but not here.
        let cut = URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() - 1]);
        for hostile in ["", "あ", cut.as_str(), &"A".repeat(100_000)] {
            assert!(read(hostile, now).is_none());
        }
        let other = Keys::from_master(&[8; 32]).unwrap();
        assert!(OpenChallenge::decode(&other, &text, now).is_none());
        assert_ne!(OpenChallenge::new(now).challenge(), asked.challenge());
    }
}
