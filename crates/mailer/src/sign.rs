//! DKIM signatures (RFC 6376, RFC 8463), relaxed/relaxed. CPU-bound: call it
//! off the reactor.

use domain::sender_domain::SigningKey;
use domain::sender_domain::dkim::Algorithm;
use mail_auth::common::crypto::{DkimKey, Ed25519Key, RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{Canonicalization, DkimSigner, Done};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What the signature covers. The names that stand twice are over-signed: a
/// second header of that name, added on the way, breaks the signature.
const COVERED: [&str; 18] = [
    "From",
    "From",
    "To",
    "To",
    "Subject",
    "Subject",
    "Date",
    "Date",
    "Message-ID",
    "Reply-To",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "Feedback-ID",
];

/// The opened keys of a sender domain.
pub struct Signer(Vec<DkimSigner<DkimKey, Done>>);

/// A key that does not open or sign.
#[derive(Debug, thiserror::Error)]
#[error("DKIM: {0}")]
pub struct SignError(#[from] mail_auth::Error);

impl Signer {
    /// Opens keys; parsing an RSA key costs as much as some signatures, so
    /// once for a campaign.
    ///
    /// # Errors
    /// When a key is none.
    pub fn open(keys: &[SigningKey]) -> Result<Self, SignError> {
        let open = |key: &SigningKey| {
            let opened = match key.algorithm {
                Algorithm::RsaSha256 => {
                    let der = PrivatePkcs8KeyDer::from(key.private.clone());
                    DkimKey::Rsa(RsaKey::<Sha256>::from_key_der(PrivateKeyDer::Pkcs8(der))?)
                }
                Algorithm::Ed25519Sha256 => {
                    DkimKey::Ed25519(Ed25519Key::from_pkcs8_maybe_unchecked_der(&key.private)?)
                }
            };
            Ok(DkimSigner::from_key(opened)
                .domain(&key.domain)
                .selector(&key.selector)
                .headers(COVERED)
                .header_canonicalization(Canonicalization::Relaxed)
                .body_canonicalization(Canonicalization::Relaxed))
        };
        keys.iter()
            .map(open)
            .collect::<Result<_, SignError>>()
            .map(Self)
    }

    /// Whether there is a key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mail with its signatures on top.
    ///
    /// # Errors
    /// When the library does.
    pub fn sign(&self, mail: Vec<u8>) -> Result<Vec<u8>, SignError> {
        if self.0.is_empty() {
            return Ok(mail);
        }
        let mut signed = Vec::with_capacity(mail.len() + 1024 * self.0.len());
        for signer in &self.0 {
            signer.sign(&mail)?.write_header(&mut signed);
        }
        signed.extend_from_slice(&mail);
        Ok(signed)
    }
}
