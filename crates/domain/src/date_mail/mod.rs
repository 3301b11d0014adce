//! Date mails: each day to those whose date field says so, for example three
//! days before a birthday.
//!
//! A date mail sends nothing itself. While it is active there is exactly one
//! scheduled campaign of it, its next day, which is started, frozen, sent,
//! paused, stopped and reported like every other (campaign::control); whoever
//! starts it makes the next one in the same transaction ([`next::after_start`]), so
//! that no day is lost and none goes out twice. A day that nobody's date falls
//! on leaves no campaign behind. After an outage days are made up for, but none
//! that is over for longer than [`next::MAKE_UP`].
//!
//! **Edits** reach the day that is scheduled, up to the moment at which it
//! begins; what has begun goes out as it was.

pub mod day;
pub(crate) mod next;
mod queries;
pub mod reason;
mod rule;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde_json::json;

use self::day::Repeat;
use self::next::{next_free_day, schedule, unschedule};
pub use self::rule::Rule;
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::campaign::confirmation;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{DateMailId, MailId, TenantId};
use crate::schema::date_mail;
use crate::text_enum::text_enum;

/// Date mails of a tenant.
pub const MAX: usize = 200;
/// Furthest from the date, in days.
pub const MAX_OFFSET: i16 = 365;

text_enum! {
    /// Whether it goes out.
    pub enum State {
        Paused = "paused",
        Active = "active",
    }
}

/// A date mail.
#[derive(Debug, Clone)]
pub struct DateMail {
    pub id: DateMailId,
    pub rule: Rule,
    pub state: State,
    /// What kept its last day back, or why the service paused it: a [`reason::Reason`].
    pub state_reason: Option<String>,
    /// When its next day begins; `None` while it is paused.
    pub next_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = date_mail)]
pub(crate) struct Row {
    id: DateMailId,
    name: String,
    mail_id: MailId,
    field_key: String,
    offset_days: i16,
    repeat: Repeat,
    send_at: NaiveTime,
    time_zone: String,
    audience: serde_json::Value,
    state: State,
    state_reason: Option<String>,
    last_day: Option<NaiveDate>,
    version: i32,
    created_at: DateTime<Utc>,
}

impl Row {
    fn with(self, next_at: Option<DateTime<Utc>>) -> Result<DateMail> {
        Ok(DateMail {
            rule: Rule {
                audience: serde_json::from_value(self.audience).map_err(DomainError::internal)?,
                name: self.name,
                mail_id: self.mail_id,
                field_key: self.field_key,
                offset_days: self.offset_days,
                repeat: self.repeat,
                send_at: self.send_at,
                time_zone: self.time_zone,
            },
            id: self.id,
            state: self.state,
            state_reason: self.state_reason,
            next_at,
            version: self.version,
            created_at: self.created_at,
        })
    }
}

/// All date mails, the newest first.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub async fn list(db: &Db, actor: &Actor) -> Result<Vec<DateMail>> {
    actor.require(Permission::CampaignsRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let rows = queries::list(tx, tenant).await?;
        let next = queries::next_days(tx, tenant).await?;
        rows.into_iter()
            .map(|row| {
                let at = next.get(&row.id).copied();
                row.with(at)
            })
            .collect()
    })
    .await
}

async fn load(tx: &mut AsyncPgConnection, tenant: TenantId, id: DateMailId) -> Result<DateMail> {
    let row = queries::find(tx, tenant, id).await?;
    let next = queries::scheduled(tx, tenant, id).await?;
    row.with(next.map(|(_, at)| at))
}

/// One date mail.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: DateMailId) -> Result<DateMail> {
    actor.require(Permission::CampaignsRead)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| load(tx, tenant, id).await)
        .await
}

/// Makes a date mail, paused.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::Conflict`] for the 201st.
pub async fn create(db: &Db, actor: &Actor, rule: Rule) -> Result<DateMail> {
    actor.require(Permission::CampaignsWrite)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        rule.check(tx, tenant).await?;
        if queries::list(tx, tenant).await?.len() >= MAX {
            return Err(DomainError::conflict(
                "too_many",
                format!("there are {MAX} date mails already"),
            ));
        }
        let id = DateMailId::new();
        queries::insert(tx, tenant, id, &rule, actor.user_id).await?;
        let told = Some(json!({ "name": rule.name, "mail_id": rule.mail_id }));
        audit::change(
            tx,
            actor,
            "date_mail.created",
            ("date_mail", id.0),
            None,
            told,
        )
        .await?;
        load(tx, tenant, id).await
    })
    .await
}

