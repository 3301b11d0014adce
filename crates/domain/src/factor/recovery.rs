//! Recovery codes: ten, each good for one log-in when phone and key are lost.

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use secrecy::SecretString;

use super::{Person, notice, queries};
use crate::actor::Actor;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::secret::{self, sha256};

/// Codes of a set.
pub const CODES: usize = 10;
/// Letters of a code, five bits each: 120 random bits, so that a plain hash
/// keeps them (ASVS 6.5.2 wants a slow one below 112).
const LENGTH: usize = 24;
/// Without i, l, o and u, which are misread on paper (Crockford's base32).
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new code, as it is shown: `k3m9-2xya-…`.
fn new_code() -> String {
    let letters: Vec<char> = secret::random::<LENGTH>()
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect();
    let groups: Vec<String> = letters.chunks(4).map(|g| g.iter().collect()).collect();
    groups.join("-")
}

/// The hash of a code, however it was typed; `None` for what can't be one.
fn hash(person: Person, typed: &str) -> Option<[u8; 32]> {
    if typed.len() > 100 {
        return None;
    }
    let letters: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            c => c,
        })
        .collect();
    (letters.len() == LENGTH)
        .then(|| sha256(&[person.user.0.as_bytes().as_slice(), letters.as_bytes()].concat()))
}

/// A new set in place of the old one.
async fn make(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    person: Person,
    now: DateTime<Utc>,
) -> Result<Vec<SecretString>> {
    let codes: Vec<String> = (0..CODES).map(|_| new_code()).collect();
    let hashes: Vec<[u8; 32]> = codes.iter().filter_map(|code| hash(person, code)).collect();
    queries::put_codes(tx, person, &hashes, now).await?;
    super::record(tx, actor, "user.recovery_codes_made", None).await?;
    Ok(codes.into_iter().map(SecretString::from).collect())
}

/// The first set, made with the first factor; nothing when there are codes.
pub(super) async fn make_first(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    person: Person,
    now: DateTime<Utc>,
) -> Result<Vec<SecretString>> {
    if queries::codes_left(tx, person).await? > 0 {
        return Ok(Vec::new());
    }
    make(tx, actor, person, now).await
}

/// A new set; the old codes are worth nothing any more.
///
/// # Errors
/// [`DomainError::Refused`] without step-up, [`DomainError::Conflict`] without a second factor.
pub async fn renew(db: &Db, actor: &Actor) -> Result<Vec<SecretString>> {
    let person = Person::of(actor)?;
    actor.require_step_up()?;
    let now = db.now();
    db.tenant(person.tenant, async |tx| {
        if !queries::has_factor(tx, person).await? {
            return Err(DomainError::conflict(
                "no_second_factor",
                "recovery codes belong to a second factor: set one up first",
            ));
        }
        let codes = make(tx, actor, person, now).await?;
        notice::new_codes(tx, actor, person, now).await?;
        Ok(codes)
    })
    .await
}

/// Uses a code up.
pub(super) async fn is_right(
    tx: &mut AsyncPgConnection,
    person: Person,
    typed: &str,
) -> Result<bool> {
    match hash(person, typed) {
        Some(hash) => queries::use_code(tx, person, &hash).await,
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{TenantId, UserId};

    #[test]
    fn a_code_is_120_random_bits_and_read_however_it_is_typed() {
        let person = Person {
            tenant: TenantId::new(),
            user: UserId::new(),
        };
        let code = new_code();
        assert_eq!(code.len(), 29);
        assert_ne!(code, new_code());
        let plain = hash(person, &code).unwrap();
        let typed = code.to_uppercase().replace('-', " ").replace('0', "O");
        assert_eq!(hash(person, &typed), Some(plain));
        let other = Person {
            user: UserId::new(),
            ..person
        };
        assert_ne!(hash(other, &code), Some(plain));
        assert_eq!(hash(person, &code[1..]), None);
        assert_eq!(hash(person, &"a".repeat(200)), None);
    }
}
