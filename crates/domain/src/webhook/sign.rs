//! Secrets and signatures after Standard Webhooks 1.0
//! (<https://www.standardwebhooks.com>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use crate::error::{DomainError, Result};
use crate::ids::{TenantId, WebhookId, WebhookMessageId};
use crate::secret::{self, Keys, hmac_sha256};

const PREFIX: &str = "whsec_";
/// Bytes of a secret; the standard wants 24 to 64.
const LENGTH: usize = 32;

/// The key that a receiver checks signatures with.
#[derive(Clone)]
pub struct Secret([u8; LENGTH]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn place(id: WebhookId) -> String {
    format!("webhook.secret:{id}")
}

impl Secret {
    #[must_use]
    pub(super) fn new() -> Self {
        Self(secret::random())
    }

    /// As it is shown: `whsec_` and base64.
    #[must_use]
    pub fn show(&self) -> SecretString {
        format!("{PREFIX}{}", STANDARD.encode(self.0)).into()
    }

    pub(super) fn seal(&self, keys: &Keys, tenant: TenantId, id: WebhookId) -> Result<Vec<u8>> {
        keys.seal(tenant, &place(id), &self.0)
    }

    pub(super) fn open(
        keys: &Keys,
        tenant: TenantId,
        id: WebhookId,
        sealed: &[u8],
    ) -> Result<Self> {
        let bytes = keys.open(tenant, &place(id), sealed)?;
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| DomainError::internal("a webhook's secret of another length"))
    }
}

/// The value of `webhook-id`.
#[must_use]
pub fn message_id(id: WebhookMessageId) -> String {
    format!("msg_{}", id.0.simple())
}

/// The value of `webhook-signature`: one signature for each secret, with spaces
/// between.
#[must_use]
pub fn signature(secrets: &[Secret], message_id: &str, timestamp: i64, body: &str) -> String {
    let signed = format!("{message_id}.{timestamp}.{body}");
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| hmac_sha256(&secret.0, signed.as_bytes()))
        .map(|mac| format!("v1,{}", STANDARD.encode(mac)))
        .collect();
    signatures.join(" ")
}

/// A secret as it is shown, taken back; for tests of receivers.
#[cfg(any(test, feature = "testing"))]
#[must_use]
pub fn parse(shown: &SecretString) -> Option<Secret> {
    let text = secrecy::ExposeSecret::expose_secret(shown).strip_prefix(PREFIX)?;
    STANDARD.decode(text).ok()?.try_into().ok().map(Secret)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    /// The example of the specification and of its reference libraries.
    #[test]
    fn the_signature_is_that_of_the_standards_example() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let signed = format!("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{body}");
        let mac = hmac_sha256(&secret, signed.as_bytes());
        assert_eq!(
            STANDARD.encode(mac),
            "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn two_secrets_make_two_signatures_and_a_secret_is_shown_as_the_standard_says() {
        let secrets = [Secret::new(), Secret::new()];
        let both = signature(&secrets, "msg_1", 1, "{}");
        let each: Vec<&str> = both.split(' ').collect();
        assert_eq!(each.len(), 2);
        assert_eq!(each[1], signature(&secrets[1..], "msg_1", 1, "{}"));
        let shown = secrets[0].show();
        assert!(shown.expose_secret().starts_with("whsec_"));
        assert_eq!(parse(&shown).unwrap().0, secrets[0].0);
    }
}
