//! The keys of an installation, all derived from one master key that lies
//! outside the database, and sealing of secrets at rest.

use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::{constant_time, digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{DomainError, Result};
use crate::ids::TenantId;

/// First byte of everything sealed; grows when the form changes.
const SEAL_FORM: u8 = 1;

/// Keys for sealing, for signed tokens and for access tokens.
pub struct Keys {
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

impl Keys {
    /// Reads the master key: 32 bytes in base64.
    ///
    /// # Errors
    /// When the file can't be read or holds something else.
    pub fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            DomainError::internal(format_args!(
                "KIKUBARI_SECRET_KEY_FILE {}: {e}",
                path.display()
            ))
        })?;
        let master = STANDARD.decode(text.trim()).ok().filter(|bytes| bytes.len() == 32).ok_or_else(|| {
            DomainError::internal(format_args!(
                "KIKUBARI_SECRET_KEY_FILE {}: must hold 32 bytes in base64 (openssl rand -base64 32)",
                path.display()
            ))
        })?;
        Self::from_master(&master)
    }

    /// Derives all keys with HKDF-SHA-256 (RFC 5869).
    ///
    /// # Errors
    /// When the library refuses, which it never does for 32 bytes.
    pub fn from_master(master: &[u8]) -> Result<Self> {
        let derive = |label: &[u8]| -> Result<[u8; 32]> {
            let mut key = [0; 32];
            Salt::new(HKDF_SHA256, b"kikubari")
                .extract(master)
                .expand(&[label], Length32)
                .and_then(|okm| okm.fill(&mut key))
                .map_err(|_| DomainError::internal("key derivation failed"))?;
            Ok(key)
        };
        let seal = UnboundKey::new(&AES_256_GCM, &derive(b"seal v1")?)
            .map_err(|_| DomainError::internal("seal key refused"))?;
        Ok(Self {
            seal: LessSafeKey::new(seal),
            token: hmac::Key::new(hmac::HMAC_SHA256, &derive(b"token v1")?),
            access_seed: derive(b"access v1")?,
        })
    }

    /// Ed25519 seed of the key that signs access tokens.
    #[must_use]
    pub fn access_seed(&self) -> &[u8; 32] {
        &self.access_seed
    }

    /// Seals a secret for one tenant and place (`"route.password:<id>"`): moved
    /// to another row or tenant it no longer opens.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn seal(&self, tenant: TenantId, place: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LEN>();
        let mut sealed = secret.to_vec();
        self.seal
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                aad(tenant, place),
                &mut sealed,
            )
            .map_err(|_| DomainError::internal("sealing failed"))?;
        let mut out = Vec::with_capacity(1 + NONCE_LEN + sealed.len());
        out.push(SEAL_FORM);
        out.extend_from_slice(&nonce);
        out.append(&mut sealed);
        Ok(out)
    }

    /// Opens what [`Keys::seal`] made for the same tenant and place.
    ///
    /// # Errors
    /// When it was made with another key, for another place, or changed.
    pub fn open(&self, tenant: TenantId, place: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let refused = || {
            DomainError::internal(format_args!(
                "sealed secret {place} does not open: wrong key?"
            ))
        };
        let (&form, rest) = sealed.split_first().ok_or_else(refused)?;
        if form != SEAL_FORM || rest.len() < NONCE_LEN {
            return Err(refused());
        }
        let (nonce, body) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut body = body.to_vec();
        let length = self
            .seal
            .open_in_place(nonce, aad(tenant, place), &mut body)
            .map_err(|_| refused())?
            .len();
        body.truncate(length);
        Ok(body)
    }

    /// HMAC-SHA-256, cut to 128 bits, over the parts; `purpose` keeps tokens
    /// of one kind from passing for another.
    #[must_use]
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.token);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(message);
        let mut mac = [0; 16];
        mac.copy_from_slice(&context.sign().as_ref()[..16]);
        mac
    }

    /// Whether `mac` is the one of [`Keys::mac`], compared in constant time.
    #[must_use]
    pub fn verify(&self, purpose: &str, message: &[u8], mac: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.mac(purpose, message), mac).is_ok()
    }
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
}
