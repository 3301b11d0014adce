//! Complaints against mails, over a week: receivers take a sender's mails as
//! spam when too many people say that they are. At the first mark the people who
//! may send are told; at the second everything that runs is held until one of
//! them looks and lets it go on. Why these numbers: docs/decisions/0051.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::state::{State, Step};
use super::{control, queries};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::db::turn::take_turn;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, TenantId};
use crate::schema::campaign;
use crate::system_mail::{self, Kind};
use crate::tenant::usage::{self, Daily};
use crate::{role, sequence, tenant};

/// Begins `state_reason` of what is held: `complaints 12/3400` says how many of how many.
pub const COMPLAINTS: &str = "complaints";
/// Days that are looked at, today among them (UTC, by the database's clock).
const DAYS: i32 = 7;
/// Complaints among a thousand mails, and the fewest that say anything at all.
const NOTICE: Mark = Mark {
    per_mille: 1,
    least: 3,
};
const HOLD: Mark = Mark {
    per_mille: 3,
    least: 5,
};
/// People who are told.
const PEOPLE: i64 = 20;

struct Mark {
    per_mille: i64,
    least: i64,
}

impl Mark {
    fn is_reached(&self, complaints: i64, mails: i64) -> bool {
        complaints >= self.least
            && complaints.saturating_mul(1_000) >= mails.saturating_mul(self.per_mille)
    }
}

/// How it stands over the days that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
struct Figure {
    #[diesel(sql_type = BigInt)]
    mails: i64,
    #[diesel(sql_type = BigInt)]
    complaints: i64,
    /// Of these, people were told of already, or what ran was held for.
    #[diesel(sql_type = BigInt)]
    noticed: i64,
    #[diesel(sql_type = BigInt)]
    held: i64,
    /// Of those that were held for: a person has let mails go on since.
    #[diesel(sql_type = BigInt)]
    seen: i64,
}

impl Figure {
    /// The same complaints tell nothing twice.
    fn must_notice(&self) -> bool {
        NOTICE.is_reached(self.complaints - self.noticed, self.mails)
    }

    fn must_hold(&self) -> bool {
        HOLD.is_reached(self.complaints - self.held, self.mails)
    }

    fn is_unseen(&self) -> bool {
        self.held > self.seen
    }

    fn reason(&self) -> String {
        format!("{COMPLAINTS} {}/{}", self.complaints, self.mails)
    }

    /// In percent.
    fn rate(&self) -> String {
        let hundredths = self.complaints.saturating_mul(10_000) / self.mails.max(1);
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

/// Whether something is held for complaints.
pub(crate) fn is_reason(reason: Option<&str>) -> bool {
    reason.is_some_and(|reason| reason.split(' ').next() == Some(COMPLAINTS))
}

/// Looks whether there are too many by now; after a complaint was counted, and in
/// a transaction of its own, since what runs is locked before deliveries.
///
/// # Errors
/// When the database does: to be done again.
pub(crate) async fn watch(db: &Db, tenant: TenantId) -> Result<()> {
    let now = db.now();
    let seen = db
        .tenant(tenant, async |tx| figure(tx, tenant).await)
        .await?;
    if !seen.must_notice() && !seen.must_hold() {
        return Ok(());
    }
    db.tenant(tenant, async |tx| {
        // Two complaints at once would each tell of the same number.
        take_turn(tx, &format!("complaints:{tenant}")).await?;
        let figure = figure(tx, tenant).await?;
        if figure.must_hold() {
            mark(tx, tenant, Daily::Held, Daily::Complaints).await?;
            mark(tx, tenant, Daily::Noticed, Daily::Complaints).await?;
            let held = hold_running(tx, tenant, &figure.reason(), now).await?;
            tell(tx, tenant, Kind::ComplaintsHeld, &figure, held, now).await
        } else if figure.must_notice() {
            mark(tx, tenant, Daily::Noticed, Daily::Complaints).await?;
            tell(tx, tenant, Kind::ComplaintsHigh, &figure, 0, now).await
        } else {
            Ok(())
        }
    })
    .await
}

/// A person lets what was held go on: the complaints until now are known to them.
pub(crate) async fn seen(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
    mark(tx, tenant, Daily::Seen, Daily::Held).await
}

/// Holds a campaign that begins by itself while nobody has looked yet.
pub(super) async fn hold_begun(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    now: DateTime<Utc>,
) -> Result<()> {
    let figure = figure(tx, tenant).await?;
    if !figure.is_unseen() {
        return Ok(());
    }
    let begun = queries::lock(tx, tenant, id).await?;
    control::hold(tx, tenant, &begun, &figure.reason(), now).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "filtered sums over a week of the database's days; every value is bound"
)]
async fn figure(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<Figure> {
    let of = "coalesce(sum(amount) FILTER (WHERE kind = ($3::text[])";
    let sums: Vec<String> = ["mails", "complaints", "noticed", "held", "seen"]
        .iter()
        .zip(1..)
        .map(|(name, n)| format!("{of}[{n}]), 0)::bigint AS {name}"))
        .collect();
    let kinds = [
        Daily::Mails,
        Daily::Complaints,
        Daily::Noticed,
        Daily::Held,
        Daily::Seen,
    ]
    .map(Daily::as_str);
    Ok(diesel::sql_query(format!(
        "SELECT {} FROM tenant_usage
         WHERE tenant_id = $1 AND kind = ANY ($3) AND period > (now() AT TIME ZONE 'UTC')::date - $2",
        sums.join(", ")
    ))
    .bind::<SqlUuid, _>(tenant)
    .bind::<Integer, _>(DAYS)
    .bind::<Array<Text>, _>(kinds.to_vec())
    .get_result(tx)
    .await?)
}

/// Each day's `all` become its `marked`; what is marked already stays so.
#[expect(
    clippy::disallowed_methods,
    reason = "INSERT of the differences of each day; every value is bound"
)]
async fn mark(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    marked: Daily,
    all: Daily,
) -> Result<()> {
    diesel::sql_query(
        "INSERT INTO tenant_usage (tenant_id, kind, period, amount)
         SELECT $1, $2, period, sum(CASE kind WHEN $3 THEN amount ELSE -amount END) FROM tenant_usage
         WHERE tenant_id = $1 AND kind IN ($2, $3) AND period > (now() AT TIME ZONE 'UTC')::date - $4
         GROUP BY period HAVING sum(CASE kind WHEN $3 THEN amount ELSE -amount END) > 0",
    )
    .bind::<SqlUuid, _>(tenant)
    .bind::<Text, _>(marked.as_str())
    .bind::<Text, _>(all.as_str())
    .bind::<Integer, _>(DAYS)
    .execute(tx)
    .await?;
    Ok(())
}