/// Changes a date mail of version `version`, and its day that is scheduled.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`], [`DomainError::NotFound`], [`DomainError::Invalid`], [`DomainError::Stale`].
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: DateMailId,
    version: i32,
    rule: Rule,
) -> Result<DateMail> {
    actor.require(Permission::CampaignsWrite)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let before = queries::lock(tx, tenant, id).await?;
        if before.version != version {
            return Err(DomainError::Stale);
        }
        let is_active = before.state == State::Active;
        // What an active one says goes out without another question.
        if is_active {
            actor.require(Permission::CampaignsSend)?;
            if rule.sends_otherwise_than(&before.with(None)?.rule) {
                confirmation::require_step_up_by_dates(tx, actor).await?;
            }
        }
        rule.check(tx, tenant).await?;
        queries::update(tx, tenant, id, version, &rule, now).await?;
        if is_active {
            unschedule(tx, tenant, id).await?;
            let day = next_free_day(tx, tenant, id, &rule, now).await?;
            schedule(tx, tenant, id, &rule, day, now).await?;
        }
        record(tx, actor, "date_mail.updated", id, &rule).await?;
        load(tx, tenant, id).await
    })
    .await
}

/// Lets it go out from its next day on.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`], [`DomainError::NotFound`], [`DomainError::Conflict`] when it is active already.
pub async fn activate(db: &Db, actor: &Actor, id: DateMailId) -> Result<DateMail> {
    step(db, actor, id, State::Active, "date_mail.activated").await
}

/// Takes its next day off the schedule. A day that has begun is steered as the
/// campaign that it is.
///
/// # Errors
/// As [`activate`].
pub async fn pause(db: &Db, actor: &Actor, id: DateMailId) -> Result<DateMail> {
    step(db, actor, id, State::Paused, "date_mail.paused").await
}

async fn step(
    db: &Db,
    actor: &Actor,
    id: DateMailId,
    state: State,
    action: &'static str,
) -> Result<DateMail> {
    actor.require(Permission::CampaignsSend)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let before = queries::lock(tx, tenant, id).await?;
        if before.state == state {
            return Err(DomainError::conflict(
                "wrong_state",
                format!("it is {} already", state.as_str()),
            ));
        }
        let rule = before.with(None)?.rule;
        queries::set_state(tx, tenant, id, state, None, now).await?;
        match state {
            State::Active => {
                confirmation::require_step_up_by_dates(tx, actor).await?;
                rule.check(tx, tenant).await?;
                let day = next_free_day(tx, tenant, id, &rule, now).await?;
                schedule(tx, tenant, id, &rule, day, now).await?;
            }
            State::Paused => unschedule(tx, tenant, id).await?,
        }
        record(tx, actor, action, id, &rule).await?;
        load(tx, tenant, id).await
    })
    .await
}

/// Deletes a date mail of version `version`, an active one by who may send. What it sent stays.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn delete(db: &Db, actor: &Actor, id: DateMailId, version: i32) -> Result<()> {
    actor.require(Permission::CampaignsWrite)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let before = queries::lock(tx, tenant, id).await?;
        if before.version != version {
            return Err(DomainError::Stale);
        }
        if before.state == State::Active {
            actor.require(Permission::CampaignsSend)?;
        }
        unschedule(tx, tenant, id).await?;
        let rule = before.with(None)?.rule;
        queries::delete(tx, tenant, id).await?;
        record(tx, actor, "date_mail.deleted", id, &rule).await
    })
    .await
}

async fn record(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &'static str,
    id: DateMailId,
    rule: &Rule,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "date_mail",
        subject_id: Some(id.0),
        after: Some(json!({
            "name": rule.name, "mail_id": rule.mail_id, "field": rule.field_key, "offset_days": rule.offset_days,
            "repeat": rule.repeat, "send_at": rule.send_at, "audience": rule.audience
        })),
        ..audit::Entry::default()
    };
    audit::record(tx, actor, entry).await
}
