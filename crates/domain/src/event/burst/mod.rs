//! Scanners that call themselves a browser are told by their haste: they follow
//! more links of a mail within seconds than a person does. Only several hits
//! tell, and these may come in several batches, through several processes. What
//! of a burst had been counted as a person's by then is taken back here, under
//! the lock of its delivery, so that events, first open, first click and counts
//! speak of the same people. The delivery keeps when the burst was, by which an
//! open that comes without clicks is judged where it is written ([`super::track`]).
//! The numbers are in docs/decisions/0052.

mod queries;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;

use super::machine::MachineRule;
use super::track::Hit;
use crate::error::Result;
use crate::ids::{CampaignId, DeliveryId, EventId, TenantId};

/// Hits that are further apart are not of one burst.
const WITHIN: TimeDelta = TimeDelta::seconds(3);
/// How far from a batch's hits others can matter: an open belongs to a click
/// that belongs to the hit.
const AROUND: TimeDelta = TimeDelta::seconds(6);
/// So many links within [`WITHIN`] no person follows.
const MANY: usize = 3;
/// How long after the acceptance of a mail [`MANY_SOON`] hold.
const SOON: TimeDelta = TimeDelta::seconds(60);
/// Nor so many of a mail that has only just come in.
const MANY_SOON: usize = 2;

/// A hit with the rule by which it is a machine's.
pub(super) type Judged<'a> = (&'a Hit, Option<MachineRule>);

/// What taking hits back changed in a delivery.
pub(super) struct Mended {
    pub(super) campaign: CampaignId,
    /// Nobody has opened it after all.
    pub(super) unopened: bool,
    pub(super) unclicked: bool,
}

/// An open or click that is taken for a person's, or belongs to a burst.
#[derive(Debug, Clone, Copy)]
struct Seen {
    id: EventId,
    /// `None` for an open.
    link: Option<i32>,
    at: DateTime<Utc>,
    /// Partition of its event, when it has been written as a person's.
    counted_in: Option<NaiveDate>,
}

/// One delivery as far as the rule goes.
#[derive(Debug, Default)]
struct Mail {
    period: NaiveDate,
    /// `None`: nobody knows.
    accepted: Option<DateTime<Utc>>,
    seen: Vec<Seen>,
}

/// Judges hits of one tenant by what came shortly before, and takes back what
/// had been counted of the same bursts.
pub(super) async fn judge<'a>(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    hits: &'a [Hit],
) -> Result<(Vec<Judged<'a>>, Vec<Mended>)> {
    let mut mails = gather(hits);
    let mut bursts = BTreeSet::new();
    let mut mended = Vec::new();
    lock_suspects(tx, tenant, &mut mails).await?;
    if !mails.is_empty() {
        // The look comes after the lock: it sees what another process did under it.
        queries::look_around(tx, tenant, &mut mails).await?;
        let mut to_mend = queries::ToMend::default();
        for (id, mail) in &mut mails {
            let of_a_burst = mail.burst();
            to_mend.add(*id, mail, &of_a_burst);
            bursts.extend(of_a_burst);
        }
        mended = to_mend.mend(tx, tenant).await?;
    }
    let rule = |hit: &Hit| {
        let is_of_a_burst = bursts.contains(&hit.id);
        hit.machine
            .or_else(|| is_of_a_burst.then_some(MachineRule::ManyLinks))
    };
    Ok((hits.iter().map(|hit| (hit, rule(hit))).collect(), mended))
}

/// Leaves those that may have a burst, locked. Opens alone make none, and of one
/// that has been their deliveries tell; nor does one link of a mail that nobody
/// has followed before.
async fn lock_suspects(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    mails: &mut BTreeMap<DeliveryId, Mail>,
) -> Result<()> {
    if !mails.values().any(Mail::has_clicks) {
        mails.clear();
        return Ok(());
    }
    let followed = queries::lock(tx, tenant, mails).await?;
    mails
        .retain(|id, mail| mail.links() >= MANY_SOON || mail.has_clicks() && followed.contains(id));
    Ok(())
}

/// By delivery, what is not a machine's by itself.
fn gather(hits: &[Hit]) -> BTreeMap<DeliveryId, Mail> {
    let mut mails: BTreeMap<DeliveryId, Mail> = BTreeMap::new();
    for hit in hits.iter().filter(|hit| hit.machine.is_none()) {
        let mail = mails.entry(hit.delivery).or_default();
        mail.period = hit.period;
        mail.seen.push(Seen {
            id: hit.id,
            link: hit.link.map(i32::from),
            at: hit.at,
            counted_in: None,
        });
    }
    mails
}

impl Mail {
    fn has_clicks(&self) -> bool {
        self.seen.iter().any(|seen| seen.link.is_some())
    }

    /// Different links that are followed.
    fn links(&self) -> usize {
        let links: BTreeSet<i32> = self.seen.iter().filter_map(|seen| seen.link).collect();
        links.len()
    }

    /// Seconds in which opens belong to the last clicks of a burst. Ordered by [`Mail::burst`].
    fn span(&self, burst: &BTreeSet<EventId>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let is_of_it = |seen: &&Seen| seen.link.is_some() && burst.contains(&seen.id);
        let mut clicks = self.seen.iter().rev().filter(is_of_it).map(|seen| seen.at);
        let last = clicks.next()?;
        let mut first = last;
        for at in clicks {
            if first - at > WITHIN * 2 {
                break;
            }
            first = at;
        }
        Some((first - WITHIN, last + WITHIN))
    }

    fn first(&self) -> DateTime<Utc> {
        self.times().min().unwrap_or_default()
    }

