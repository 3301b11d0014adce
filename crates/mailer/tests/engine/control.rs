//! Pause, stop, several mailers, leases, and those who said no.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{TimeDelta, TimeZone, Utc};
use domain::clock::Clock;
use domain::delivery::claim::{Claim, Except, Lanes, claim, next_turn};
use domain::ids::{CampaignId, WorkerId};

use crate::support::{Action, Counts, Fixture, Options, Sink, addresses};

/// As the use cases set it: campaign and queue in one transaction.
async fn set_state(fixture: &Fixture, campaign: CampaignId, state: &str) {
    let stop = if state == "stopped" {
        format!(
            "WITH open AS (UPDATE delivery SET state = 'skipped', reason = 'stopped', due_at = NULL
                 WHERE campaign_id = '{campaign}' AND state IN ('queued', 'deferred') RETURNING 1)
             INSERT INTO campaign_counter AS c (tenant_id, campaign_id, name, value)
             SELECT '{tenant}', '{campaign}', name, value FROM (
                 SELECT 'skipped' AS name, count(*) AS value FROM open UNION ALL SELECT 'queued', -count(*) FROM open) n
             ON CONFLICT (tenant_id, campaign_id, name) DO UPDATE SET value = c.value + excluded.value;",
            tenant = fixture.tenant
        )
    } else {
        String::new()
    };
    fixture
        .database
        .execute_as_owner(&format!(
            "BEGIN; UPDATE campaign SET state = '{state}' WHERE id = '{campaign}';
             UPDATE send_queue SET state = '{state}' WHERE campaign_id = '{campaign}'; {stop} COMMIT;"
        ))
        .await;
}

#[tokio::test]
async fn ten_thousand_people_get_exactly_one_mail_each_from_two_mailers() {
    let sink = Sink::start(Options {
        keep: false,
        ..Options::default()
    })
    .await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(10_000)).await;
    let (one, two) = (fixture.mailer(), fixture.mailer());
    let (first, second) = tokio::join!(one.drain(), two.drain());
    first.and(second).unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 10_000,
            ..Counts::default()
        }
    );
    assert_eq!(sink.taken().len(), 10_000);
    assert_eq!(sink.total(), 10_000);
    assert!(fixture.state(campaign, "finished").await);
}

/// Halts a campaign while mails are on the wire; answers the counts after all
/// has come to rest.
async fn halted_in_the_middle(state: &str) -> (Fixture, Sink, CampaignId, Counts) {
    // Ten sessions take a mail each and wait for the gate.
    let sink = Sink::scripted(|_, _| Action::Wait).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(1_000)).await;
    let mailer = Arc::new(fixture.mailer());
    let draining = tokio::spawn({
        let mailer = Arc::clone(&mailer);
        async move { mailer.drain().await }
    });
    sink.until(10).await;
    set_state(&fixture, campaign, state).await;
    mailer.heed().await.unwrap();
    sink.open_gate();
    draining.await.unwrap().unwrap();
    let counts = fixture.counts(campaign).await;
    (fixture, sink, campaign, counts)
}

#[tokio::test]
async fn a_pause_gives_back_what_is_claimed_and_the_counts_are_exact() {
    let (fixture, sink, campaign, counts) = halted_in_the_middle("paused").await;
    assert_eq!(usize::try_from(counts.accepted).unwrap(), sink.total());
    assert_eq!(counts.queued, 1_000 - counts.accepted);
    assert!(counts.accepted < 100, "{counts:?}");
    assert_eq!(counts.claimed, 0);

    set_state(&fixture, campaign, "sending").await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 1_000,
            ..Counts::default()
        }
    );
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    assert!(fixture.state(campaign, "finished").await);
}

