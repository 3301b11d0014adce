//! The return path of a mail (VERP): where a bounce of exactly this delivery
//! comes back to.
//!
//! A local part holds 64 octets (RFC 5321 §4.5.3.1.1) and some servers fold
//! its case, so the token is 40 bytes in lower-case base32: tenant, months,
//! delivery, and 48 bits of HMAC. That many do, since a guess costs an SMTP
//! transaction, and needs the two random ids besides.

use uuid::Uuid;

use super::token::{months, period};
use crate::ids::{DeliveryId, TenantId};
use crate::secret::Keys;
use chrono::NaiveDate;

const BODY: usize = 16 + 2 + 16;
const MAC: usize = 6;
const MAC_LABEL: &str = "return path";
/// RFC 4648 §6, in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The delivery that a bounce speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnPath {
    pub tenant: TenantId,
    pub period: NaiveDate,
    pub delivery: DeliveryId,
}

impl ReturnPath {
    /// The local part: 64 of `a-z2-7`.
    #[must_use]
    pub fn encode(&self, keys: &Keys) -> String {
        let mut bytes = [0; BODY + MAC];
        bytes[..16].copy_from_slice(self.tenant.0.as_bytes());
        bytes[16..18].copy_from_slice(&months(self.period).to_be_bytes());
        bytes[18..BODY].copy_from_slice(self.delivery.0.as_bytes());
        let mac = keys.mac(MAC_LABEL, &bytes[..BODY]);
        bytes[BODY..].copy_from_slice(&mac[..MAC]);
        bytes.chunks_exact(5).flat_map(letters).collect()
    }

    /// `None` for any local part that is not ours.
    #[must_use]
    pub fn decode(keys: &Keys, local: &str) -> Option<Self> {
        let bytes = decode(local)?;
        let (body, mac) = bytes.split_at_checked(BODY)?;
        if !keys.verify(MAC_LABEL, body, mac) {
            return None;
        }
        Some(Self {
            tenant: TenantId(Uuid::from_slice(&body[..16]).ok()?),
            period: period(u16::from_be_bytes([body[16], body[17]]))?,
            delivery: DeliveryId(Uuid::from_slice(&body[18..]).ok()?),
        })
    }
}

/// Five bytes are eight letters.
fn letters(five: &[u8]) -> [char; 8] {
    let bits = five
        .iter()
        .fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    std::array::from_fn(|i| {
        char::from(ALPHABET[usize::try_from((bits >> (35 - 5 * i)) & 31).unwrap_or(0)])
    })
}

fn decode(local: &str) -> Option<Vec<u8>> {
    if local.len() != (BODY + MAC) / 5 * 8 {
        return None;
    }
    let mut bytes = Vec::with_capacity(BODY + MAC);
    for eight in local.as_bytes().chunks_exact(8) {
        let mut bits = 0_u64;
        for letter in eight {
            let value = ALPHABET
                .iter()
                .position(|a| *a == letter.to_ascii_lowercase())?;
            bits = (bits << 5) | u64::try_from(value).ok()?;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> ReturnPath {
        ReturnPath {
            tenant: TenantId::new(),
            period: NaiveDate::from_ymd_opt(2026, 11, 1).unwrap(),
            delivery: DeliveryId::new(),
        }
    }

    #[test]
    fn a_local_part_of_64_octets_names_its_delivery_in_any_case() {
        let keys = Keys::from_master(&[7; 32]).unwrap();
        let path = path();
        let local = path.encode(&keys);
        assert_eq!(local.len(), 64);
        assert_eq!(ReturnPath::decode(&keys, &local), Some(path));
        assert_eq!(ReturnPath::decode(&keys, &local.to_uppercase()), Some(path));
    }

    #[test]
    fn no_changed_letter_and_no_foreign_key_passes() {
        let keys = Keys::from_master(&[7; 32]).unwrap();
        let local = path().encode(&keys);
        for i in 0..local.len() {
            for other in ['a', 'b'] {
                let mut forged: Vec<char> = local.chars().collect();
                if forged[i] != other {
                    forged[i] = other;
                    assert_eq!(
                        ReturnPath::decode(&keys, &forged.iter().collect::<String>()),
                        None
                    );
                }
            }
        }
        let foreign = Keys::from_master(&[8; 32]).unwrap();
        assert_eq!(ReturnPath::decode(&foreign, &local), None);
    }

    proptest::proptest! {
        #[test]
        fn random_text_is_no_return_path(local in "\\PC{0,80}") {
            let keys = Keys::from_master(&[7; 32]).unwrap();
            proptest::prop_assert_eq!(ReturnPath::decode(&keys, &local), None);
        }
    }
}
