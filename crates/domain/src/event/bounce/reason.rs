//! How final a bounce is, and whose fault. Only what speaks of the address
//! itself stops a contact; what speaks of us, our mail or the way there never
//! does (policy refusals, RFC 3463 x.7.x, first of all).

use crate::text_enum::text_enum;

text_enum! {
    /// How final.
    pub enum BounceKind {
        /// The address is good for nothing any more.
        Hard = "hard",
        /// This mail did not arrive; the next one may.
        Soft = "soft",
        /// No bounce: delayed, delivered, an automatic reply, a complaint.
        None = "none",
    }
}

text_enum! {
    /// Why; stable codes of `event.detail`.
    pub enum BounceReason {
        UserUnknown = "user_unknown",
        DomainUnknown = "domain_unknown",
        /// Closed, or switched off for good.
        Closed = "closed",
        Moved = "moved",
        MailboxFull = "mailbox_full",
        TooBig = "too_big",
        /// Refused for what stands in it.
        Content = "content",
        /// Refused by a rule of theirs: the sender's fault.
        Policy = "policy",
        /// SPF, DKIM, DMARC, reverse DNS.
        Authentication = "authentication",
        /// A block-list, or the bad name of our address.
        Reputation = "reputation",
        /// Too many mails too fast.
        RateLimited = "rate_limited",
        /// The path there is broken.
        Network = "network",
        Loop = "loop",
        /// Tried for days, then given up.
        Expired = "expired",
        /// The receiving system is out of order.
        System = "system",
        /// Our SMTP was not to their taste.
        Protocol = "protocol",
        Undefined = "undefined",
        Delayed = "delayed",
        Delivered = "delivered",
        AutoReply = "auto_reply",
        Complaint = "complaint",
        /// A report of authentication results (RFC 6591), nobody's complaint.
        AuthReport = "auth_report",
        /// No report at all.
        Other = "other",
    }
}

impl BounceReason {
    /// Whether a soft bounce of this kind counts against the contact.
    #[must_use]
    pub fn blames_contact(self) -> bool {
        match self {
            Self::UserUnknown
            | Self::DomainUnknown
            | Self::Closed
            | Self::Moved
            | Self::MailboxFull
            | Self::Network
            | Self::Expired
            | Self::System
            | Self::Undefined => true,
            Self::TooBig
            | Self::Content
            | Self::Policy
            | Self::Authentication
            | Self::Reputation
            | Self::RateLimited
            | Self::Loop
            | Self::Protocol
            | Self::Delayed
            | Self::Delivered
            | Self::AutoReply
            | Self::Complaint
            | Self::AuthReport
            | Self::Other => false,
        }
    }

    /// Whether it says that the address is good for nothing.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::UserUnknown | Self::DomainUnknown | Self::Closed | Self::Moved
        )
    }

    /// The kind of a failure for this reason with this status. A passing error
    /// (class 4) is soft whatever it is about; but 4.0.0 says nothing, and a
    /// domain that does not exist has been given up under it.
    #[must_use]
    pub fn kind(self, status: Option<Status>) -> BounceKind {
        let passing = status.is_some_and(|status| {
            let says_nothing = (status.subject, status.detail) == (0, 0);
            status.class == 4 && !(says_nothing && self == Self::DomainUnknown)
        });
        if self.is_final() && !passing {
            BounceKind::Hard
        } else {
            BounceKind::Soft
        }
    }

    /// The status that says this, where a report gives none.
    #[must_use]
    pub fn status(self) -> Option<Status> {
        let (class, subject, detail) = match self {
            Self::UserUnknown => (5, 1, 1),
            Self::DomainUnknown => (5, 1, 2),
            Self::Closed => (5, 2, 1),
            Self::Moved => (5, 1, 6),
            Self::MailboxFull => (5, 2, 2),
            Self::TooBig => (5, 3, 4),
            Self::Content => (5, 6, 0),
            Self::Policy | Self::Reputation => (5, 7, 1),
            Self::Authentication => (5, 7, 20),
            Self::RateLimited => (4, 7, 0),
            Self::Network => (4, 4, 1),
            Self::Loop => (5, 4, 6),
            Self::Expired => (4, 4, 7),
            Self::System => (5, 3, 0),
            Self::Protocol => (5, 5, 0),
            Self::Undefined => (5, 0, 0),
            Self::Delayed => (4, 0, 0),
            Self::Delivered => (2, 0, 0),
            Self::AutoReply | Self::Complaint | Self::AuthReport | Self::Other => return None,
        };
        Some(Status {
            class,
            subject,
            detail,
        })
    }
}

/// An enhanced status code (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// 2, 4 or 5.
    pub class: u8,
    pub subject: u16,
    pub detail: u16,
}

impl Status {
    /// The code at the beginning of `text`: `5.1.1 (no such user)` has one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let mut numbers = text[..end].trim_end_matches('.').split('.');
        let class = match numbers.next()? {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return None,
        };
        let mut number = || {
            let digits = numbers.next()?;
            (1..=3)
                .contains(&digits.len())
                .then(|| digits.parse().ok())?
        };
        let (subject, detail) = (number()?, number()?);
        numbers.next().is_none().then_some(Self {
            class,
            subject,
            detail,
        })
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_the_beginning_of_its_line_only() {
        for (text, status) in [
            ("5.1.1", Some("5.1.1")),
            (" 4.4.7 (delivery time expired)", Some("4.4.7")),
            ("5.7.606", Some("5.7.606")),
            ("5.1.1.", Some("5.1.1")),
            ("5.1", None),
            ("3.1.1", None),
            ("5.1.1.1", None),
            ("192.0.2.1", None),
            ("5.1.12345", None),
            ("", None),
        ] {
            assert_eq!(
                Status::parse(text).map(|s| s.to_string()).as_deref(),
                status,
                "{text:?}"
            );
        }
    }

    #[test]
    fn only_what_speaks_of_the_address_is_hard_and_never_a_refusal_by_policy() {
        for reason in BounceReason::ALL {
            let hard = reason.kind(Status::parse("5.0.0")) == BounceKind::Hard;
            assert_eq!(hard, reason.is_final(), "{reason:?}");
            let passing = reason.kind(Status::parse("4.1.1"));
            assert_eq!(passing, BounceKind::Soft, "{reason:?}");
        }
        for ours in [
            BounceReason::Policy,
            BounceReason::Authentication,
            BounceReason::Reputation,
            BounceReason::RateLimited,
        ] {
            assert!(!ours.blames_contact() && !ours.is_final());
        }
    }
}
