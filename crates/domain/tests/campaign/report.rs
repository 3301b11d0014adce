use domain::campaign::report::{self, Report, export};
use domain::campaign::state::State;
use domain::campaign::{freeze, left_out};
use domain::contact::ContactStatus;
use domain::delivery::claim::{Claim, Claimed, Except, Lanes, claim, next_turn};
use domain::delivery::outcome::{Outcome, Reason, Reply};
use domain::delivery::read::{self, DeliveryFilter, DeliveryState};
use domain::delivery::record::{Record, record};
use domain::ids::{CampaignId, WorkerId};
use domain::page::PageRequest;
use domain::testing::sent_campaign;

use crate::support::{World, lists};

fn page(limit: i64, cursor: Option<String>) -> PageRequest {
    PageRequest {
        limit: Some(limit),
        cursor,
        count: false,
    }
}

async fn report_of(world: &World, id: CampaignId) -> Report {
    report::get(&world.database.db, &world.actor, id)
        .await
        .unwrap()
}

/// Address and reason of everybody left out, by pages of two.
async fn left_out_of(world: &World, id: CampaignId, reason: Option<&str>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let got = left_out::list(
            &world.database.db,
            &world.actor,
            id,
            reason,
            &page(2, cursor),
        )
        .await
        .unwrap();
        assert!(got.items.len() <= 2);
        all.extend(got.items.into_iter().map(|p| (p.address, p.reason)));
        cursor = got.next_cursor;
        if cursor.is_none() {
            all.sort();
            return all;
        }
    }
}

/// Every fourth accepted, put off, refused, unknown.
fn outcome(n: usize) -> Outcome {
    let reply = |code: u16| {
        Some(Reply {
            code,
            enhanced: Some(format!("{}.1.1", code / 100)),
            text: "so it is".to_owned(),
            host: "mx.example.jp".to_owned(),
            blame: None,
        })
    };
    match n % 4 {
        0 => Outcome::Accepted(reply(250).unwrap()),
        1 => Outcome::Deferred(Reason::PutOff, reply(450)),
        2 => Outcome::Failed(Reason::Rejected, reply(550)),
        _ => Outcome::Unknown(Reason::NoAnswer, None),
    }
}

