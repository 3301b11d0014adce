//! Relays that put off, refuse, cut the line or hang.

use chrono::{TimeDelta, TimeZone, Utc};
use domain::clock::Clock;
use domain::delivery::retry;
use mailer::runner::Mailer;

use crate::support::{Action, Counts, DeadPort, Fixture, Options, Sink, addresses};

fn clock() -> Clock {
    // Within the partitions that every database has: this month.
    Clock::fixed(Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap())
}

#[tokio::test]
async fn a_mail_put_off_is_accepted_when_it_is_due_again_and_not_before() {
    let sink = Sink::scripted(|_, attempt| match attempt {
        1 => Action::Refuse("450 4.2.1 later"),
        2 => Action::RefuseMail("451 4.2.0 later still"),
        _ => Action::Accept,
    })
    .await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let campaign = fixture.campaign(&addresses(5)).await;
    let mailer = fixture.mailer();

    mailer.drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            deferred: 5,
            ..Counts::default()
        }
    );
    assert_eq!(fixture.rows("reason = 'put_off' AND reply_code = 450 AND reply_enhanced = '4.2.1' AND attempts = 1").await, 5);
    mailer.drain().await.unwrap();
    assert_eq!(fixture.rows("attempts = 1").await, 5, "not due yet");

    fixture.database.clock.advance(TimeDelta::minutes(3));
    mailer.drain().await.unwrap();
    assert_eq!(
        fixture
            .rows("attempts = 2 AND state = 'deferred' AND reply_code = 451")
            .await,
        5
    );

    fixture.database.clock.advance(TimeDelta::minutes(7));
    mailer.drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 5,
            ..Counts::default()
        }
    );
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    assert!(fixture.state(campaign, "finished").await);
}

#[tokio::test]
async fn a_mail_put_off_for_72_hours_is_given_up_with_the_last_reply() {
    let sink = Sink::scripted(|_, _| Action::Refuse("452 4.2.2 full")).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let campaign = fixture.campaign(&addresses(1)).await;
    let mailer = fixture.mailer();
    for _ in 0..30 {
        mailer.drain().await.unwrap();
        fixture.database.clock.advance(TimeDelta::hours(5));
    }
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            failed: 1,
            ..Counts::default()
        }
    );
    assert_eq!(
        fixture
            .rows("reason = 'given_up' AND reply_text = '4.2.2 full' AND attempts = 21")
            .await,
        1
    );
    assert!(retry::delay(21, uuid::Uuid::nil()).is_none());
    assert!(fixture.state(campaign, "finished").await);
}

#[tokio::test]
async fn a_refused_mail_fails_with_the_reply_and_the_others_go_out() {
    let sink = Sink::scripted(|to, _| match to {
        "person00001@example.jp" => {
            Action::Refuse("550-5.1.1 Unknown user\r\n550 5.1.1 <b>gone</b>")
        }
        "person00002@example.jp" => Action::RefuseMail("554 5.7.1 spam"),
        _ => Action::Accept,
    })
    .await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(10)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 8,
            failed: 2,
            ..Counts::default()
        }
    );
    assert_eq!(fixture.rows("reason = 'rejected' AND reply_code = 550 AND reply_enhanced = '5.1.1' AND reply_text = E'5.1.1 Unknown user\\n5.1.1 <b>gone</b>' AND reply_host = '127.0.0.1'").await, 1);
    assert_eq!(
        fixture
            .rows("reason = 'rejected' AND reply_code = 554")
            .await,
        1
    );
    assert_eq!(sink.total(), 8);
}

#[tokio::test]
async fn a_server_without_pipelining_is_spoken_to_step_by_step() {
    let sink = Sink::start(Options {
        pipelining: false,
        script: Box::new(|to, _| match to {
            "person00003@example.jp" => Action::Refuse("550 5.1.1 no"),
            _ => Action::Accept,
        }),
        ..Options::default()
    })
    .await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(10)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 9,
            failed: 1,
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn a_line_cut_before_the_mail_was_handed_over_is_tried_again() {
    let sink = Sink::scripted(|to, attempt| match (to, attempt) {
        // An attempt on a session that died in the pool does not count, so it takes three.
        ("person00000@example.jp", 1..3) => Action::CutBeforeData,
        ("person00001@example.jp", 1..3) => Action::CutAtData,
        _ => Action::Accept,
    })
    .await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let campaign = fixture.campaign(&addresses(6)).await;
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    let counts = fixture.counts(campaign).await;
    assert_eq!(
        counts,
        Counts {
            accepted: 4,
            deferred: 2,
            ..Counts::default()
        }
    );
    assert_eq!(
        fixture
            .rows("reason = 'interrupted' AND state = 'deferred'")
            .await,
        2
    );
    for _ in 0..3 {
        fixture.database.clock.advance(TimeDelta::hours(1));
        mailer.drain().await.unwrap();
    }
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 6,
            ..Counts::default()
        }
    );
    assert_eq!(sink.duplicates(), Vec::<String>::new());
}

