//! What the routes of campaigns take and answer.

use chrono::{DateTime, Utc};
use domain::DomainError;
use domain::campaign::{
    self, CampaignChange, NewCampaign, audience, hours, preflight, resend, state,
};
use domain::delivery::counters;
use domain::ids::{ListId, MailId, RouteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::ab_test::{AbTest, AbTestPlan};
use crate::extract::nullable;
use crate::routes::tenant::SendingHours;
use crate::words::{CampaignState, CheckLevel, HoursMode, ResendGroup};

/// One sending of a mail to an audience.
#[derive(Debug, Serialize, ToSchema)]
pub struct Campaign {
    pub id: Uuid,
    #[schema(example = "11月号")]
    pub name: String,
    pub mail_id: Option<Uuid>,
    /// Number of the mail's version that goes out, fixed when sending starts.
    pub mail_version: Option<i32>,
    pub audience: Audience,
    /// Null: the default route.
    pub route_id: Option<Uuid>,
    #[schema(value_type = CampaignState)]
    pub state: state::State,
    /// Why the service itself changed the state, if it did. Of one that it paused: `restored` (the database, from a
    /// backup), `more_people` (than were confirmed), `no_route` (is turned on), `not_composable` (no mail can be made),
    /// or `complaints 12/3400`, that many complaints against so many mails within seven days; of a draft, what held its
    /// schedule up.
    pub state_reason: Option<String>,
    pub scheduled_at: Option<DateTime<Utc>>,
    /// IANA zone that the schedule was chosen in.
    #[schema(example = "Asia/Tokyo")]
    pub time_zone: String,
    /// Whether the whole audience is frozen, so that `counts.audience` is complete.
    pub prepared: bool,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub counts: Counts,
    pub hours: CampaignHours,
    /// It goes out, but not at this hour of the day: when it goes on by itself.
    pub waits_until: Option<DateTime<Utc>>,
    /// The date mail of which it is one day.
    pub date_mail_id: Option<Uuid>,
    /// The sequence of which it holds a step's mails; it is steered there.
    pub sequence_id: Option<Uuid>,
    /// Each person gets it at the hour of the day at which they open most
    /// often, within 24 hours of the start.
    pub best_hour: bool,
    pub ab_test: Option<AbTest>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub created_by: Option<Uuid>,
}

/// Whom a campaign is for.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// Every contact, whatever lists say.
    #[serde(default)]
    pub all: bool,
    /// Otherwise who is subscribed to one of these.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub list_ids: Vec<Uuid>,
    /// But not who is subscribed to one of these.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub exclude_list_ids: Vec<Uuid>,
}

/// When in the day a campaign goes out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignHours {
    #[schema(value_type = HoursMode)]
    pub mode: hours::Mode,
    /// Of mode `own`, in the campaign's time zone.
    pub own: Option<SendingHours>,
}

impl From<hours::Choice> for CampaignHours {
    fn from(choice: hours::Choice) -> Self {
        Self {
            mode: choice.mode(),
            own: choice.span().map(SendingHours::from),
        }
    }
}

impl CampaignHours {
    fn into_domain(self) -> Result<hours::Choice, DomainError> {
        let span = self.own.map(|own| own.parse("/hours/own")).transpose()?;
        match (self.mode, span) {
            (hours::Mode::Own, None) => Err(DomainError::invalid(
                "/hours/own",
                "required",
                "mode own wants hours",
            )),
            (hours::Mode::Tenant | hours::Mode::Any, Some(_)) => Err(DomainError::invalid(
                "/hours/own",
                "contradiction",
                "only mode own has hours",
            )),
            (mode, span) => Ok(hours::Choice::of(mode, span)),
        }
    }
}

