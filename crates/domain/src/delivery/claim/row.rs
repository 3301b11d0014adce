//! Rows of the claim, and what is read from them.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    BigInt, Bool, Date, Jsonb, Nullable, SmallInt, Text, Time, Timestamptz, Uuid as SqlUuid,
};
use serde_json::Value;
use uuid::Uuid;

use super::{Claimed, Person};
use crate::campaign::hours::{Choice, Hours, Mode, Span};
use crate::campaign::kind::Kind;
use crate::ids::{ContactId, DeliveryId};

#[derive(QueryableByName)]
pub(super) struct CampaignRow {
    #[diesel(sql_type = Nullable<Date>)]
    pub(super) period: Option<NaiveDate>,
    #[diesel(sql_type = Text)]
    pub(super) kind: Kind,
    #[diesel(sql_type = Jsonb)]
    pub(super) audience: Value,
    #[diesel(sql_type = Text)]
    pub(super) hours: Mode,
    #[diesel(sql_type = Nullable<Time>)]
    pub(super) send_from: Option<NaiveTime>,
    #[diesel(sql_type = Nullable<Time>)]
    pub(super) send_until: Option<NaiveTime>,
    #[diesel(sql_type = Text)]
    pub(super) time_zone: String,
    #[diesel(sql_type = Nullable<Time>)]
    pub(super) tenant_from: Option<NaiveTime>,
    #[diesel(sql_type = Nullable<Time>)]
    pub(super) tenant_until: Option<NaiveTime>,
    #[diesel(sql_type = Text)]
    pub(super) tenant_zone: String,
    #[diesel(sql_type = BigInt)]
    pub(super) serial: i64,
    #[diesel(sql_type = Bool)]
    pub(super) limited: bool,
}

/// How the audience was chosen, as far as the claim checks it again.
pub(super) struct Audience {
    pub(super) kind: Kind,
    pub(super) all: bool,
    pub(super) lists: Vec<Uuid>,
    pub(super) as_contact: Option<Uuid>,
}

impl CampaignRow {
    /// When in the day it goes out; what is in the fast lane goes out at once.
    pub(super) fn hours(&self) -> Option<Hours> {
        if !matches!(self.kind, Kind::Campaign | Kind::Sequence) {
            return None;
        }
        let tenants = Span::of(self.tenant_from, self.tenant_until);
        Choice::of(self.hours, Span::of(self.send_from, self.send_until)).resolve(
            &self.time_zone,
            tenants,
            &self.tenant_zone,
        )
    }

    /// When it opens; `None`: it is open.
    pub(super) fn opens(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.hours().and_then(|hours| hours.opens(now))
    }

    pub(super) fn audience(&self) -> Audience {
        let uuid = |value: &Value| value.as_str().and_then(|text| text.parse::<Uuid>().ok());
        Audience {
            kind: self.kind,
            all: self.audience["all"].as_bool().unwrap_or(false),
            lists: self.audience["list_ids"]
                .as_array()
                .map(|ids| ids.iter().filter_map(uuid).collect())
                .unwrap_or_default(),
            as_contact: uuid(&self.audience["as_contact"]),
        }
    }
}

#[derive(QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: DeliveryId,
    #[diesel(sql_type = SqlUuid)]
    pub(super) contact_id: ContactId,
    #[diesel(sql_type = SmallInt)]
    pub(super) attempts: i16,
    #[diesel(sql_type = Text)]
    pub(super) address: String,
    #[diesel(sql_type = Text)]
    pub(super) was: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) reason: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub(super) person_id: Option<ContactId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) name: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub(super) fields: Option<Value>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) created_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub(super) merge: Option<Value>,
    #[diesel(sql_type = Nullable<SmallInt>)]
    pub(super) variant: Option<i16>,
}

impl Row {
    pub(super) fn claimed(self) -> Claimed {
        let person = self.person_id.map(|id| Person {
            id,
            email: self.email.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            fields: self.fields.unwrap_or_default(),
            created_at: self.created_at.unwrap_or_default(),
        });
        Claimed {
            id: self.id,
            contact_id: self.contact_id,
            attempts: u16::try_from(self.attempts).unwrap_or(0),
            address: self.address,
            person,
            values: self.merge,
            variant: self.variant,
        }
    }
}