#[tokio::test]
async fn a_stop_skips_what_was_not_handed_over_and_the_counts_are_exact() {
    let (fixture, sink, campaign, counts) = halted_in_the_middle("stopped").await;
    assert_eq!(usize::try_from(counts.accepted).unwrap(), sink.total());
    assert_eq!(
        counts,
        Counts {
            accepted: counts.accepted,
            skipped: 1_000 - counts.accepted,
            ..Counts::default()
        }
    );
    assert_eq!(
        fixture
            .rows("state = 'skipped' AND reason = 'stopped'")
            .await,
        counts.skipped
    );
    assert!(fixture.state(campaign, "stopped").await);
    assert_eq!(
        fixture
            .database
            .count("SELECT count(*) FROM send_queue")
            .await,
        0,
        "settled, so out of the queue"
    );
}

#[tokio::test]
async fn a_mailer_that_ends_gives_back_what_it_did_not_hand_over() {
    let sink = Sink::scripted(|_, _| Action::Wait).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(500)).await;
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(fixture.mailer().run(async {
        ended.await.ok();
    }));
    sink.until(10).await;
    end.send(()).unwrap();
    sink.open_gate();
    running.await.unwrap().unwrap();
    let counts = fixture.counts(campaign).await;
    assert_eq!(usize::try_from(counts.accepted).unwrap(), sink.total());
    assert_eq!(
        counts,
        Counts {
            accepted: counts.accepted,
            queued: 500 - counts.accepted,
            ..Counts::default()
        }
    );
    assert!(counts.queued > 0, "it ended in the middle");
}

#[tokio::test]
async fn a_running_mailer_heeds_a_pause_without_being_called() {
    let gate = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&gate);
    let sink = Sink::scripted(move |_, _| {
        if seen.load(Ordering::SeqCst) {
            Action::Accept
        } else {
            Action::Wait
        }
    })
    .await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(400)).await;
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(fixture.mailer().run(async {
        ended.await.ok();
    }));
    sink.until(10).await;
    set_state(&fixture, campaign, "paused").await;
    // All but the ten on the wire come back while those still wait.
    let given_back = "SELECT count(*) FROM delivery WHERE state = 'queued'";
    while fixture.database.count(given_back).await < 390 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sink.total(), 10);
    sink.open_gate();
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 10,
            queued: 390,
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn whoever_said_no_after_the_freeze_gets_nothing() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let mut people = addresses(6);
    people.push("someone@blocked.example.jp".into());
    let campaign = fixture.campaign(&people).await;
    let tenant = fixture.tenant;
    fixture
        .database
        .execute_as_owner(&format!(
            "INSERT INTO suppression (tenant_id, id, kind, value, reason) VALUES
                 ('{tenant}', gen_random_uuid(), 'address', 'person00000@example.jp', 'manual'),
                 ('{tenant}', gen_random_uuid(), 'domain', 'blocked.example.jp', 'manual');
             UPDATE contact SET status = 'unsubscribed' WHERE email = 'person00001@example.jp';
             UPDATE contact SET status = 'bounced' WHERE email = 'person00002@example.jp';
             DELETE FROM contact WHERE email = 'person00003@example.jp';"
        ))
        .await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 2,
            skipped: 5,
            ..Counts::default()
        }
    );
    let expected = [
        ("suppressed", 2),
        ("unsubscribed", 1),
        ("bounced", 1),
        ("contact_deleted", 1),
    ];
    for (reason, n) in expected {
        assert_eq!(
            fixture
                .rows(&format!("state = 'skipped' AND reason = '{reason}'"))
                .await,
            n,
            "{reason}"
        );
    }
    let taken: Vec<String> = sink.taken().into_keys().collect();
    assert_eq!(taken, ["person00004@example.jp", "person00005@example.jp"]);
}