/// Exact counts of people.
#[derive(Debug, Serialize, ToSchema)]
pub struct Counts {
    /// All so far, those left out included.
    #[schema(example = 10000)]
    pub audience: i64,
    pub queued: i64,
    /// In the hands of a mailer.
    pub claimed: i64,
    /// Taken by the receiving server; more nobody can know.
    #[schema(example = 9412)]
    pub accepted: i64,
    /// To be tried again.
    pub deferred: i64,
    pub failed: i64,
    /// The line was cut before the answer came.
    pub unknown: i64,
    /// Left out, with a reason.
    pub skipped: i64,
    pub opened: i64,
    pub clicked: i64,
    pub cancelled: i64,
    /// Mails that came back, and the address is good for nothing.
    pub bounced_hard: i64,
    /// Mails that came back; the next one may arrive.
    pub bounced_soft: i64,
    /// Mails that somebody reported as unwanted.
    pub complained: i64,
}

impl From<counters::Counts> for Counts {
    fn from(counts: counters::Counts) -> Self {
        Self {
            audience: counts.audience(),
            queued: counts.queued,
            claimed: counts.claimed,
            accepted: counts.accepted,
            deferred: counts.deferred,
            failed: counts.failed,
            unknown: counts.unknown,
            skipped: counts.skipped,
            opened: counts.opened,
            clicked: counts.clicked,
            cancelled: counts.cancelled,
            bounced_hard: counts.bounced_hard,
            bounced_soft: counts.bounced_soft,
            complained: counts.complained,
        }
    }
}

impl From<audience::Audience> for Audience {
    fn from(audience: audience::Audience) -> Self {
        let ids = |lists: Vec<ListId>| lists.into_iter().map(|id| id.0).collect();
        Self {
            all: audience.all,
            list_ids: ids(audience.list_ids),
            exclude_list_ids: ids(audience.exclude_list_ids),
        }
    }
}

impl From<Audience> for audience::Audience {
    fn from(audience: Audience) -> Self {
        let ids = |lists: Vec<Uuid>| lists.into_iter().map(ListId).collect();
        Self {
            all: audience.all,
            list_ids: ids(audience.list_ids),
            exclude_list_ids: ids(audience.exclude_list_ids),
            ..Self::default()
        }
    }
}

impl From<campaign::Campaign> for Campaign {
    fn from(row: campaign::Campaign) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            mail_id: row.mail_id.map(|id| id.0),
            mail_version: row.mail_number,
            audience: row.audience.into(),
            route_id: row.route_id.map(|id| id.0),
            state: row.state,
            state_reason: row.state_reason,
            scheduled_at: row.scheduled_at,
            time_zone: row.time_zone,
            prepared: row.prepared,
            started_at: row.started_at,
            finished_at: row.finished_at,
            counts: row.counts.into(),
            hours: row.hours.into(),
            waits_until: row.waits_until,
            date_mail_id: row.date_mail_id.map(|id| id.0),
            sequence_id: row.sequence_id.map(|id| id.0),
            best_hour: row.best_hour,
            ab_test: row.ab_test.map(Into::into),
            version: row.version,
            created_at: row.created_at,
            created_by: row.created_by.map(|id| id.0),
        }
    }
}

/// A campaign to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignCreate {
    #[schema(example = "11月号", min_length = 1, max_length = 200)]
    pub name: String,
    pub mail_id: Option<Uuid>,
    #[serde(default)]
    pub audience: Audience,
    pub route_id: Option<Uuid>,
    /// Left out: mode `tenant`.
    pub hours: Option<CampaignHours>,
    /// Not together with an A/B test that has a winner.
    #[serde(default)]
    pub best_hour: bool,
    pub ab_test: Option<AbTestPlan>,
}

impl TryFrom<CampaignCreate> for NewCampaign {
    type Error = DomainError;

    fn try_from(create: CampaignCreate) -> Result<Self, DomainError> {
        Ok(Self {
            hours: create.hours.map(CampaignHours::into_domain).transpose()?,
            best_hour: create.best_hour,
            ab_test: create.ab_test.map(Into::into),
            name: create.name,
            mail_id: create.mail_id.map(MailId),
            audience: create.audience.into(),
            route_id: create.route_id.map(RouteId),
        })
    }
}

