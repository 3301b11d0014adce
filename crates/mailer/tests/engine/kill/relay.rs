//! The relay puts off, hangs or is gone for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    SESSIONS, counting_sink, figures, judge, people, until, until_finished_without_waiting,
};
use crate::support::{Action, Fixture, Machine, Sink, addresses};

/// N of `personN@example.jp`.
fn number(to: &str) -> usize {
    to[6..11].parse().unwrap()
}

/// How long a relay stays away at least: `KIKUBARI_KILL_AWAY_SECONDS`.
fn away() -> Duration {
    let seconds = std::env::var("KIKUBARI_KILL_AWAY_SECONDS").ok();
    Duration::from_secs(seconds.and_then(|n| n.parse().ok()).unwrap_or(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_puts_off_a_fifth_gets_each_mail_once() {
    let sink = Sink::scripted(|to, attempt| {
        if number(to).is_multiple_of(5) && attempt == 1 {
            Action::RefuseMail("451 4.2.0 greylisted, try again later")
        } else {
            Action::Accept
        }
    })
    .await;
    let fixture = Fixture::new(&sink).await;
    let n = people();
    let campaign = fixture.campaign(&addresses(n)).await;
    let machine = Machine::new(&fixture);
    let process = machine.start();
    let deferred = "SELECT count(*) FROM delivery WHERE state = 'deferred'";
    until(&fixture, deferred, i64::try_from(n / 10).unwrap()).await;
    process.kill();
    let process = machine.start();
    until_finished_without_waiting(&fixture, campaign).await;
    assert!(process.terminate().await.success());
    let what = "relay puts off a fifth, one kill";
    judge(what, &fixture, &sink, campaign, SESSIONS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_gone_for_a_while_gets_each_mail_once_when_it_is_back() {
    let sink = counting_sink().await;
    let fixture = Fixture::new(&sink).await;
    let n = people();
    let campaign = fixture.campaign(&addresses(n)).await;
    let machine = Machine::new(&fixture);
    let process = machine.start();
    sink.until(n / 3).await;
    sink.leave();
    let left = Instant::now();
    let waiting = "SELECT count(*) FROM delivery WHERE state = 'deferred'";
    until(&fixture, waiting, 1).await;
    // In the large run it is away for as long as that; here until it was missed.
    tokio::time::sleep_until(left + away()).await;
    sink.come_back();
    let away = left.elapsed().as_secs();
    figures(&format!("relay gone: for {away} s"));
    until_finished_without_waiting(&fixture, campaign).await;
    assert!(process.terminate().await.success());
    // Lines cut while the relay held the answer.
    judge("relay gone", &fixture, &sink, campaign, SESSIONS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_hangs_holds_up_nobody_for_good_and_doubts_stand_where_it_had_the_mail() {
    // Of ten sessions eight hang, some before the mail and some after it.
    let sink = Sink::scripted(|to, attempt| match (number(to), attempt) {
        (0..=3, 1) => Action::HangBeforeData,
        (10..=13, _) => Action::HangAfterDot,
        _ => Action::Accept,
    })
    .await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(people())).await;
    let machine = Machine::new(&fixture);
    let process = machine.start_with(&[
        ("KIKUBARI_SMTP_COMMAND_SECONDS", "5"),
        ("KIKUBARI_SMTP_ANSWER_SECONDS", "5"),
    ]);
    until_finished_without_waiting(&fixture, campaign).await;
    assert!(process.terminate().await.success());
    let counts = judge("relay hangs", &fixture, &sink, campaign, 4).await;
    assert_eq!(counts.unknown, 4);
    let doubt = "state = 'unknown' AND reason = 'no_answer'";
    assert_eq!(fixture.rows(doubt).await, 4);
}
