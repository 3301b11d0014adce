//! What a program shows: a client id, which names tenant and token, and a
//! secret of 256 random bits. The secret begins with `kkb_` and ends with a
//! checksum, so that scanners find it in code and logs and are seldom wrong.

use aws_lc_rs::constant_time;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::ids::{ApiTokenId, TenantId};
use crate::secret::{random, sha256};

/// How every secret begins.
pub const PREFIX: &str = "kkb_";
/// Letters of 256 bits, and of the checksum behind them.
const BODY: usize = 43;
const CHECK: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The `client_id`: no secret.
#[must_use]
pub fn client_id(tenant: TenantId, token: ApiTokenId) -> String {
    URL_SAFE_NO_PAD.encode([*tenant.0.as_bytes(), *token.0.as_bytes()].concat())
}

/// What a client id names.
#[must_use]
pub fn parse_client_id(text: &str) -> Option<(TenantId, ApiTokenId)> {
    let bytes = (text.len() <= 64)
        .then(|| URL_SAFE_NO_PAD.decode(text).ok())
        .flatten()
        .filter(|bytes| bytes.len() == 32)?;
    let (tenant, token) = bytes.split_at_checked(16)?;
    Some((
        TenantId(Uuid::from_slice(tenant).ok()?),
        ApiTokenId(Uuid::from_slice(token).ok()?),
    ))
}

/// A secret, as long as it is shown and no longer.
pub(super) struct Secret(SecretString);

impl Secret {
    pub(super) fn new() -> Self {
        let body = base62(&random::<32>(), BODY);
        let check = checksum(&body);
        Self(SecretString::from(format!("{PREFIX}{body}{check}")))
    }

    /// One that a program shows; `None` when it can't be one of ours.
    pub(super) fn parse(text: &SecretString) -> Option<Self> {
        let shown = text.expose_secret();
        let rest = shown.strip_prefix(PREFIX)?;
        let (body, check) = rest.split_at_checked(BODY)?;
        let is_ours = check.len() == CHECK
            && body.bytes().all(|letter| ALPHABET.contains(&letter))
            && checksum(body) == check;
        is_ours.then(|| Self(text.clone()))
    }

    /// What the database keeps.
    pub(super) fn hash(&self) -> [u8; 32] {
        sha256(self.0.expose_secret().as_bytes())
    }

    /// The last letters, all of them of the checksum.
    pub(super) fn end(&self) -> String {
        let text = self.0.expose_secret();
        text[text.len().saturating_sub(4)..].to_owned()
    }

    pub(super) fn show(self) -> SecretString {
        self.0
    }
}

/// Whether a hash is the one that was kept, in constant time.
pub(super) fn is_same(kept: &[u8], shown: &[u8; 32]) -> bool {
    constant_time::verify_slices_are_equal(kept, shown).is_ok()
}

fn checksum(body: &str) -> String {
    base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK)
}

/// A big-endian number in base 62, filled up with zeros to `length` letters.
fn base62(number: &[u8], length: usize) -> String {
    let mut number = number.to_vec();
    let mut letters = vec![b'0'; length];
    for letter in letters.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = rest * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *letter = ALPHABET
            .get(usize::try_from(rest).unwrap_or(0))
            .copied()
            .unwrap_or(b'0');
    }
    letters.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base62_counts() {
        assert_eq!(base62(&[0], 3), "000");
        assert_eq!(base62(&[61], 3), "00z");
        assert_eq!(base62(&[1, 0], 3), "048");
        assert_eq!(base62(&[255; 32], BODY).len(), BODY);
        assert_ne!(&base62(&[255; 32], BODY)[..1], "0", "43 letters are enough");
        assert_ne!(&base62(&[255; 4], CHECK)[..1], "0");
    }

    #[test]
    fn a_secret_is_known_again_and_one_with_a_slip_is_not() {
        let secret = Secret::new();
        let shown = secret.0.clone();
        assert_eq!(shown.expose_secret().len(), PREFIX.len() + BODY + CHECK);
        assert_eq!(Secret::parse(&shown).unwrap().hash(), secret.hash());
        let text = shown.expose_secret();
        for i in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[i] = if bytes[i] == b'0' { b'1' } else { b'0' };
            let slip = String::from_utf8(bytes).unwrap();
            assert!(Secret::parse(&slip.into()).is_none(), "letter {i}");
        }
        for wrong in ["", "kkb_", "kkb_あ", &text[..text.len() - 1]] {
            assert!(Secret::parse(&wrong.to_owned().into()).is_none());
        }
        assert_ne!(Secret::new().hash(), secret.hash());
    }

    #[test]
    fn a_client_id_names_its_tenant_and_its_token() {
        let (tenant, token) = (TenantId::new(), ApiTokenId::new());
        let id = client_id(tenant, token);
        assert!(
            id.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        );
        assert_eq!(parse_client_id(&id), Some((tenant, token)));
        for wrong in ["", "x", &id[1..], &format!("{id}A"), "あ"] {
            assert_eq!(parse_client_id(wrong), None);
        }
    }
}
