//! What a mailer whose clock is wrong for a while leaves behind for the others.

use chrono::{TimeDelta, TimeZone, Utc};
use domain::clock::Clock;
use domain::delivery::claim::{Claim, Except, Lanes, claim, next_turn};
use domain::ids::WorkerId;

use crate::support::{Action, Fixture, Sink, addresses};

#[tokio::test]
async fn a_clock_that_is_ahead_puts_no_campaign_off_that_has_something_due() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap());
    let fixture = Fixture::with_clock(&sink, clock).await;
    let campaign = fixture.campaign(&addresses(3)).await;
    let (db, clock) = (&fixture.database.db, &fixture.database.clock);
    // Another mailer is about to claim all of them, and does not come to it.
    let claimed = fixture
        .database
        .hold("SELECT id FROM delivery FOR UPDATE")
        .await;
    clock.advance(TimeDelta::hours(2));
    let turn = next_turn(db, &Except::default(), Lanes::All)
        .await
        .unwrap()
        .unwrap();
    let found = claim(db, WorkerId::new(), turn, 10).await.unwrap();
    assert!(matches!(found, Claim::NothingDue), "{found:?}");
    clock.advance(TimeDelta::hours(-2));
    claimed.release().await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await.accepted, 3);
}
