//! Public keys as authenticators give them (COSE, RFC 9052), of the three
//! kinds that they have: ES256, Ed25519, RS256.

use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use ciborium::Value;

use super::webauthn::{Refusal, cbor};

/// COSE algorithms in the order of preference; what a browser is asked for.
pub const ALGORITHMS: [i64; 3] = [-7, -8, -257];

/// A key that can check signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// P-256, as an uncompressed point.
    Es256(Vec<u8>),
    Ed25519(Vec<u8>),
    Rs256 {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads the key at the beginning of `bytes`; answers how long it is, too.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), Refusal> {
        let mut rest = bytes;
        let Value::Map(map) = cbor(&mut rest)? else {
            return Err(Refusal("the key is no COSE map"));
        };
        let key = Self::of(&map)?;
        key.check()?;
        Ok((key, bytes.len() - rest.len()))
    }

    fn of(map: &[(Value, Value)]) -> Result<Self, Refusal> {
        // Labels (RFC 9053 §7): 1 kty, 3 alg, -1 crv or n, -2 x or e, -3 y.
        match (integer(map, 1)?, integer(map, 3)?) {
            (2, -7) if integer(map, -1)? == 1 => {
                let point = [&[4], bytes(map, -2, 32)?, bytes(map, -3, 32)?].concat();
                Ok(Self::Es256(point))
            }
            (1, -8) if integer(map, -1)? == 6 => Ok(Self::Ed25519(bytes(map, -2, 32)?.to_vec())),
            (3, -257) => Ok(Self::Rs256 {
                n: bytes(map, -1, 1024)?.to_vec(),
                e: bytes(map, -2, 8)?.to_vec(),
            }),
            _ => Err(Refusal("the key is of a kind that was not asked for")),
        }
    }

    /// A point off the curve, or a modulus that is too short, is refused when
    /// the key is registered and not at some log-in.
    fn check(&self) -> Result<(), Refusal> {
        let parsed = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            ParsedPublicKey::new(algorithm, key)
                .map(|_| ())
                .map_err(|_| Refusal("the key is not valid"))
        };
        match self {
            Self::Es256(point) => parsed(&signature::ECDSA_P256_SHA256_ASN1, point),
            Self::Ed25519(key) => parsed(&signature::ED25519, key),
            Self::Rs256 { n, .. } if n.len() >= 256 => Ok(()),
            Self::Rs256 { .. } => Err(Refusal("the key is too short")),
        }
    }

    /// Whether `signature` is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(point) => UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point)
                .verify(message, signature),
            Self::Ed25519(key) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature)
            }
            Self::Rs256 { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        }
        .is_ok()
    }
}

fn get(map: &[(Value, Value)], label: i64) -> Option<&Value> {
    let wanted = Value::from(label);
    let mut found = map.iter().filter(|(key, _)| *key == wanted);
    // A label that stands there twice names nothing.
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

fn integer(map: &[(Value, Value)], label: i64) -> Result<i64, Refusal> {
    get(map, label)
        .and_then(Value::as_integer)
        .and_then(|n| i64::try_from(n).ok())
        .ok_or(Refusal("the key lacks a number"))
}

/// A coordinate of exactly 32 bytes, or an RSA number of at most `most`.
fn bytes(map: &[(Value, Value)], label: i64, most: usize) -> Result<&[u8], Refusal> {
    let found = get(map, label).and_then(Value::as_bytes);
    found
        .map(Vec::as_slice)
        .filter(|bytes| (1..=most).contains(&bytes.len()) && (most != 32 || bytes.len() == 32))
        .ok_or(Refusal("the key lacks a part"))
}
