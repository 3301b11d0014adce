//! Mailers, databases and relays that are killed while a campaign runs, all of
//! them real programs but for the relay. Each test prints its figures; sizes by
//! `KIKUBARI_KILL_PEOPLE` (`just kill` takes 50,000, and a relay that is gone for
//! the 30 s of `KIKUBARI_KILL_AWAY_SECONDS`).

mod clock;
mod database;
mod mailer;
mod relay;
mod restore;

use std::io::Write;

use domain::ids::CampaignId;
use domain::signal::{Signal, listen};
use futures_util::StreamExt;

use crate::support::{Counts, Fixture, Options, Sink};

/// As the fixture's route has.
const SESSIONS: i64 = 10;

fn people() -> usize {
    std::env::var("KIKUBARI_KILL_PEOPLE")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000)
}

/// Ends when the campaign is finished: at a signal, or already.
pub(crate) async fn until_finished(fixture: &Fixture, campaign: CampaignId) {
    until(
        fixture,
        &format!("SELECT count(*) FROM campaign WHERE id = '{campaign}' AND state = 'finished'"),
        1,
    )
    .await;
}

/// Ends when a number is reached; looked at whenever the campaign changes.
async fn until(fixture: &Fixture, sql: &str, number: i64) {
    let mut signals = std::pin::pin!(listen(&fixture.database.db).await.unwrap());
    while fixture.database.count(sql).await < number {
        while !matches!(signals.next().await.unwrap(), Signal::Campaign { .. }) {}
    }
}

/// For whoever reads `just kill`.
pub(crate) fn figures(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").unwrap();
}

/// What came of it: figures, and what must never be.
async fn judge(
    what: &str,
    fixture: &Fixture,
    sink: &Sink,
    campaign: CampaignId,
    most_unknown: i64,
) -> Counts {
    let counts = judge_with_duplicates(what, fixture, sink, campaign).await;
    assert_eq!(sink.duplicates(), Vec::<String>::new(), "{what}");
    assert!(counts.unknown <= most_unknown, "{what}: {counts:?}");
    counts
}

/// As [`judge`], where a person chose to send again.
async fn judge_with_duplicates(
    what: &str,
    fixture: &Fixture,
    sink: &Sink,
    campaign: CampaignId,
) -> Counts {
    let counts = fixture.counts(campaign).await;
    let taken = sink.taken();
    let people = fixture.rows("true").await;
    let accepted = fixture
        .database
        .text(
            "SELECT coalesce(string_agg(address, ','), '') FROM delivery WHERE state = 'accepted'",
        )
        .await;
    let accepted = accepted.split(',').filter(|address| !address.is_empty());
    let not_at_the_sink = accepted.filter(|address| !taken.contains_key(*address));
    let not_at_the_sink = not_at_the_sink.count();
    let lost = people - counts.accepted - counts.failed - counts.unknown - counts.skipped;
    figures(&format!(
        "{what}: people {people}, at the sink {}, duplicates {}, unknown {}, lost {lost}",
        taken.len(),
        sink.duplicates().len(),
        counts.unknown
    ));
    assert_eq!(lost, 0, "{what}: {counts:?}");
    assert_eq!(not_at_the_sink, 0, "{what}");
    counts
}

async fn counting_sink() -> Sink {
    Sink::start(Options {
        keep: false,
        ..Options::default()
    })
    .await
}

/// As [`until_finished`], while what was put off is due at once.
async fn until_finished_without_waiting(fixture: &Fixture, campaign: CampaignId) {
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(200));
    while !fixture.state(campaign, "finished").await {
        fixture
            .database
            .execute_as_owner(
                "UPDATE delivery SET due_at = now() WHERE state = 'deferred' AND due_at > now();
                 UPDATE send_queue SET due_at = now() WHERE due_at > now()",
            )
            .await;
        looks.tick().await;
    }
}
