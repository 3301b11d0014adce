//! The page of a cancel link: what it shows, and how an address stands on it.

use chrono::{DateTime, Utc};

use super::found::{Found, find};
use crate::db::Db;
use crate::delivery::token::DeliveryToken;
use crate::error::Result;
use crate::mail::content::Locale;

/// How things stand between the person and this mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Gets these mails.
    Wanted,
    /// Gets them no more, but perhaps others of the company.
    CancelledThis,
    CancelledAll,
    /// A test send: there is nothing to cancel.
    Test,
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct CancelPage {
    /// The company as it calls itself in its mails.
    pub company: String,
    /// The address, its local part hidden: a link may be passed on.
    pub address: String,
    pub locale: Locale,
    pub standing: Standing,
    /// Whether "only these mails" is less than all.
    pub has_lists: bool,
    /// Whether a cancellation by this link can still be taken back.
    pub can_restore: bool,
}

/// What the page shows. Changes nothing: link scanners come here too.
///
/// # Errors
/// [`DomainError::NotFound`] when the delivery is gone.
pub async fn look(db: &Db, token: &DeliveryToken) -> Result<CancelPage> {
    let now = db.now();
    db.tenant(token.tenant, async |tx| {
        Ok(find(tx, *token, false).await?.page(now))
    })
    .await
}

impl Found {
    pub(super) fn page(self, now: DateTime<Utc>) -> CancelPage {
        let address = self.contact.as_ref().map_or(&self.address, |c| &c.email);
        CancelPage {
            address: hidden(address),
            standing: self.standing(),
            has_lists: self.has_lists(),
            can_restore: self.can_restore(now),
            locale: self.locale,
            company: self.company,
        }
    }
}

/// `taro@example.jp` as `ta…@example.jp`.
pub(crate) fn hidden(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let shown = if local.chars().count() > 3 { 2 } else { 1 };
    let begin: String = local.chars().take(shown).collect();
    format!("{begin}…@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_so_that_only_its_owner_knows_it() {
        for (address, shown) in [
            ("taro.yamada@example.jp", "ta…@example.jp"),
            ("abc@example.jp", "a…@example.jp"),
            ("髙橋太郎@example.jp", "髙橋…@example.jp"),
        ] {
            assert_eq!(hidden(address), shown);
        }
    }
}
