//! The keys of an installation, all derived from master keys that lie outside
//! the database, and sealing of secrets at rest.
//!
//! Of several master keys the first is the current one: it seals and signs.
//! What another one sealed or signed still opens and checks, so that a rotation
//! logs nobody out and breaks no link in a mail that went out years ago.

mod key_file;
pub mod rotate;

pub use key_file::KeyFile;

use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::{constant_time, digest, hmac, rand};
use secrecy::SecretString;

use crate::error::{DomainError, Result};
use crate::ids::TenantId;

/// First byte of what was sealed while there was one key: nonce and text follow.
const SEAL_FORM_ONE: u8 = 1;
/// First byte of everything sealed now: the key's id, nonce and text follow.
const SEAL_FORM: u8 = 2;
/// Shortest tag that is taken for one: a return path has no room for more.
const SHORTEST_MAC: usize = 6;

/// Label of the key of link tokens.
const TOKEN: &[u8] = b"token v1";

/// What tells master keys apart; not secret.
type KeyId = [u8; 4];

/// Keys for sealing, for signed tokens and for access tokens.
pub struct Keys {
    current: Master,
    /// Still open and check.
    old: Vec<Master>,
    /// Still check links.
    links: Vec<hmac::Key>,
}

/// All that is derived from one master key.
struct Master {
    id: KeyId,
    seal: LessSafeKey,
    token: hmac::Key,
    access_seed: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

struct Length32;

impl KeyType for Length32 {
    fn len(&self) -> usize {
        32
    }
}

/// HKDF-SHA-256 (RFC 5869).
fn derive(master: &[u8], label: &[u8]) -> Result<[u8; 32]> {
    let mut key = [0; 32];
    Salt::new(HKDF_SHA256, b"kikubari")
        .extract(master)
        .expand(&[label], Length32)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| DomainError::internal("key derivation failed"))?;
    Ok(key)
}

impl Master {
    fn of(master: &[u8]) -> Result<Self> {
        let seal = UnboundKey::new(&AES_256_GCM, &derive(master, b"seal v1")?)
            .map_err(|_| DomainError::internal("seal key refused"))?;
        let [a, b, c, d, ..] = derive(master, b"id v1")?;
        Ok(Self {
            id: [a, b, c, d],
            seal: LessSafeKey::new(seal),
            token: hmac::Key::new(hmac::HMAC_SHA256, &derive(master, TOKEN)?),
            access_seed: derive(master, b"access v1")?,
        })
    }

    fn open(&self, tenant: TenantId, place: &str, nonce_and_text: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = nonce_and_text.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let opened = self
            .seal
            .open_in_place(nonce, aad(tenant, place), &mut text);
        let length = opened.ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

impl Keys {
    /// Reads the key file: master keys of 32 bytes in base64, a line each, the
    /// current one first ([`KeyFile`]).
    ///
    /// # Errors
    /// When the file can't be read or holds something else.
    pub fn from_file(path: &Path) -> Result<Self> {
        KeyFile::read(path)?.keys()
    }

    /// Of one master key.
    ///
    /// # Errors
    /// When the library refuses, which it never does for 32 bytes.
    pub fn from_master(master: &[u8]) -> Result<Self> {
        Ok(Self {
            current: Master::of(master)?,
            old: Vec::new(),
            links: Vec::new(),
        })
    }

    /// Of several master keys, the current one first, and keys that only check links.
    ///
    /// # Errors
    /// When there is no master key.
    pub fn ring(masters: &[[u8; 32]], links: &[[u8; 32]]) -> Result<Self> {
        let (current, old) = masters
            .split_first()
            .ok_or_else(|| DomainError::internal("no master key"))?;
        Ok(Self {
            current: Master::of(current)?,
            old: old.iter().map(|m| Master::of(m)).collect::<Result<_>>()?,
            links: links
                .iter()
                .map(|key| hmac::Key::new(hmac::HMAC_SHA256, key))
                .collect(),
        })
    }

    fn all(&self) -> impl Iterator<Item = &Master> {
        std::iter::once(&self.current).chain(&self.old)
    }

    /// Ed25519 seeds of the keys of access tokens: the first signs, all check.
    pub fn access_seeds(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.all().map(|master| &master.access_seed)
    }

    /// What all begins with that the current key sealed.
    #[must_use]
    pub fn seal_prefix(&self) -> Vec<u8> {
        [&[SEAL_FORM], self.current.id.as_slice()].concat()
    }

    /// Seals a secret for one tenant and place (`"route.password:<id>"`): moved
    /// to another row or tenant it no longer opens.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn seal(&self, tenant: TenantId, place: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LEN>();
        let mut sealed = secret.to_vec();
        self.current
            .seal
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                aad(tenant, place),
                &mut sealed,
            )
            .map_err(|_| DomainError::internal("sealing failed"))?;
        let mut out = self.seal_prefix();
        out.extend_from_slice(&nonce);
        out.append(&mut sealed);
        Ok(out)
    }

    /// Opens what [`Keys::seal`] made for the same tenant and place, under any
    /// key of the ring.
    ///
    /// # Errors
    /// When it was made with another key, for another place, or changed.
    pub fn open(&self, tenant: TenantId, place: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let opened = match sealed.split_first() {
            Some((&SEAL_FORM, rest)) => rest.split_first_chunk().and_then(|(id, rest)| {
                let master = self.all().find(|master| master.id == *id)?;
                master.open(tenant, place, rest)
            }),
            Some((&SEAL_FORM_ONE, rest)) => self
                .all()
                .find_map(|master| master.open(tenant, place, rest)),
            _ => None,
        };
        opened.ok_or_else(|| {
            DomainError::internal(format_args!(
                "sealed secret {place} does not open: is its key missing in the key file?"
            ))
        })
    }

