//! Campaigns: one sending of a mail to an audience.

pub mod ab_test;
pub mod audience;
pub mod best_hour;
pub mod calendar;
pub mod complaints;
pub mod confirmation;
pub mod control;
pub mod due;
pub mod fence;
pub mod freeze;
pub mod frequency;
pub mod hours;
pub mod kind;
pub mod left_out;
pub mod preflight;
mod queries;
pub mod report;
pub mod resend;
mod start;
pub mod state;
pub mod summary;
pub mod sweep;
pub mod test_send;
pub mod unsendable;

use chrono::{DateTime, NaiveTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;

use self::ab_test::{AbTest, Plan};
use self::audience::Audience;
use self::hours::{Choice, Span};
use self::state::{State, Step};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::delivery::counters::{self, Counts};
use crate::error::{DomainError, Result, Validation};
use crate::ids::{CampaignId, DateMailId, MailId, RouteId, SequenceId, TenantId, UserId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::campaign;
use crate::tenant::Tenant;

pub(crate) use self::queries::{
    LANE_CAMPAIGN, check_references, delete as remove, enqueue, find, insert_links, unqueue,
};

/// A campaign as its row has it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = campaign)]
pub(crate) struct CampaignRow {
    pub(crate) id: CampaignId,
    pub(crate) name: String,
    pub(crate) mail_id: Option<MailId>,
    pub(crate) mail_number: Option<i32>,
    pub(crate) audience: serde_json::Value,
    pub(crate) route_id: Option<RouteId>,
    pub(crate) state: State,
    pub(crate) state_reason: Option<String>,
    pub(crate) scheduled_at: Option<DateTime<Utc>>,
    pub(crate) time_zone: String,
    /// Partition of its deliveries, from the start on.
    pub(crate) period: Option<chrono::NaiveDate>,
    pub(crate) prepared_upto: Option<uuid::Uuid>,
    pub(crate) prepared_at: Option<DateTime<Utc>>,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) version: i32,
    pub(crate) created_by: Option<UserId>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) hours: hours::Mode,
    pub(crate) send_from: Option<NaiveTime>,
    pub(crate) send_until: Option<NaiveTime>,
    pub(crate) date_mail_id: Option<DateMailId>,
    pub(crate) on_day: Option<chrono::NaiveDate>,
    pub(crate) sequence_id: Option<SequenceId>,
    pub(crate) best_hour: bool,
}

/// A campaign with its counts.
#[derive(Debug, Clone)]
pub struct Campaign {
    pub id: CampaignId,
    pub name: String,
    pub mail_id: Option<MailId>,
    /// The version that goes out, fixed when sending starts.
    pub mail_number: Option<i32>,
    pub audience: Audience,
    /// `None`: the tenant's default route.
    pub route_id: Option<RouteId>,
    pub state: State,
    /// Why the service itself changed the state.
    pub state_reason: Option<String>,
    pub scheduled_at: Option<DateTime<Utc>>,
    /// IANA zone that the schedule was chosen in.
    pub time_zone: String,
    /// Whether the whole audience is frozen, so that the counts are complete.
    pub prepared: bool,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub counts: Counts,
    /// When in the day it may go out.
    pub hours: Choice,
    /// It goes out, but not at this hour: when it goes on.
    pub waits_until: Option<DateTime<Utc>>,
    /// The date mail of which it is one day.
    pub date_mail_id: Option<DateMailId>,
    /// The sequence of which it holds a step's mails.
    pub sequence_id: Option<SequenceId>,
    /// Each person gets it at the hour of theirs, within a day of the start.
    pub best_hour: bool,
    pub ab_test: Option<AbTest>,
    pub version: i32,
    pub created_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
}

impl CampaignRow {
    pub(crate) fn audience(&self) -> Result<Audience> {
        serde_json::from_value(self.audience.clone()).map_err(DomainError::internal)
    }

    pub(crate) fn hours(&self) -> Choice {
        Choice::of(self.hours, Span::of(self.send_from, self.send_until))
    }

    /// A date mail's next day is changed there, and nowhere else.
    pub(super) fn refuse_day(&self) -> Result<()> {
        if self.date_mail_id.is_some() && self.state == State::Scheduled {
            return Err(DomainError::conflict(
                "date_mail",
                "this is the next day of a date mail: change or pause that",
            ));
        }
        Ok(())
    }