/// Claims one batch and records it.
async fn send_batch(world: &World, limit: u16) -> usize {
    let (db, worker) = (&world.database.db, WorkerId::new());
    let turn = next_turn(db, &Except::default(), Lanes::All)
        .await
        .unwrap()
        .unwrap();
    let Claim::Batch(batch) = claim(db, worker, turn, limit).await.unwrap() else {
        panic!("a batch");
    };
    let outcomes = batch.deliveries.iter().enumerate();
    let records: Vec<Record> = outcomes
        .map(|(n, claimed): (usize, &Claimed)| Record {
            id: claimed.id,
            attempts: claimed.attempts,
            message_id: Some(format!("{n}@acme.example.jp")),
            site: None,
            at: db.now(),
            outcome: outcome(n),
        })
        .collect();
    record(
        db,
        worker,
        batch.tenant_id,
        batch.campaign_id,
        batch.period,
        &records,
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn who_is_left_out_is_the_same_before_and_after_freezing() {
    let world = World::new().await;
    let list = world.list("A").await;
    for n in 0..7 {
        world.contact(&format!("yes{n}@example.jp"), &[list]).await;
        let no = world.contact(&format!("no{n}@example.jp"), &[list]).await;
        let status = if n % 2 == 0 {
            ContactStatus::Unsubscribed
        } else {
            ContactStatus::Bounced
        };
        world.set_status(no, status).await;
    }
    let draft = world.campaign(lists(&[list])).await;
    let before = left_out_of(&world, draft.id, None).await;
    assert_eq!(before.len(), 7);
    assert_eq!(before[0], ("no0@example.jp".into(), "unsubscribed".into()));
    let bounced = left_out_of(&world, draft.id, Some("bounced")).await;
    assert_eq!(bounced.len(), 3);

    let db = &world.database.db;
    domain::campaign::control::send(db, &world.actor, &world.installation, draft.id, 7)
        .await
        .unwrap();
    freeze::freeze_next_chunk(db, WorkerId::new())
        .await
        .unwrap();
    assert_eq!(left_out_of(&world, draft.id, None).await, before);
    assert_eq!(
        left_out_of(&world, draft.id, Some("bounced")).await,
        bounced
    );
    assert_eq!(
        left_out_of(&world, draft.id, Some("stopped")).await,
        Vec::new()
    );
}

#[tokio::test]
async fn a_cursor_from_before_freezing_is_refused_after_it() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.contact("yes@example.jp", &[list]).await;
    for n in 0..3 {
        let no = world.contact(&format!("no{n}@example.jp"), &[list]).await;
        world.set_status(no, ContactStatus::Disabled).await;
    }
    let draft = world.campaign(lists(&[list])).await;
    let (db, actor) = (&world.database.db, &world.actor);
    let first = left_out::list(db, actor, draft.id, None, &page(2, None))
        .await
        .unwrap();
    assert!(first.next_cursor.is_some());
    domain::campaign::control::send(db, actor, &world.installation, draft.id, 1)
        .await
        .unwrap();
    let refused = left_out::list(db, actor, draft.id, None, &page(2, first.next_cursor))
        .await
        .unwrap_err();
    assert!(format!("{refused:?}").contains("wrong_sort"), "{refused:?}");
}

#[tokio::test]
async fn counters_equal_the_rows_at_every_step_and_the_report_adds_up() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.many(40, list).await;
    for n in 0..5 {
        let no = world.contact(&format!("no{n}@example.jp"), &[list]).await;
        world.set_status(no, ContactStatus::Unsubscribed).await;
    }
    let sent = world.send(lists(&[list])).await;
    let db = &world.database.db;
    let empty = report_of(&world, sent.id).await;
    assert_eq!(empty.counts.audience(), 0);
    freeze::freeze_next_chunk(db, WorkerId::new())
        .await
        .unwrap();
    check(&world, sent.id).await;

    assert_eq!(send_batch(&world, 16).await, 16);
    let report = check(&world, sent.id).await;
    assert_eq!(
        (report.counts.accepted, report.counts.deferred),
        (4, 4),
        "{:?}",
        report.counts
    );
    // Held in the middle: nothing of it gets lost.
    domain::campaign::control::pause(db, &world.actor, sent.id)
        .await
        .unwrap();
    assert_eq!(check(&world, sent.id).await.counts, report.counts);
    domain::campaign::control::resume(db, &world.actor, sent.id)
        .await
        .unwrap();
    send_batch(&world, 8).await;
    check(&world, sent.id).await;

    // Stopped for good: the rest is left out, the four put off among them.
    let stopped = domain::campaign::control::stop(db, &world.actor, sent.id)
        .await
        .unwrap();
    assert_eq!(stopped.state, State::Stopped);
    let report = check(&world, sent.id).await;
    assert_eq!(report.counts, stopped.counts);
    assert_eq!((report.counts.queued, report.counts.deferred), (0, 0));
    let stopped_people = report.reasons.iter().find(|r| r.reason == "stopped");
    assert_eq!(stopped_people.unwrap().count, 40 - 24 + 6);
}

