//! The clock of a mailer's machine is set while a campaign runs.

use super::{counting_sink, figures, judge, people, until_finished_without_waiting};
use crate::support::{Action, Fixture, Machine, Sink, WallClock, addresses};

const HOUR: i64 = 3_600;

/// What the ledger says of when mails were accepted: how many so many hours from now.
async fn accepted_at(fixture: &Fixture, hours: i64) -> i64 {
    let rows = format!(
        "state = 'accepted' AND attempted_at BETWEEN now() + interval '{} minutes' AND now() + interval '{} minutes'",
        hours * 60 - 30,
        hours * 60 + 30
    );
    fixture.rows(&rows).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_mailers_one_whose_clock_jumps_ahead_and_back_costs_nobody_a_mail_and_leaves_no_doubt()
 {
    let sink = counting_sink().await;
    let fixture = Fixture::new(&sink).await;
    let n = people();
    let campaign = fixture.campaign(&addresses(n)).await;
    let (machine, clock) = (Machine::new(&fixture), WallClock::new());
    let settings = clock.settings();
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let (jumps, right) = (machine.start_with(&settings), machine.start());
    sink.until(n / 4).await;
    // Longer than any lease; to the others' eyes what it holds ends at once if it counts by its own clock.
    clock.set_ahead(2 * HOUR);
    sink.until(n / 2).await;
    // For it nothing is due any more.
    clock.set_ahead(-2 * HOUR);
    sink.until(n * 3 / 4).await;
    clock.set_ahead(0);
    until_finished_without_waiting(&fixture, campaign).await;
    assert!(jumps.terminate().await.success(), "{}", machine.log());
    assert!(right.terminate().await.success(), "{}", machine.log());
    judge(
        "two mailers, one's clock jumps",
        &fixture,
        &sink,
        campaign,
        0,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_mailer_has_in_hand_while_its_clock_jumps_is_sent_once_and_dated_by_it() {
    for hours in [2, -2] {
        // All is in the middle of being answered when the clock jumps.
        let sink = Sink::scripted(|_, _| Action::Wait).await;
        let fixture = Fixture::new(&sink).await;
        let campaign = fixture.campaign(&addresses(300)).await;
        let (machine, clock) = (Machine::new(&fixture), WallClock::new());
        let settings = clock.settings();
        let settings = settings
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let process = machine.start_with(&settings);
        let claimed = "SELECT count(*) FROM delivery WHERE state = 'claimed'";
        while fixture.database.count(claimed).await < 300 {
            tokio::task::yield_now().await;
        }
        sink.until(10).await;
        clock.set_ahead(hours * HOUR);
        sink.open_gate();
        until_finished_without_waiting(&fixture, campaign).await;
        assert!(process.terminate().await.success(), "{}", machine.log());
        let counts = fixture.counts(campaign).await;
        assert_eq!((counts.accepted, counts.unknown), (300, 0));
        // Otherwise nothing jumped.
        assert_eq!(accepted_at(&fixture, hours).await, 300);
        figures(&format!("clock jumps by {hours} h: people 300, unknown 0"));
    }
}