    fn with(
        self,
        counts: Counts,
        ab_test: Option<AbTest>,
        tenant: &Tenant,
        now: DateTime<Utc>,
    ) -> Result<Campaign> {
        let is_under_way = matches!(self.state, State::Preparing | State::Sending);
        let hours = self.hours();
        let waits_until = hours
            .resolve(&self.time_zone, tenant.hours(), &tenant.time_zone)
            .filter(|_| is_under_way)
            .and_then(|hours| hours.opens(now));
        Ok(Campaign {
            hours,
            waits_until,
            date_mail_id: self.date_mail_id,
            sequence_id: self.sequence_id,
            best_hour: self.best_hour,
            ab_test,
            audience: self.audience()?,
            id: self.id,
            name: self.name,
            mail_id: self.mail_id,
            mail_number: self.mail_number,
            route_id: self.route_id,
            state: self.state,
            state_reason: self.state_reason,
            scheduled_at: self.scheduled_at,
            time_zone: self.time_zone,
            prepared: self.prepared_at.is_some(),
            started_at: self.started_at,
            finished_at: self.finished_at,
            counts,
            version: self.version,
            created_by: self.created_by,
            created_at: self.created_at,
        })
    }
}

/// A campaign to be made.
#[derive(Debug, Clone, Default)]
pub struct NewCampaign {
    pub name: String,
    pub mail_id: Option<MailId>,
    pub audience: Audience,
    pub route_id: Option<RouteId>,
    /// `None`: those of the tenant.
    pub hours: Option<Choice>,
    pub best_hour: bool,
    pub ab_test: Option<Plan>,
}

/// A change; `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct CampaignChange {
    pub name: Option<String>,
    pub mail_id: Option<Option<MailId>>,
    pub audience: Option<Audience>,
    pub route_id: Option<Option<RouteId>>,
    pub hours: Option<Choice>,
    pub best_hour: Option<bool>,
    pub ab_test: Option<Option<Plan>>,
}

/// Which campaigns.
#[derive(Debug, Clone, Default)]
pub struct CampaignFilter {
    pub states: Vec<State>,
    /// A part of the name.
    pub q: Option<String>,
    /// The days of this date mail; without one, what is no day of any.
    pub date_mail: Option<DateMailId>,
}

fn check_name(name: &str) -> Result<()> {
    let mut v = Validation::default();
    v.length("/name", name.trim(), 1, 200);
    v.finish()
}

/// Pages campaigns, the newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    filter: &CampaignFilter,
    page: &PageRequest,
) -> Result<Page<Campaign>> {
    actor.require(Permission::CampaignsRead)?;
    let limit = page.limit()?;
    let after = page
        .cursor("-created_at")?
        .map(|c| Ok::<_, DomainError>((c.time()?, c.id)))
        .transpose()?;
    db.tenant(actor.tenant_id, async |tx| {
        let rows = queries::page(tx, actor.tenant_id, filter, after, limit + 1).await?;
        let page = Page::cut(rows, limit, "-created_at", |c: &CampaignRow| {
            (time_key(c.created_at), c.id.0)
        });
        let items = with_counts(tx, actor.tenant_id, page.items, db.now()).await?;
        Ok(Page {
            items,
            next_cursor: page.next_cursor,
            total: None,
        })
    })
    .await
}

async fn with_counts(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    rows: Vec<CampaignRow>,
    now: DateTime<Utc>,
) -> Result<Vec<Campaign>> {
    let settings = crate::tenant::find(tx, tenant).await?;
    let ids: Vec<CampaignId> = rows.iter().map(|row| row.id).collect();
    let counts = counters::load(tx, tenant, &ids).await?;
    let mut tests = ab_test::of_campaigns(tx, tenant, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let counts = counts.get(&row.id).copied().unwrap_or_default();
            let test = tests.remove(&row.id);
            row.with(counts, test, &settings, now)
        })
        .collect()
}

/// One campaign in the caller's transaction.
pub(crate) async fn load(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    now: DateTime<Utc>,
) -> Result<Campaign> {
    let settings = crate::tenant::find(tx, tenant).await?;
    let row = queries::find(tx, tenant, id).await?;
    let counts = counters::load(tx, tenant, &[id]).await?;
    let test = ab_test::load(tx, tenant, id).await?;
    let counts = counts.get(&id).copied().unwrap_or_default();
    row.with(counts, test, &settings, now)
}

/// One campaign.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: CampaignId) -> Result<Campaign> {
    actor.require(Permission::CampaignsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        load(tx, actor.tenant_id, id, db.now()).await
    })
    .await
}

