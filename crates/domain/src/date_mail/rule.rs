//! What a date mail says, and what of it can be said.

use chrono::{NaiveDate, NaiveTime};
use diesel_async::AsyncPgConnection;

use super::day::{DateMatch, Repeat};
use super::{MAX_OFFSET, queries};
use crate::campaign::audience::Audience;
use crate::campaign::check_references;
use crate::error::{Result, Validation};
use crate::ids::{MailId, TenantId};

/// What goes out to whom, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub name: String,
    pub mail_id: MailId,
    /// Key of an own field of type date.
    pub field_key: String,
    /// Days after the date; before it when negative.
    pub offset_days: i16,
    pub repeat: Repeat,
    pub send_at: NaiveTime,
    /// IANA name.
    pub time_zone: String,
    /// Among whom.
    pub audience: Audience,
}

impl Rule {
    pub(super) fn zone(&self) -> chrono_tz::Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::Asia::Tokyo)
    }

    /// Whether it sends another mail, to others or at another time, than before.
    pub(super) fn sends_otherwise_than(&self, before: &Self) -> bool {
        let name = before.name.clone();
        Self {
            name,
            ..self.clone()
        } != *before
    }

    /// Whom its campaign of one day is for.
    pub(super) fn audience_on(&self, day: NaiveDate) -> Audience {
        Audience {
            date: Some(DateMatch::on(
                day,
                self.offset_days,
                &self.field_key,
                self.repeat,
            )),
            ..self.audience.clone()
        }
    }

    pub(super) async fn check(&self, tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
        let mut v = Validation::default();
        v.length("/name", self.name.trim(), 1, 200);
        if !(-MAX_OFFSET..=MAX_OFFSET).contains(&self.offset_days) {
            v.add(
                "/offset_days",
                "out_of_range",
                format!("must be {} to {MAX_OFFSET} days", -MAX_OFFSET),
            );
        }
        if self.time_zone.parse::<chrono_tz::Tz>().is_err() {
            v.add(
                "/time_zone",
                "unknown",
                "is no IANA time zone, for example Asia/Tokyo",
            );
        }
        // What is no key is no text for the database either: it refuses NUL.
        let is_date = crate::contact_field::is_key(&self.field_key)
            && queries::is_date_field(tx, tenant, &self.field_key).await?;
        if !is_date {
            v.add(
                "/field",
                "unknown",
                "there is no own field of type date with this key",
            );
        }
        if self.audience.is_empty() {
            v.add("/audience", "required", "choose everybody or lists");
        }
        v.finish()?;
        check_references(tx, tenant, Some(self.mail_id), None).await?;
        self.audience.check(tx, tenant).await
    }
}
