//! DKIM keys: made here, sealed at rest, published as DNS records.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use crate::error::{DomainError, Result};
use crate::secret;

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// RFC 6376, 2048 bits: what every receiver checks.
    RsaSha256,
    /// RFC 8463: beside it, for those who can.
    Ed25519Sha256,
}

impl Algorithm {
    pub const ALL: [Self; 2] = [Self::RsaSha256, Self::Ed25519Sha256];

    /// As in the `a=` tag.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaSha256 => "rsa-sha256",
            Self::Ed25519Sha256 => "ed25519-sha256",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == text)
    }

    fn letter(self) -> char {
        match self {
            Self::RsaSha256 => 'r',
            Self::Ed25519Sha256 => 'e',
        }
    }
}

/// A key that was just made.
pub struct GeneratedKey {
    pub algorithm: Algorithm,
    pub selector: String,
    /// PKCS#8 DER.
    pub private: Vec<u8>,
    /// Base64 as after `p=`.
    pub public: String,
}

/// Makes a key of each algorithm; takes some 100 ms of CPU, so it belongs on a
/// blocking thread.
///
/// # Errors
/// When the library refuses.
pub fn generate(now: DateTime<Utc>) -> Result<Vec<GeneratedKey>> {
    let stem = format!(
        "kk{}{}",
        now.format("%y%m"),
        hex::encode(secret::random::<2>())
    );
    Algorithm::ALL
        .into_iter()
        .map(|algorithm| {
            let (private, public) = match algorithm {
                Algorithm::RsaSha256 => rsa()?,
                Algorithm::Ed25519Sha256 => ed25519()?,
            };
            let selector = format!("{stem}{}", algorithm.letter());
            Ok(GeneratedKey {
                algorithm,
                selector,
                private,
                public: STANDARD.encode(public),
            })
        })
        .collect()
}

fn rsa() -> Result<(Vec<u8>, Vec<u8>)> {
    let refused = |_| DomainError::internal("RSA key generation failed");
    let key = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).map_err(refused)?;
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).map_err(refused)?;
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(key.public_key()).map_err(refused)?;
    Ok((private.as_ref().to_vec(), public.as_ref().to_vec()))
}

fn ed25519() -> Result<(Vec<u8>, Vec<u8>)> {
    let refused = |_| DomainError::internal("Ed25519 key generation failed");
    let private =
        Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new()).map_err(refused)?;
    let key = Ed25519KeyPair::from_pkcs8(private.as_ref())
        .map_err(|_| DomainError::internal("a made Ed25519 key does not open"))?;
    Ok((
        private.as_ref().to_vec(),
        key.public_key().as_ref().to_vec(),
    ))
}

/// Name of the TXT record of a selector.
#[must_use]
pub fn record_name(selector: &str, domain: &str) -> String {
    format!("{selector}._domainkey.{domain}")
}

/// Value of the TXT record of a key (RFC 6376 §3.6.1, RFC 8463 §4).
#[must_use]
pub fn record_value(algorithm: Algorithm, public: &str) -> String {
    let kind = match algorithm {
        Algorithm::RsaSha256 => "rsa",
        Algorithm::Ed25519Sha256 => "ed25519",
    };
    format!("v=DKIM1; k={kind}; p={public}")
}

/// What DNS says of a key or another record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// Nobody has asked.
    Unchecked,
    Ok,
    Missing,
    Differs,
}

impl Checked {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Differs => "differs",
        }
    }
}

/// Compares the TXT records found at a selector with the key that belongs
/// there: the `p=` tags must be equal, whatever the order and spaces.
#[must_use]
pub fn compare(public: &str, found: &[String]) -> Checked {
    let keys: Vec<String> = found.iter().filter_map(|record| tag(record, "p")).collect();
    if keys.iter().any(|key| key == public) {
        Checked::Ok
    } else if keys.is_empty() {
        Checked::Missing
    } else {
        Checked::Differs
    }
}

pub(super) fn tag(record: &str, name: &str) -> Option<String> {
    record.split(';').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        (key.trim() == name).then(|| value.chars().filter(|c| !c.is_whitespace()).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_pair_has_2048_bits_of_rsa_and_ed25519_beside_it() {
        let keys = generate(crate::clock::Clock::system().now()).unwrap();
        assert_eq!(keys.len(), 2);
        let rsa = STANDARD.decode(&keys[0].public).unwrap();
        assert_eq!(rsa.len(), 294, "SubjectPublicKeyInfo of 2048 bits");
        assert_eq!(STANDARD.decode(&keys[1].public).unwrap().len(), 32);
        assert_ne!(keys[0].selector, keys[1].selector);
    }

    #[test]
    fn a_published_record_is_told_from_a_missing_and_a_wrong_one() {
        let value = record_value(Algorithm::RsaSha256, "MIIB+x/y=");
        let table = [
            (vec![value.clone()], Checked::Ok),
            (
                vec!["k=rsa;p=MIIB +x/\t y=; v=DKIM1".to_owned()],
                Checked::Ok,
            ),
            (vec!["v=spf1 -all".to_owned(), value], Checked::Ok),
            (vec!["v=DKIM1; p=other".to_owned()], Checked::Differs),
            (vec!["v=DKIM1; p=".to_owned()], Checked::Differs),
            (vec!["v=spf1 -all".to_owned()], Checked::Missing),
            (vec![], Checked::Missing),
        ];
        for (found, expected) in table {
            assert_eq!(compare("MIIB+x/y=", &found), expected, "{found:?}");
        }
    }
}