#[tokio::test]
async fn a_line_cut_after_the_final_dot_leaves_the_delivery_unknown_and_unrepeated() {
    let sink = Sink::scripted(|to, _| match to {
        "person00002@example.jp" => Action::CutAfterDot,
        _ => Action::Accept,
    })
    .await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let campaign = fixture.campaign(&addresses(5)).await;
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 4,
            unknown: 1,
            ..Counts::default()
        }
    );
    assert_eq!(
        fixture
            .rows("state = 'unknown' AND reason = 'no_answer'")
            .await,
        1
    );
    assert!(fixture.state(campaign, "finished").await);
    fixture.database.clock.advance(TimeDelta::days(4));
    mailer.drain().await.unwrap();
    assert_eq!(
        sink.duplicates(),
        Vec::<String>::new(),
        "what is unknown is never sent again by itself"
    );
}

#[tokio::test]
async fn a_relay_that_hangs_is_left_after_the_time_out() {
    let sink = Sink::scripted(|to, attempt| match (to, attempt) {
        ("person00000@example.jp", 1) => Action::HangBeforeData,
        ("person00001@example.jp", 1) => Action::HangAfterDot,
        _ => Action::Accept,
    })
    .await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let campaign = fixture.campaign(&addresses(4)).await;
    let mailer = fixture.impatient_mailer();
    mailer.drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 2,
            deferred: 1,
            unknown: 1,
            ..Counts::default()
        }
    );
    fixture.database.clock.advance(TimeDelta::hours(1));
    mailer.drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 3,
            unknown: 1,
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn a_dead_relay_puts_deliveries_off_and_loses_none() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let campaign = fixture.campaign(&addresses(20)).await;
    let dead = DeadPort::new();
    fixture
        .database
        .execute_as_owner(&format!(
            "UPDATE route SET port = {}, version = version + 1",
            dead.number()
        ))
        .await;
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            deferred: 20,
            ..Counts::default()
        }
    );
    assert_eq!(fixture.rows("reason = 'unreachable'").await, 20);

    let port = sink.address.port();
    fixture
        .database
        .execute_as_owner(&format!(
            "UPDATE route SET port = {port}, version = version + 1"
        ))
        .await;
    fixture.database.clock.advance(TimeDelta::hours(1));
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 20,
            ..Counts::default()
        }
    );
    assert_eq!(sink.duplicates(), Vec::<String>::new());
}

#[tokio::test]
async fn a_relay_on_a_private_address_is_not_spoken_to_unless_host_and_port_are_named() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let mailer = |inside: String| {
        let config = mailer::config::MailerConfig {
            relay_inside: inside,
            ..mailer::config::MailerConfig::default()
        };
        Mailer::new(&fixture.database.db, &fixture.keys, &config).unwrap()
    };
    let port = sink.address.port();
    let named = fixture.campaign(&addresses(1)).await;
    mailer(format!("127.0.0.1:{port}")).drain().await.unwrap();
    assert_eq!(fixture.counts(named).await.accepted, 1);
    let sessions = sink.sessions();
    // Another port of the same host, and another name of the same place.
    let beside = format!("127.0.0.1:{},localhost:{port}", port.wrapping_add(1).max(1));
    let campaign = fixture.campaign(&addresses(3)).await;
    mailer(beside).drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            deferred: 3,
            ..Counts::default()
        }
    );
    assert_eq!(
        fixture
            .rows("reason = 'unreachable' AND reply_text LIKE '%private networks%'")
            .await,
        3
    );
    assert_eq!(sink.sessions(), sessions);
}

#[tokio::test]
async fn a_relay_that_wants_a_log_in_puts_off_until_it_gets_one() {
    let sink = Sink::start(Options {
        login: Some(("kiku", "geheim")),
        ..Options::default()
    })
    .await;
    let fixture = Fixture::with_clock(&sink, clock()).await;
    let campaign = fixture.campaign(&addresses(3)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            deferred: 3,
            ..Counts::default()
        }
    );
    assert_eq!(
        fixture
            .rows("reason = 'relay_auth' AND reply_code = 530")
            .await,
        3
    );
}
