//! What became of a campaign: exact counts, rates, what happened when, and by
//! link, receiving site and reason. Everything but the counts is read from the
//! rows themselves, through indexes that hold all it needs, so that no second
//! book has to be kept in step with them.

pub mod export;
mod queries;
mod timeline;
mod words;

use chrono::{DateTime, Utc};

use super::CampaignRow;
use super::queries::find;
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::delivery::counters::{self, Counts};
use crate::delivery::read::DeliveryState;
use crate::error::Result;
use crate::ids::CampaignId;
use crate::tenant;

pub use timeline::Point;

/// Receiving sites that are told apart; all others stand together.
pub const MAX_SITES: i64 = 50;

/// A campaign's results.
#[derive(Debug, Clone)]
pub struct Report {
    pub counts: Counts,
    pub rates: Rates,
    pub events: Events,
    /// Seconds between two points of the time line.
    pub step: i64,
    /// Without gaps, from the start to the last thing that happened.
    pub timeline: Vec<Point>,
    pub links: Vec<LinkCount>,
    /// The largest first.
    pub sites: Vec<SiteCount>,
    /// Everybody whose mail is over and was not accepted, the most frequent first.
    pub reasons: Vec<ReasonCount>,
}

/// Shares, 0 to 1; `None` of nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Accepted, of the whole audience.
    pub accepted: Option<f64>,
    /// Failed, of those that were tried to an end.
    pub failed: Option<f64>,
    /// People who opened, clicked, cancelled, of the accepted.
    pub opened: Option<f64>,
    pub clicked: Option<f64>,
    pub cancelled: Option<f64>,
    /// People who clicked, of those who opened.
    pub clicked_of_opened: Option<f64>,
}

impl Rates {
    fn of(counts: &Counts) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 people")]
        let share = |part: i64, whole: i64| (whole > 0).then(|| part as f64 / whole as f64);
        Self {
            accepted: share(counts.accepted, counts.audience()),
            failed: share(
                counts.failed,
                counts.accepted + counts.failed + counts.unknown,
            ),
            opened: share(counts.opened, counts.accepted),
            clicked: share(counts.clicked, counts.accepted),
            cancelled: share(counts.cancelled, counts.accepted),
            clicked_of_opened: share(counts.clicked, counts.opened),
        }
    }
}

/// Everything that came back, each time counted; people and machines apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Events {
    pub opens: i64,
    pub clicks: i64,
    /// Prefetches and scanners, by our rules; in no other number of the report.
    pub machine_opens: i64,
    pub machine_clicks: i64,
    pub bounces: i64,
    pub complaints: i64,
}

/// One tracked link of the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkCount {
    /// As it stands in the mail, from 1.
    pub number: i32,
    /// Its merge fields unfilled.
    pub url: String,
    /// By people.
    pub clicks: i64,
    pub people: i64,
    pub machine_clicks: i64,
}

/// One receiving site ([`crate::limit::site`]): a carrier or provider over all
/// its domains, else the domain of the addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteCount {
    /// `None`: all beyond the [`MAX_SITES`] largest.
    pub site: Option<String>,
    pub accepted: i64,
    pub deferred: i64,
    pub failed: i64,
    pub unknown: i64,
    /// Waiting because of a limit.
    pub held_back: i64,
}

/// How many were not reached for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    pub state: DeliveryState,
    /// A stable code.
    pub reason: String,
    pub count: i64,
}

/// The report of a campaign as it stands now.
///
/// # Errors
/// Forbidden, not found.
pub async fn get(db: &Db, actor: &Actor, id: CampaignId) -> Result<Report> {
    actor.require(Permission::ReportsRead)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let row = find(tx, tenant, id).await?;
        let counts = counters::load(tx, tenant, &[id]).await?;
        let counts = counts.get(&id).copied().unwrap_or_default();
        let (Some(period), Some(started)) = (row.period, row.started_at) else {
            return Ok(Report::empty(counts));
        };
        let scope = queries::Scope {
            tenant,
            campaign: id,
            period,
        };
        let zone = tenant::find(tx, tenant).await?.time_zone;
        let last = last_moment(&row, scope.last_reaction(tx).await?, now);
        let axis = timeline::Axis::new(started, last, &zone);
        Ok(Report {
            rates: Rates::of(&counts),
            step: axis.step().num_seconds(),
            timeline: axis.fill(scope.buckets(tx, &axis).await?),
            events: scope.events(tx).await?,
            links: scope.links(tx).await?,
            sites: scope.sites(tx).await?,
            reasons: scope.reasons(tx).await?,
            counts,
        })
    })
    .await
}

/// Where the time line ends.
fn last_moment(
    row: &CampaignRow,
    last_reaction: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let sent = row.finished_at.unwrap_or(now);
    last_reaction.map_or(sent, |at| at.max(sent))
}

impl Report {
    /// Of a campaign that has not begun.
    fn empty(counts: Counts) -> Self {
        Self {
            counts,
            rates: Rates::of(&counts),
            events: Events::default(),
            step: 60,
            timeline: Vec::new(),
            links: Vec::new(),
            sites: Vec::new(),
            reasons: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_shares_and_nothing_has_none() {
        let counts = Counts {
            accepted: 8,
            failed: 1,
            unknown: 1,
            skipped: 6,
            opened: 4,
            clicked: 1,
            ..Counts::default()
        };
        let rates = Rates::of(&counts);
        assert_eq!(rates.accepted, Some(0.5));
        assert_eq!(rates.failed, Some(0.1));
        assert_eq!((rates.opened, rates.clicked), (Some(0.5), Some(0.125)));
        assert_eq!(rates.clicked_of_opened, Some(0.25));
        assert_eq!(Rates::of(&Counts::default()).opened, None);
    }
}