/// A change; what is left out stays, null takes a mail, a route or an A/B test away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignUpdate {
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Uuid>)]
    pub mail_id: Option<Option<Uuid>>,
    pub audience: Option<Audience>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Uuid>)]
    pub route_id: Option<Option<Uuid>>,
    pub hours: Option<CampaignHours>,
    pub best_hour: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<AbTestPlan>)]
    pub ab_test: Option<Option<AbTestPlan>>,
}

impl TryFrom<CampaignUpdate> for CampaignChange {
    type Error = DomainError;

    fn try_from(update: CampaignUpdate) -> Result<Self, DomainError> {
        Ok(Self {
            hours: update.hours.map(CampaignHours::into_domain).transpose()?,
            best_hour: update.best_hour,
            ab_test: update.ab_test.map(|plan| plan.map(Into::into)),
            name: update.name,
            mail_id: update.mail_id.map(|id| id.map(MailId)),
            audience: update.audience.map(Into::into),
            route_id: update.route_id.map(|id| id.map(RouteId)),
        })
    }
}

/// The number of people that the person was shown and agreed to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignSend {
    /// `people.will_receive` of the pre-flight.
    #[schema(minimum = 1, example = 9412)]
    pub confirmed_people: i64,
}

/// How many people a finished campaign can be sent to again.
#[derive(Debug, Serialize, ToSchema)]
pub struct CampaignAgain {
    /// The answer never came: some of them may have it already.
    #[schema(example = 3)]
    pub unknown: i64,
    #[schema(example = 120)]
    pub failed: i64,
}

impl From<resend::Again> for CampaignAgain {
    fn from(again: resend::Again) -> Self {
        Self {
            unknown: again.unknown,
            failed: again.failed,
        }
    }
}

/// Whom to send it to again, and the number of them that the person agreed to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignResend {
    #[schema(value_type = ResendGroup)]
    pub group: resend::Group,
    #[schema(minimum = 1, example = 3)]
    pub confirmed_people: i64,
}

/// When a campaign goes out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignSchedule {
    /// In the future, at most 366 days ahead.
    pub at: DateTime<Utc>,
    /// IANA zone that it is shown in.
    #[schema(example = "Asia/Tokyo", max_length = 64)]
    pub time_zone: String,
}

/// Who gets a campaign, and what has to be right before it may go out.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preflight {
    pub people: People,
    pub checks: Vec<Check>,
    /// No check blocks, and somebody gets it.
    pub can_send: bool,
}

/// How many are meant, how many get the mail, and why the others do not.
#[derive(Debug, Serialize, ToSchema)]
pub struct People {
    #[schema(example = 10000)]
    pub selected: i64,
    #[schema(example = 9412)]
    pub will_receive: i64,
    pub left_out: Vec<LeftOut>,
}

/// A reason, and how many people it holds for.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftOut {
    #[schema(example = "unsubscribed")]
    pub reason: String,
    #[schema(example = 588)]
    pub count: i64,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct Check {
    #[schema(example = "legal_postal_address")]
    pub code: &'static str,
    #[schema(value_type = CheckLevel)]
    pub level: preflight::Level,
    /// What exactly; empty when all is well.
    pub detail: String,
    /// How many people or places it concerns.
    pub count: Option<i64>,
}

impl From<preflight::Preflight> for Preflight {
    fn from(found: preflight::Preflight) -> Self {
        let can_send = found.can_send();
        let left_out = found.people.left_out.into_iter();
        let checks = found.checks.into_iter().map(|check| Check {
            code: check.code,
            level: check.level,
            detail: check.detail,
            count: check.count,
        });
        Self {
            people: People {
                selected: found.people.selected,
                will_receive: found.people.will_receive,
                left_out: left_out
                    .map(|(reason, count)| LeftOut { reason, count })
                    .collect(),
            },
            checks: checks.collect(),
            can_send,
        }
    }
}
