//! Signed tokens in the links of a mail: cancel, open and click
//! (the return path has a shorter one of its own). They name the delivery, so that nothing needs to be stored for them,
//! and carry no target: a click's address is looked up by its number.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Datelike, NaiveDate};
use uuid::Uuid;

use crate::ids::{CampaignId, DeliveryId, TenantId};
use crate::secret::Keys;

/// What a token may be used for; one kind never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Cancel,
    Open,
    /// Names the campaign as well, so that the address of a link is found
    /// without looking the delivery up.
    Click {
        campaign: CampaignId,
        /// Of the link.
        number: u16,
    },
}

impl Purpose {
    fn parts(self) -> (u8, u16, Option<CampaignId>) {
        match self {
            Self::Cancel => (1, 0, None),
            Self::Open => (2, 0, None),
            Self::Click { campaign, number } => (3, number, Some(campaign)),
        }
    }

    fn from_parts(kind: u8, number: u16, rest: &[u8]) -> Option<Self> {
        match (kind, number, rest) {
            (1, 0, []) => Some(Self::Cancel),
            (2, 0, []) => Some(Self::Open),
            (3, number, campaign) => Some(Self::Click {
                campaign: CampaignId(Uuid::from_slice(campaign).ok()?),
                number,
            }),
            _ => None,
        }
    }
}

/// The delivery that a token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryToken {
    pub tenant: TenantId,
    /// Partition of the delivery: first day of a month from 2000 on.
    pub period: NaiveDate,
    pub delivery: DeliveryId,
    pub purpose: Purpose,
}

/// Form (with the key's number), kind, tenant, months, delivery, number; a
/// click's campaign follows.
const BODY: usize = 1 + 1 + 16 + 2 + 16 + 2;
const CAMPAIGN: usize = 16;
const MAC: usize = 16;
/// First byte; another form or another key gets another number.
const FORM: u8 = 1;
const MAC_LABEL: &str = "delivery token";

impl DeliveryToken {
    /// 72 characters of the URL alphabet (RFC 4648 §5), 94 for a click.
    #[must_use]
    pub fn encode(&self, keys: &Keys) -> String {
        let (kind, number, campaign) = self.purpose.parts();
        let mut bytes = Vec::with_capacity(BODY + CAMPAIGN + MAC);
        bytes.extend_from_slice(&[FORM, kind]);
        bytes.extend_from_slice(self.tenant.0.as_bytes());
        bytes.extend_from_slice(&months(self.period).to_be_bytes());
        bytes.extend_from_slice(self.delivery.0.as_bytes());
        bytes.extend_from_slice(&number.to_be_bytes());
        if let Some(campaign) = campaign {
            bytes.extend_from_slice(campaign.0.as_bytes());
        }
        let mac = keys.mac(MAC_LABEL, &bytes);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// `None` for anything that we did not sign.
    #[must_use]
    pub fn decode(keys: &Keys, text: &str) -> Option<Self> {
        let bytes = (text.len() <= 100)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()?;
        let (body, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        if body.len() < BODY || body[0] != FORM || !keys.verify(MAC_LABEL, body, mac) {
            return None;
        }
        let number = u16::from_be_bytes([body[36], body[37]]);
        Some(Self {
            tenant: TenantId(Uuid::from_slice(&body[2..18]).ok()?),
            period: period(u16::from_be_bytes([body[18], body[19]]))?,
            delivery: DeliveryId(Uuid::from_slice(&body[20..36]).ok()?),
            purpose: Purpose::from_parts(body[1], number, &body[BODY..])?,
        })
    }
}

pub(super) fn months(period: NaiveDate) -> u16 {
    u16::try_from((period.year() - 2000) * 12).unwrap_or(0)
        + u16::try_from(period.month0()).unwrap_or(0)
}

pub(super) fn period(months: u16) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(2000 + i32::from(months / 12), u32::from(months % 12) + 1, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(purpose: Purpose) -> DeliveryToken {
        DeliveryToken {
            tenant: TenantId::new(),
            period: NaiveDate::from_ymd_opt(2026, 11, 1).unwrap(),
            delivery: DeliveryId::new(),
            purpose,
        }
    }

    fn click(number: u16) -> Purpose {
        Purpose::Click {
            campaign: CampaignId::new(),
            number,
        }
    }

    #[test]
    fn a_token_names_its_delivery() {
        let keys = Keys::from_master(&[7; 32]).unwrap();
        for (purpose, length) in [
            (Purpose::Cancel, 72),
            (Purpose::Open, 72),
            (click(65_535), 94),
        ] {
            let token = token(purpose);
            let text = token.encode(&keys);
            assert_eq!(text.len(), length);
            assert_eq!(DeliveryToken::decode(&keys, &text), Some(token));
        }
    }

    #[test]
    fn no_changed_bit_and_no_foreign_key_passes() {
        let keys = Keys::from_master(&[7; 32]).unwrap();
        let bytes = URL_SAFE_NO_PAD
            .decode(token(click(3)).encode(&keys))
            .unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                DeliveryToken::decode(&keys, &URL_SAFE_NO_PAD.encode(forged)),
                None,
                "bit {bit}"
            );
        }
        let other = Keys::from_master(&[8; 32]).unwrap();
        assert_eq!(
            DeliveryToken::decode(&keys, &token(Purpose::Open).encode(&other)),
            None
        );
    }

    proptest::proptest! {
        #[test]
        fn random_text_is_no_token(text in "[A-Za-z0-9_-]{0,120}") {
            let keys = Keys::from_master(&[7; 32]).unwrap();
            proptest::prop_assert_eq!(DeliveryToken::decode(&keys, &text), None);
        }
    }
}