/// The report of a campaign, after counters were held against the rows.
async fn check(world: &World, id: CampaignId) -> Report {
    let report = report_of(world, id).await;
    let counts = &report.counts;
    for (state, counted) in [
        ("queued", counts.queued),
        ("claimed", counts.claimed),
        ("accepted", counts.accepted),
        ("deferred", counts.deferred),
        ("failed", counts.failed),
        ("unknown", counts.unknown),
        ("skipped", counts.skipped),
    ] {
        let rows = format!(
            "SELECT count(*) FROM delivery WHERE campaign_id = '{id}' AND state = '{state}'"
        );
        assert_eq!(counted, world.count(&rows).await, "{state}");
    }
    let sum = |of: fn(&report::SiteCount) -> i64| report.sites.iter().map(of).sum::<i64>();
    assert_eq!(sum(|s| s.accepted), counts.accepted);
    assert_eq!(sum(|s| s.deferred), counts.deferred);
    assert_eq!(sum(|s| s.failed), counts.failed);
    assert_eq!(sum(|s| s.unknown), counts.unknown);
    let reasons: i64 = report.reasons.iter().map(|r| r.count).sum();
    assert_eq!(reasons, counts.skipped + counts.failed + counts.unknown);
    let timeline: i64 = report.timeline.iter().map(|p| p.accepted).sum();
    assert_eq!(timeline, counts.accepted);
    report
}

#[tokio::test]
async fn a_report_tells_people_from_machines_and_counts_links_and_sites() {
    let world = World::new().await;
    let id = sent_campaign(&world.database, world.tenant.id, 2_700).await;
    let report = check(&world, id).await;
    let counts = report.counts;
    assert_eq!(
        (counts.skipped, counts.failed, counts.unknown),
        (270, 270, 27)
    );
    assert_eq!(report.events.opens, counts.opened);
    assert_eq!(report.events.clicks, counts.clicked);
    let machines = world
        .count("SELECT count(*) FROM event WHERE machine AND kind = 'open'")
        .await;
    assert!(machines > 0);
    assert_eq!(report.events.machine_opens, machines);
    let links: Vec<_> = report
        .links
        .iter()
        .map(|l| (l.number, l.clicks, l.people))
        .collect();
    assert_eq!(links, [(1, counts.clicked, counts.clicked), (2, 0, 0)]);
    assert_eq!(report.sites.len(), 51, "50 sites and all others");
    assert_eq!(report.sites.last().unwrap().site, None);
    let opened: i64 = report.timeline.iter().map(|p| p.opened).sum();
    let cancelled: i64 = report.timeline.iter().map(|p| p.cancelled).sum();
    assert_eq!((opened, cancelled), (counts.opened, counts.cancelled));
    assert!(report.timeline.len() <= 121);
}

#[tokio::test]
async fn deliveries_are_found_by_state_reason_reaction_and_words_page_by_page() {
    let world = World::new().await;
    let id = sent_campaign(&world.database, world.tenant.id, 600).await;
    let (db, actor) = (&world.database.db, &world.actor);
    let all = async |filter: DeliveryFilter| {
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let got = read::list(db, actor, id, &filter, &page(37, cursor))
                .await
                .unwrap();
            found.extend(got.items);
            cursor = got.next_cursor;
            if cursor.is_none() {
                return found;
            }
        }
    };
    let everybody = all(DeliveryFilter::default()).await;
    assert_eq!(everybody.len(), 600);
    let mut ids: Vec<_> = everybody.iter().map(|d| d.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 600, "in order, nobody twice");
    let filter = |state, reason: Option<&str>, opened, q: Option<&str>| DeliveryFilter {
        state,
        reason: reason.map(str::to_owned),
        opened,
        clicked: None,
        q: q.map(str::to_owned),
    };
    let failed = all(filter(Some(DeliveryState::Failed), None, None, None)).await;
    assert_eq!(failed.len(), 60);
    assert!(
        failed
            .iter()
            .all(|d| d.reason.as_deref() == Some("rejected"))
    );
    let by_reason = all(filter(None, Some("no_answer"), None, None)).await;
    assert_eq!(by_reason.len(), 6);
    let opened = all(filter(None, None, Some(true), None)).await;
    assert!(!opened.is_empty() && opened.iter().all(|d| d.opened_at.is_some()));
    let not = all(filter(
        Some(DeliveryState::Accepted),
        None,
        Some(false),
        None,
    ))
    .await;
    assert_eq!(not.len() + opened.len(), 600 - 60 - 60 - 6);
    let one = all(filter(None, None, None, Some("p123@"))).await;
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].name.as_deref(), Some("人123"));
    let none = all(filter(
        Some(DeliveryState::Skipped),
        None,
        None,
        Some("p123@"),
    ))
    .await;
    assert!(none.is_empty());
}