/// Holds all that goes out by a person's order once given; answers how many.
/// Transactional mails are each an answer to somebody, and go on.
async fn hold_running(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<usize> {
    let mut held = sequence::steer::hold_active(tx, tenant, reason, now).await?;
    let running: Vec<CampaignId> = campaign::table
        .filter(campaign::tenant_id.eq(tenant))
        .filter(campaign::kind.eq("campaign"))
        .filter(campaign::state.eq_any([State::Preparing, State::Sending]))
        .order(campaign::id)
        .select(campaign::id)
        .load(tx)
        .await?;
    for id in running {
        let before = match queries::lock(tx, tenant, id).await {
            Err(DomainError::NotFound { .. }) => continue,
            found => found?,
        };
        // It may have ended, or a person paused it, since it was found.
        if before.state.after(Step::Pause, true).is_ok() {
            control::hold(tx, tenant, &before, reason, now).await?;
            held += 1;
        }
    }
    Ok(held)
}

async fn tell(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    kind: Kind,
    figure: &Figure,
    held: usize,
    now: DateTime<Utc>,
) -> Result<()> {
    let zone = tenant::find(tx, tenant).await?.time_zone;
    for person in role::people_with(tx, tenant, Permission::CampaignsSend, PEOPLE).await? {
        let params = json!({
            "at": now, "time_zone": zone, "rate": figure.rate(),
            "complaints": figure.complaints.to_string(), "mails": figure.mails.to_string(),
        });
        system_mail::enqueue(tx, tenant, person, kind, params, now).await?;
    }
    let entry = audit::Entry {
        action: "tenant.complaints_noticed",
        subject_kind: "tenant",
        subject_id: Some(tenant.0),
        before: None,
        after: Some(json!({
            "complaints": figure.complaints, "mails": figure.mails, "days": DAYS, "held": held,
        })),
    };
    audit::record(tx, &Actor::system(tenant), entry).await
}

/// Counts a complaint, in the transaction that writes it down.
pub(crate) async fn note(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<()> {
    usage::note_today(tx, tenant, Daily::Complaints, 1).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(mails: i64, complaints: i64) -> Figure {
        Figure {
            mails,
            complaints,
            noticed: 0,
            held: 0,
            seen: 0,
        }
    }

    #[test]
    fn people_are_told_at_one_in_a_thousand_and_all_is_held_at_three() {
        // mails, complaints, told, held
        let table = [
            (10, 1, false, false),
            (10, 2, false, false),
            (10, 3, true, false),
            (10, 5, true, true),
            (3_000, 3, true, false),
            (3_001, 3, false, false),
            (3_000, 8, true, false),
            (3_000, 9, true, true),
            (3_001, 9, true, false),
            (1_000_000, 999, false, false),
            (1_000_000, 3_000, true, true),
            (0, 0, false, false),
        ];
        for (mails, complaints, told, held) in table {
            let figure = figure(mails, complaints);
            let found = (figure.must_notice(), figure.must_hold());
            assert_eq!(found, (told, held), "{complaints} of {mails}");
        }
    }

    #[test]
    fn the_same_complaints_tell_nothing_twice() {
        let known = Figure {
            noticed: 30,
            held: 30,
            seen: 0,
            ..figure(10_000, 30)
        };
        assert!(!known.must_notice() && !known.must_hold() && known.is_unseen());
        let more = |complaints| Figure {
            complaints,
            seen: 30,
            ..known
        };
        assert!(!more(39).must_notice());
        assert!(more(40).must_notice() && !more(59).must_hold());
        assert!(more(60).must_hold() && !more(60).is_unseen());
    }

    #[test]
    fn the_figure_is_said_as_people_say_it() {
        assert_eq!(figure(3_400, 12).reason(), "complaints 12/3400");
        assert_eq!(figure(3_400, 12).rate(), "0.35");
        assert_eq!(figure(100, 5).rate(), "5.00");
        assert!(is_reason(Some("complaints 12/3400")));
        assert!(
            !is_reason(Some("complaintsx")) && !is_reason(Some("restored")) && !is_reason(None)
        );
    }
}