    fn last(&self) -> DateTime<Utc> {
        self.times().max().unwrap_or_default()
    }

    fn times(&self) -> impl Iterator<Item = DateTime<Utc>> {
        self.seen.iter().map(|seen| seen.at)
    }

    /// Links that have to come together to be a burst.
    fn needed(&self, at: DateTime<Utc>) -> usize {
        if self.accepted.is_some_and(|accepted| at <= accepted + SOON) {
            MANY_SOON
        } else {
            MANY
        }
    }

    /// What a scanner did: clicks of many links within [`WITHIN`], and the opens beside them.
    fn burst(&mut self) -> BTreeSet<EventId> {
        self.seen.sort_by_key(|seen| (seen.at, seen.id));
        let clicks: Vec<Seen> = self
            .seen
            .iter()
            .copied()
            .filter(|s| s.link.is_some())
            .collect();
        let mut found = BTreeSet::new();
        let mut times = Vec::new();
        for (i, first) in clicks.iter().enumerate() {
            let together: Vec<&Seen> = clicks[i..]
                .iter()
                .take_while(|next| next.at - first.at <= WITHIN)
                .collect();
            let links: BTreeSet<_> = together.iter().map(|click| click.link).collect();
            if links.len() >= self.needed(first.at) {
                times.extend(together.iter().map(|click| click.at));
                found.extend(together.iter().map(|click| click.id));
            }
        }
        let is_beside = |open: &&Seen| times.iter().any(|at| (open.at - at).abs() <= WITHIN);
        let opens = self.seen.iter().filter(|seen| seen.link.is_none());
        found.extend(opens.filter(is_beside).map(|open| open.id));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is a scanner's of `(link, milliseconds after the acceptance)`; link 0 is an open.
    fn burst(accepted: bool, hits: &[(i32, i64)]) -> Vec<usize> {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let seen: Vec<Seen> = hits
            .iter()
            .map(|(link, ms)| Seen {
                id: EventId::new(),
                link: Some(*link).filter(|link| *link != 0),
                at: start + TimeDelta::milliseconds(*ms),
                counted_in: None,
            })
            .collect();
        let mut mail = Mail {
            accepted: accepted.then_some(start),
            seen: seen.clone(),
            ..Mail::default()
        };
        let found = mail.burst();
        (0..seen.len())
            .filter(|i| found.contains(&seen[*i].id))
            .collect()
    }

    #[test]
    fn many_links_within_seconds_are_a_scanners() {
        let hour = 3_600_000;
        let late = |hits: &[(i32, i64)]| {
            let later: Vec<_> = hits.iter().map(|(link, ms)| (*link, ms + hour)).collect();
            burst(true, &later)
        };
        assert_eq!(late(&[(1, 0), (2, 900), (3, 2_900)]), [0, 1, 2]);
        assert_eq!(
            late(&[(3, 2_900), (1, 0), (2, 900)]),
            [0, 1, 2],
            "in any order"
        );
        assert_eq!(late(&[(1, 0), (2, 900)]), [] as [usize; 0], "a person can");
        assert_eq!(late(&[(1, 0), (2, 1_600), (3, 3_200)]), [] as [usize; 0]);
        assert_eq!(
            late(&[(1, 0), (1, 10), (1, 20), (2, 30)]),
            [] as [usize; 0],
            "of two links"
        );
        assert_eq!(
            late(&[(1, 0), (2, 1_000), (3, 2_000), (4, 4_500), (5, 60_000)]),
            [0, 1, 2],
            "what comes later is a person's again"
        );
        assert_eq!(
            burst(false, &[(1, 0), (2, 1)]),
            [] as [usize; 0],
            "nobody knows when it came in"
        );
    }

    #[test]
    fn of_a_mail_that_has_only_just_come_in_two_links_are_enough() {
        assert_eq!(burst(true, &[(1, 2_000), (2, 2_100)]), [0, 1]);
        assert_eq!(
            burst(true, &[(1, -800), (2, -700)]),
            [0, 1],
            "before it was recorded"
        );
        assert_eq!(
            burst(true, &[(1, 2_000)]),
            [] as [usize; 0],
            "one may be awaited"
        );
        assert_eq!(burst(true, &[(1, 61_000), (2, 61_100)]), [] as [usize; 0]);
    }

    #[test]
    fn the_span_of_a_burst_is_that_of_its_last_clicks() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = |s: i64| start + TimeDelta::seconds(s);
        let seen = |link: i32, s: i64| Seen {
            id: EventId::new(),
            link: Some(link).filter(|link| *link != 0),
            at: at(s),
            counted_in: None,
        };
        let mut mail = Mail {
            seen: vec![
                seen(3, 2),
                seen(1, 0),
                seen(2, 1),
                seen(0, 50),
                seen(1, 100),
                seen(2, 101),
                seen(3, 102),
                seen(4, 105),
                seen(0, 104),
            ],
            ..Mail::default()
        };
        let burst = mail.burst();
        assert_eq!(
            burst.len(),
            7,
            "neither the open between nor the late click"
        );
        assert_eq!(mail.span(&burst), Some((at(97), at(105))));
        assert_eq!(mail.span(&BTreeSet::new()), None);
    }

    #[test]
    fn opens_beside_a_burst_belong_to_it() {
        assert_eq!(
            burst(
                true,
                &[(0, 0), (1, 1_000), (2, 1_100), (0, 4_000), (0, 9_000)]
            ),
            [0, 1, 2, 3]
        );
        assert_eq!(burst(true, &[(0, 0), (1, 1_000)]), [] as [usize; 0]);
    }
}
