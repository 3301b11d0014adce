//! Date mails: each day to those whose date field says so, for example three
//! days before a birthday.
//!
//! A date mail sends nothing itself. While it is active there is exactly one
//! scheduled campaign of it, its next day, which is started, frozen, sent,
//! paused, stopped and reported like every other (campaign::control); whoever
//! starts it makes the next one in the same transaction ([`after_start`]), so
//! that no day is lost and none goes out twice. A day that nobody's date falls
//! on leaves no campaign behind.
//!
//! **Edits** reach the day that is scheduled, up to the moment at which it
//! begins; what has begun goes out as it was.

pub mod day;
mod queries;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde_json::json;

use self::day::{DateMatch, Repeat, begins, next_day};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::campaign::audience::Audience;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{CampaignId, DateMailId, MailId, TenantId};
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
    /// What kept its last day back, or why the service paused it.
    pub state_reason: Option<String>,
    /// When its next day begins; `None` while it is paused.
    pub next_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// What goes out to whom, and when.
#[derive(Debug, Clone)]
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

impl Rule {
    fn zone(&self) -> chrono_tz::Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::Asia::Tokyo)
    }

    /// Whom its campaign of one day is for.
    fn audience_on(&self, day: NaiveDate) -> Audience {
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

    async fn check(&self, tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
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
        if !queries::is_date_field(tx, tenant, &self.field_key).await? {
            v.add(
                "/field",
                "unknown",
                "there is no own field of type date with this key",
            );
        }
        if !queries::is_mail(tx, tenant, self.mail_id).await? {
            v.add("/mail_id", "unknown", "there is no such mail");
        }
        if self.audience.is_empty() {
            v.add("/audience", "required", "choose everybody or lists");
        }
        v.finish()?;
        self.audience.check(tx, tenant).await
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
        load(tx, tenant, id).await
    })
    .await
}

/// Changes a date mail of version `version`, and its day that is scheduled.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`], [`DomainError::Stale`].
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
        // What an active one says goes out without another question.
        if before.state == State::Active {
            actor.require(Permission::CampaignsSend)?;
        }
        rule.check(tx, tenant).await?;
        queries::update(tx, tenant, id, version, &rule, now).await?;
        if before.state == State::Active {
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
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] when it is active already.
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

/// Deletes a date mail of version `version`. What it sent stays.
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

/// The next day that has not begun yet: a change of the time in the afternoon
/// must not send a second time to those of today.
async fn next_free_day(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
    rule: &Rule,
    now: DateTime<Utc>,
) -> Result<NaiveDate> {
    let day = next_day(now, rule.send_at, rule.zone());
    let last = queries::find(tx, tenant, id).await?.last_day;
    Ok(match last {
        Some(last) if last >= day => last.succ_opt().unwrap_or(last),
        _ => day,
    })
}

async fn schedule(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
    rule: &Rule,
    day: NaiveDate,
    now: DateTime<Utc>,
) -> Result<()> {
    let at = begins(day, rule.send_at, rule.zone());
    let next = queries::NextDay {
        date_mail: id,
        day,
        at,
        audience: rule.audience_on(day),
    };
    queries::insert_day(tx, tenant, rule, &next, now).await
}

async fn unschedule(tx: &mut AsyncPgConnection, tenant: TenantId, id: DateMailId) -> Result<()> {
    if let Some((campaign, _)) = queries::scheduled(tx, tenant, id).await? {
        queries::delete_day(tx, tenant, campaign).await?;
    }
    Ok(())
}

/// Holds a date mail until the transaction ends; one that is gone is no error.
pub(crate) async fn hold(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
) -> Result<()> {
    match queries::lock(tx, tenant, id).await {
        Ok(_) | Err(DomainError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// How a day's start ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Started<'a> {
    /// Its mails go out.
    Going,
    /// Nobody's date falls on it.
    Nobody,
    /// Pre-flight blocks, for this reason.
    NotReady(&'a str),
    /// The database is older than the day may be: what went out since the
    /// backup is not in it.
    Restored(&'a str),
}

/// After the scheduled campaign of a day was started, in the transaction that
/// did: makes the next day. One day that is not ready keeps the next from
/// nothing; the reason stands at the date mail until a day goes out. After a
/// restore a person has to say that it may go on.
pub(crate) async fn after_start(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: DateMailId,
    campaign: CampaignId,
    day: NaiveDate,
    started: Started<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    if !matches!(started, Started::Going) {
        queries::delete_day(tx, tenant, campaign).await?;
    }
    let row = queries::lock(tx, tenant, id).await?;
    if row.state != State::Active {
        return Ok(());
    }
    let (state, reason) = match started {
        Started::Going => (State::Active, None),
        Started::Nobody => (State::Active, row.state_reason.clone()),
        Started::NotReady(reason) => (State::Active, Some(reason.to_owned())),
        Started::Restored(reason) => (State::Paused, Some(reason.to_owned())),
    };
    queries::set_state(tx, tenant, id, state, reason.as_deref(), now).await?;
    if matches!(started, Started::Going) {
        queries::set_last_day(tx, tenant, id, day).await?;
    }
    if state == State::Paused {
        return Ok(());
    }
    let rule = row.with(None)?.rule;
    let next = day.succ_opt().unwrap_or(day);
    schedule(tx, tenant, id, &rule, next, now).await
}