#[tokio::test]
async fn whoever_left_every_list_of_the_audience_gets_nothing() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(3)).await;
    let (tenant, list) = (fixture.tenant, uuid::Uuid::now_v7());
    fixture
        .database
        .execute_as_owner(&format!(
            "INSERT INTO list (tenant_id, id, name) VALUES ('{tenant}', '{list}', 'l');
             INSERT INTO subscription (tenant_id, list_id, contact_id, status)
             SELECT '{tenant}', '{list}', id, CASE name WHEN '人1' THEN 'unsubscribed' ELSE 'subscribed' END FROM contact;
             UPDATE campaign SET audience = '{{\"all\": false, \"list_ids\": [\"{list}\"]}}';"
        ))
        .await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 2,
            skipped: 1,
            ..Counts::default()
        }
    );
    assert_eq!(
        fixture
            .rows("state = 'skipped' AND reason = 'cancelled'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_lease_that_ran_out_makes_its_deliveries_unknown_and_a_late_word_does_not_count() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap());
    let fixture = Fixture::with_clock(&sink, clock).await;
    let campaign = fixture.campaign(&addresses(3)).await;
    let (db, lost) = (&fixture.database.db, WorkerId::new());
    let turn = next_turn(db, &Except::default(), Lanes::All)
        .await
        .unwrap()
        .unwrap();
    let Claim::Batch(batch) = claim(db, lost, turn, 2).await.unwrap() else {
        panic!("a batch")
    };
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            queued: 1,
            claimed: 2,
            ..Counts::default()
        }
    );

    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(mailer.expire_leases().await.unwrap(), 0, "the lease holds");
    // Leases hang on no mailer's clock, however far it jumps.
    fixture.database.clock.advance(TimeDelta::days(1));
    assert_eq!(mailer.expire_leases().await.unwrap(), 0, "the lease holds");
    fixture
        .database
        .execute_as_owner("UPDATE delivery SET leased_until = leased_until - interval '91 s'")
        .await;
    assert_eq!(mailer.expire_leases().await.unwrap(), 2);
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 1,
            unknown: 2,
            ..Counts::default()
        }
    );
    assert!(fixture.state(campaign, "finished").await);

    let late = domain::delivery::record::Record {
        id: batch.deliveries[0].id,
        attempts: 0,
        message_id: None,
        site: None,
        at: db.now(),
        outcome: domain::delivery::outcome::Outcome::GivenBack,
    };
    let counted = domain::delivery::record::record(
        db,
        lost,
        batch.tenant_id,
        campaign,
        batch.period,
        &[late],
    )
    .await;
    assert_eq!(counted.unwrap(), 0);
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 1,
            unknown: 2,
            ..Counts::default()
        }
    );
    assert_eq!(sink.total(), 1);
}

#[tokio::test]
async fn tenants_take_turns_and_test_sends_overtake() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let many = [
        fixture.campaign(&addresses(3)).await,
        fixture.campaign(&addresses(3)).await,
    ];
    let other = domain::testing::TestTenant::create(&fixture.database.db, "other")
        .await
        .id;
    let now = fixture.database.db.now();
    let (one, urgent) = (CampaignId::new(), CampaignId::new());
    fixture
        .database
        .execute_as_owner(&format!(
            "INSERT INTO send_queue (tenant_id, campaign_id, state, due_at) VALUES ('{other}', '{one}', 'sending', '{now}')"
        ))
        .await;
    let mut turns = Vec::new();
    for _ in 0..6 {
        turns.push(
            next_turn(&fixture.database.db, &Except::default(), Lanes::All)
                .await
                .unwrap()
                .unwrap()
                .campaign_id,
        );
    }
    let of_other = turns.iter().filter(|id| **id == one).count();
    assert_eq!(
        of_other, 3,
        "half the turns, with one campaign against two: {turns:?}"
    );
    assert!(many.iter().all(|id| turns.contains(id)));
    fixture
        .database
        .execute_as_owner(&format!(
            "INSERT INTO send_queue (tenant_id, campaign_id, lane, state, due_at) VALUES ('{other}', '{urgent}', 0, 'sending', '{now}')"
        ))
        .await;
    assert_eq!(
        next_turn(&fixture.database.db, &Except::default(), Lanes::All)
            .await
            .unwrap()
            .unwrap()
            .campaign_id,
        urgent
    );
}

#[tokio::test]
async fn a_campaign_of_an_older_epoch_sends_nothing() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(3)).await;
    fixture
        .database
        .execute_as_owner("UPDATE campaign SET epoch = 1; UPDATE installation SET epoch = 2")
        .await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            queued: 3,
            ..Counts::default()
        }
    );
    assert_eq!(sink.total(), 0);
}