#[tokio::test]
async fn words_are_found_beyond_the_walk_of_a_large_campaign() {
    let world = World::new().await;
    let id = sent_campaign(&world.database, world.tenant.id, 25_000).await;
    let filter = DeliveryFilter {
        q: Some("p24999@".to_owned()),
        ..DeliveryFilter::default()
    };
    let (db, actor) = (&world.database.db, &world.actor);
    let found = read::list(db, actor, id, &filter, &page(50, None))
        .await
        .unwrap();
    let addresses: Vec<_> = found.items.iter().map(|d| d.address.as_str()).collect();
    assert_eq!(addresses, ["p24999@site499.example.jp"]);
}

#[tokio::test]
async fn one_delivery_tells_reply_times_and_events() {
    let world = World::new().await;
    let id = sent_campaign(&world.database, world.tenant.id, 60).await;
    let (db, actor) = (&world.database.db, &world.actor);
    let filter = DeliveryFilter {
        clicked: Some(true),
        ..DeliveryFilter::default()
    };
    let found = read::list(db, actor, id, &filter, &page(1, None))
        .await
        .unwrap();
    let detail = read::get(db, actor, found.items[0].id).await.unwrap();
    assert_eq!(detail.campaign_name, "11月号");
    assert!(detail.message_id.is_some() && detail.attempted_at.is_some());
    let reply = detail.delivery.last_reply.unwrap();
    assert_eq!(
        (reply.code, reply.host.as_deref()),
        (Some(250), Some("mx.example.jp"))
    );
    let kinds: Vec<_> = detail.events.iter().map(|e| e.kind.as_str()).collect();
    assert!(
        kinds.starts_with(&["click", "open"]),
        "newest first: {kinds:?}"
    );
    assert_eq!(
        detail.events[0].url.as_deref(),
        Some("https://example.jp/one")
    );

    // Of a contact that is gone, the truth stays and leads nowhere.
    world.database.execute_as_owner("DELETE FROM contact").await;
    let orphan = read::get(db, actor, found.items[0].id).await.unwrap();
    assert_eq!(
        (orphan.delivery.contact_id, orphan.delivery.name),
        (None, None)
    );
}

#[tokio::test]
async fn the_file_has_one_row_a_person_and_no_formula() {
    let world = World::new().await;
    let id = sent_campaign(&world.database, world.tenant.id, 4_100).await;
    world
        .database
        .execute_as_owner("UPDATE contact SET name = '=1+1' WHERE email LIKE 'p7@%'")
        .await;
    let mut file = export::open(&world.database.db, &world.actor, id)
        .await
        .unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = file.next().await.unwrap() {
        assert!(piece.len() < 1_000_000, "piece by piece");
        bytes.extend(piece);
    }
    let text = String::from_utf8(bytes).unwrap();
    let text = text.strip_prefix('\u{feff}').expect("a byte order mark");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(&reader.headers().unwrap()[0], "メールアドレス");
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 4_100);
    let of = |address: &str| rows.iter().find(|row| row[0].starts_with(address)).unwrap();
    assert_eq!(&of("p7@")[1], "'=1+1");
    assert_eq!(
        (&of("p10@")[2], &of("p10@")[3]),
        ("送信せず", "配信停止済み")
    );
    assert_eq!(&of("p11@")[11], "550");
    for row in &rows {
        assert!(
            row.iter()
                .all(|cell| !cell.starts_with(['=', '+', '-', '@'])),
            "{row:?}"
        );
    }
    let taken = world
        .count("SELECT count(*) FROM audit_entry WHERE action = 'campaign.report_exported'")
        .await;
    assert_eq!(taken, 1);
}