/// Makes a draft.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] also for ids that are not there.
pub async fn create(db: &Db, actor: &Actor, new: NewCampaign) -> Result<Campaign> {
    actor.require(Permission::CampaignsWrite)?;
    check_name(&new.name)?;
    ab_test::check(new.ab_test.as_ref())?;
    db.tenant(actor.tenant_id, async |tx| {
        let tenant = actor.tenant_id;
        new.audience.check(tx, tenant).await?;
        queries::check_references(tx, tenant, new.mail_id, new.route_id).await?;
        let zone = crate::tenant::find(tx, tenant).await?.time_zone;
        let id = CampaignId::new();
        queries::insert(tx, tenant, id, &new, &zone, actor.user_id).await?;
        if let Some(plan) = &new.ab_test {
            ab_test::check_together(new.best_hour, Some(plan))?;
            ab_test::save(tx, tenant, id, plan).await?;
        }
        let made = queries::find(tx, tenant, id).await?;
        let subject = ("campaign", id.0);
        audit::change(tx, actor, "campaign.created", subject, None, told(&made)).await?;
        load(tx, tenant, id, db.now()).await
    })
    .await
}

/// For the trace: what goes to whom by which way.
fn told(row: &CampaignRow) -> Option<serde_json::Value> {
    Some(serde_json::json!({
        "name": row.name, "mail_id": row.mail_id, "audience": row.audience, "route_id": row.route_id,
    }))
}

/// Changes a draft or a scheduled campaign of version `version`. The scheduled one
/// goes out as it stands then, so that who changes it has to be allowed to send it.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] without step-up for many people, [`DomainError::NotFound`],
/// [`DomainError::Invalid`], [`DomainError::Stale`], [`DomainError::Conflict`] once it is under way.
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: CampaignId,
    version: i32,
    change: CampaignChange,
) -> Result<Campaign> {
    actor.require(Permission::CampaignsWrite)?;
    if let Some(name) = &change.name {
        check_name(name)?;
    }
    ab_test::check(change.ab_test.iter().flatten().next())?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let tenant = actor.tenant_id;
        let before = queries::lock(tx, tenant, id).await?;
        if before.version != version {
            return Err(DomainError::Stale);
        }
        before.refuse_day()?;
        before.state.after(Step::Edit, false)?;
        if before.state == State::Scheduled {
            actor.require(Permission::CampaignsSend)?;
        }
        if let Some(audience) = &change.audience {
            audience.check(tx, tenant).await?;
        }
        queries::check_references(
            tx,
            tenant,
            change.mail_id.flatten(),
            change.route_id.flatten(),
        )
        .await?;
        queries::update(tx, tenant, id, version, &change, now).await?;
        match &change.ab_test {
            Some(Some(plan)) => ab_test::save(tx, tenant, id, plan).await?,
            Some(None) => ab_test::remove(tx, tenant, id).await?,
            None => {}
        }
        let test = ab_test::load(tx, tenant, id).await?;
        let best_hour = change.best_hour.unwrap_or(before.best_hour);
        ab_test::check_together(best_hour, test.as_ref().map(|test| &test.plan))?;
        let after = queries::find(tx, tenant, id).await?;
        confirmation::require_step_up_for_edit(tx, actor, &after, now).await?;
        let (subject, was) = (("campaign", id.0), told(&before));
        audit::change(tx, actor, "campaign.updated", subject, was, told(&after)).await?;
        load(tx, tenant, id, db.now()).await
    })
    .await
}

/// Deletes a campaign of version `version` that is not under way. Of one that
/// sent, the deliveries stay until their partition is dropped: who got what is
/// evidence.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Conflict`].
pub async fn delete(db: &Db, actor: &Actor, id: CampaignId, version: i32) -> Result<()> {
    actor.require(Permission::CampaignsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        let tenant = actor.tenant_id;
        let before = queries::lock(tx, tenant, id).await?;
        if before.version != version {
            return Err(DomainError::Stale);
        }
        before.refuse_day()?;
        before.state.after(Step::Delete, false)?;
        // It would not go out: who decides on that is who may send.
        if before.state == State::Scheduled {
            actor.require(Permission::CampaignsSend)?;
        }
        queries::unqueue(tx, tenant, id).await?;
        queries::delete(tx, tenant, id).await?;
        audit::record(
            tx,
            actor,
            audit::Entry {
                action: "campaign.deleted",
                subject_kind: "campaign",
                subject_id: Some(id.0),
                before: Some(serde_json::json!({ "name": before.name, "state": before.state })),
                ..audit::Entry::default()
            },
        )
        .await
    })
    .await
}