    /// Whether something is in a form of [`Keys::seal`].
    #[must_use]
    pub fn is_sealed(bytes: &[u8]) -> bool {
        matches!(bytes.first(), Some(&(SEAL_FORM | SEAL_FORM_ONE)))
    }

    /// HMAC-SHA-256, cut to 128 bits, over the parts; `purpose` keeps tokens
    /// of one kind from passing for another.
    #[must_use]
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 16] {
        mac(&self.current.token, purpose, message)
    }

    /// Whether `tag` is the one of [`Keys::mac`], whole or cut to no less than
    /// 48 bits, under any key that the installation ever had; compared in
    /// constant time.
    #[must_use]
    pub fn verify(&self, purpose: &str, message: &[u8], tag: &[u8]) -> bool {
        let keys = self.all().map(|master| &master.token).chain(&self.links);
        keys.fold(false, |found, key| {
            let expected = mac(key, purpose, message);
            let same = expected
                .get(..tag.len())
                .filter(|cut| cut.len() >= SHORTEST_MAC)
                .is_some_and(|cut| constant_time::verify_slices_are_equal(cut, tag).is_ok());
            found | same
        })
    }
}

fn mac(key: &hmac::Key, purpose: &str, message: &[u8]) -> [u8; 16] {
    let mut context = hmac::Context::with_key(key);
    context.update(purpose.as_bytes());
    context.update(&[0]);
    context.update(message);
    let mut mac = [0; 16];
    mac.copy_from_slice(&context.sign().as_ref()[..16]);
    mac
}

/// HMAC-SHA-256 under a key of somebody else's, whole.
#[must_use]
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = [0; 32];
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    mac.copy_from_slice(hmac::sign(&key, message).as_ref());
    mac
}

fn aad(tenant: TenantId, place: &str) -> Aad<Vec<u8>> {
    Aad::from([tenant.0.as_bytes(), place.as_bytes()].concat())
}

/// Bytes from the operating system's generator.
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness nothing may go on")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A password for somebody to type once: 100 bits in letters that can't be
/// mistaken for each other.
#[must_use]
pub fn random_password() -> SecretString {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";
    let letters: String = random::<20>()
        .iter()
        .map(|b| char::from(LETTERS[usize::from(b % 32)]))
        .collect();
    SecretString::from(letters)
}

/// SHA-256.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_for_its_tenant_its_place_and_its_key() {
        let keys = Keys::from_master(&[1; 32]).unwrap();
        let tenant = TenantId::new();
        let sealed = keys.seal(tenant, "route.password:1", b"hunter2").unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(
            keys.open(tenant, "route.password:1", &sealed).unwrap(),
            b"hunter2"
        );
        assert!(
            keys.open(TenantId::new(), "route.password:1", &sealed)
                .is_err()
        );
        assert!(keys.open(tenant, "route.password:2", &sealed).is_err());
        assert!(
            Keys::from_master(&[2; 32])
                .unwrap()
                .open(tenant, "route.password:1", &sealed)
                .is_err()
        );
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                keys.open(tenant, "route.password:1", &changed).is_err(),
                "bit {bit}"
            );
        }
        assert!(keys.open(tenant, "route.password:1", &[]).is_err());
        assert_ne!(
            sealed,
            keys.seal(tenant, "route.password:1", b"hunter2").unwrap()
        );
    }

    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    #[test]
    fn what_an_old_key_sealed_opens_while_it_is_in_the_ring_and_no_longer() {
        let tenant = TenantId::new();
        let sealed = Keys::from_master(&OLD)
            .unwrap()
            .seal(tenant, "place", b"hunter2")
            .unwrap();
        let ring = Keys::ring(&[NEW, OLD], &[]).unwrap();
        assert_eq!(ring.open(tenant, "place", &sealed).unwrap(), b"hunter2");
        let again = ring.seal(tenant, "place", b"hunter2").unwrap();
        assert!(again.starts_with(&ring.seal_prefix()) && !sealed.starts_with(&ring.seal_prefix()));
        let new = Keys::from_master(&NEW).unwrap();
        assert_eq!(new.open(tenant, "place", &again).unwrap(), b"hunter2");
        assert!(new.open(tenant, "place", &sealed).is_err());
    }

    #[test]
    fn what_was_sealed_before_there_were_key_ids_opens() {
        let tenant = TenantId::new();
        let old = Keys::from_master(&OLD).unwrap();
        let sealed = old.seal(tenant, "place", b"hunter2").unwrap();
        let before = [&[SEAL_FORM_ONE], &sealed[5..]].concat();
        for keys in [&old, &Keys::ring(&[NEW, OLD], &[]).unwrap()] {
            assert_eq!(keys.open(tenant, "place", &before).unwrap(), b"hunter2");
            assert!(keys.open(tenant, "elsewhere", &before).is_err());
        }
    }

    #[test]
    fn links_of_old_mails_stay_good_after_their_master_key_is_gone() {
        let old = Keys::from_master(&OLD).unwrap();
        let tag = old.mac("link", b"message");
        let file = Keys::ring(&[NEW], &[derive(&OLD, TOKEN).unwrap()]).unwrap();
        for keys in [&old, &Keys::ring(&[NEW, OLD], &[]).unwrap(), &file] {
            assert!(keys.verify("link", b"message", &tag));
            assert!(keys.verify("link", b"message", &tag[..6]));
            assert!(!keys.verify("link", b"message", &tag[..5]));
            assert!(!keys.verify("link", b"message", &[]));
            assert!(!keys.verify("other", b"message", &tag));
        }
        assert!(
            !Keys::from_master(&NEW)
                .unwrap()
                .verify("link", b"message", &tag)
        );
        assert_ne!(file.mac("link", b"message"), tag, "the current key signs");
    }
}
