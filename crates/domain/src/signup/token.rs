//! The signed token of a confirmation link. It names the row that waits; how
//! long it holds, and that it holds once, stand there.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::ids::{SignupId, TenantId};
use crate::secret::Keys;

const BODY: usize = 1 + 16 + 16;
const MAC: usize = 16;
/// First byte; another form or another key gets another number.
const FORM: u8 = 1;
const MAC_LABEL: &str = "signup token";

/// Somebody who may confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignupToken {
    pub tenant: TenantId,
    pub signup: SignupId,
}

impl SignupToken {
    /// 66 characters of the URL alphabet (RFC 4648 §5).
    #[must_use]
    pub fn encode(&self, keys: &Keys) -> String {
        let mut bytes = Vec::with_capacity(BODY + MAC);
        bytes.push(FORM);
        bytes.extend_from_slice(self.tenant.0.as_bytes());
        bytes.extend_from_slice(self.signup.0.as_bytes());
        let mac = keys.mac(MAC_LABEL, &bytes);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None` for anything that we did not sign for this.
    #[must_use]
    pub fn decode(keys: &Keys, text: &str) -> Option<Self> {
        let bytes = (text.len() <= 100)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()
            .filter(|bytes| bytes.len() == BODY + MAC)?;
        let (body, mac) = bytes.split_at(BODY);
        if body[0] != FORM || !keys.verify(MAC_LABEL, body, mac) {
            return None;
        }
        Some(Self {
            tenant: TenantId(Uuid::from_slice(&body[1..17]).ok()?),
            signup: SignupId(Uuid::from_slice(&body[17..]).ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_changed_bit_and_no_foreign_key_passes() {
        let keys = Keys::from_master(&[7; 32]).unwrap();
        let token = SignupToken {
            tenant: TenantId::new(),
            signup: SignupId::new(),
        };
        let text = token.encode(&keys);
        assert_eq!(text.len(), 66);
        assert_eq!(SignupToken::decode(&keys, &text), Some(token));
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let forged = URL_SAFE_NO_PAD.encode(forged);
            assert_eq!(SignupToken::decode(&keys, &forged), None, "bit {bit}");
        }
        let foreign = Keys::from_master(&[8; 32]).unwrap();
        assert_eq!(SignupToken::decode(&foreign, &text), None);
    }

    proptest::proptest! {
        #[test]
        fn random_text_is_no_token(text in "[A-Za-z0-9_-]{0,120}") {
            let keys = Keys::from_master(&[7; 32]).unwrap();
            proptest::prop_assert_eq!(SignupToken::decode(&keys, &text), None);
        }
    }
}
