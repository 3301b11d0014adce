//! What tells a machine: by one request, and by several.

use actix_web::http::Method;
use chrono::TimeDelta;
use domain::event::track::{self, Hit};
use domain::ids::EventId;
use serde_json::Value;

use super::track::{flush, get, hit};
use super::{PERSON, Sent};

#[actix_web::test]
async fn machines_are_kept_apart_and_counted_nowhere() {
    let sent = Sent::new().await;
    for agent in [
        "Mozilla/5.0 (compatible; Googlebot/2.1)",
        "curl/8.14",
        "Mozilla/5.0",
    ] {
        sent.app
            .get(&sent.link(1, 0))
            .header("User-Agent", agent)
            .send()
            .await;
    }
    let prefetch = sent.app.get(&sent.pixel(0)).header("User-Agent", PERSON);
    prefetch
        .header("Sec-Purpose", "prefetch;prerender")
        .send()
        .await;
    for path in [sent.pixel(0), sent.link(1, 0)] {
        let head = sent
            .app
            .call(Method::HEAD, &path)
            .header("User-Agent", PERSON)
            .send()
            .await;
        assert!(
            head.bytes.is_empty() && head.status.as_u16() < 400,
            "{}",
            head.status
        );
    }
    flush(&sent).await;
    assert_eq!(sent.count("event WHERE machine").await, 6);
    assert_eq!(
        sent.text("SELECT string_agg(rule, ' ' ORDER BY rule) FROM (SELECT machine_rule || ':' || count(*) AS rule FROM event GROUP BY machine_rule) r")
            .await,
        "head_request:2 known_program:2 prefetch:1 privacy_proxy:1"
    );
    assert_eq!(sent.count("event WHERE NOT machine").await, 0);
    assert_eq!(
        (sent.people("opened").await, sent.people("clicked").await),
        (0, 0)
    );
    assert_eq!(sent.count("delivery WHERE opened_at IS NOT NULL").await, 0);
}

/// Hits of a browser, each `(link, milliseconds after now)`; link 0 is an open.
fn hits(sent: &Sent, person: usize, of: &[(u16, i64)]) -> Vec<Hit> {
    let now = sent.app.state.db.now();
    of.iter()
        .map(|(link, ms)| Hit {
            id: EventId::new(),
            link: Some(*link).filter(|link| *link != 0),
            at: now + TimeDelta::milliseconds(*ms),
            ..hit(sent, person)
        })
        .collect()
}

async fn people(sent: &Sent) -> (i64, i64) {
    (sent.people("opened").await, sent.people("clicked").await)
}

/// Events by kind and rule, and the deliveries that are opened and clicked.
async fn standing(sent: &Sent) -> String {
    sent.text(
        "SELECT concat_ws(' / ', (SELECT string_agg(kind || ' ' || coalesce(machine_rule, 'person'), ', ' ORDER BY at) FROM event),
                (SELECT count(opened_at) || ' ' || count(clicked_at) FROM delivery))",
    )
    .await
}

#[actix_web::test]
async fn a_scanner_with_a_browsers_name_is_told_by_its_haste() {
    let sent = Sent::new().await;
    let db = &sent.app.state.db;
    let scanner = hits(&sent, 0, &[(0, 0), (1, 500), (2, 600), (3, 700)]);
    let person = hits(&sent, 1, &[(1, 0), (2, 2_000), (3, 4_000)]);
    let both = [scanner, person].concat();
    // Written twice, as when its commit was not heard of.
    for _ in 0..2 {
        track::record(db, sent.tenant, &both).await.unwrap();
        assert_eq!(
            sent.count("event WHERE machine_rule = 'many_links'").await,
            4
        );
        assert_eq!(
            sent.count("event WHERE NOT machine AND machine_rule IS NULL")
                .await,
            3
        );
        assert_eq!(people(&sent).await, (1, 1));
        assert_eq!(sent.count("delivery WHERE opened_at IS NOT NULL").await, 1);
    }
}

#[actix_web::test]
async fn what_was_counted_of_a_burst_before_it_showed_is_taken_back() {
    let sent = Sent::new().await;
    let db = &sent.app.state.db;
    let record = async |of: &[(u16, i64)]| {
        let hits = hits(&sent, 0, of);
        track::record(db, sent.tenant, &hits).await.unwrap();
    };
    let all = hits(
        &sent,
        0,
        &[(0, 0), (1, 300), (2, 600), (3, 900), (0, 1_200)],
    );
    for (until, seen, counted) in [
        (2, "open person, click person / 1 1", (1, 1)),
        (3, "open person, click person, click person / 1 1", (1, 1)),
        (
            4,
            "open many_links, click many_links, click many_links, click many_links / 0 0",
            (0, 0),
        ),
        (
            5,
            "open many_links, click many_links, click many_links, click many_links, open many_links / 0 0",
            (0, 0),
        ),
    ] {
        let from = if until == 2 { 0 } else { until - 1 };
        track::record(db, sent.tenant, &all[from..until])
            .await
            .unwrap();
        assert_eq!(standing(&sent).await, seen);
        assert_eq!(people(&sent).await, counted, "{seen}");
    }
    // The person comes later, and is the first.
    record(&[(1, 60_000)]).await;
    assert_eq!(people(&sent).await, (1, 1));
    assert_eq!(
        sent.count("delivery d WHERE opened_at = clicked_at AND clicked_at = (SELECT at FROM event WHERE NOT machine)")
            .await,
        1
    );
}

#[actix_web::test]
async fn who_had_read_before_a_scanner_came_stays_a_reader() {
    let sent = Sent::new().await;
    let db = &sent.app.state.db;
    let before = hits(&sent, 0, &[(0, -600_000), (1, -500_000)]);
    track::record(db, sent.tenant, &before).await.unwrap();
    for one in hits(&sent, 0, &[(1, 0), (2, 100), (3, 200)]) {
        track::record(db, sent.tenant, &[one]).await.unwrap();
    }
    assert_eq!(sent.count("event WHERE machine").await, 3);
    assert_eq!(people(&sent).await, (1, 1));
    assert_eq!(
        sent.count("delivery WHERE clicked_at < now() - interval '400 seconds'")
            .await,
        1
    );
}

#[actix_web::test]
async fn of_a_mail_that_was_only_just_accepted_two_links_tell() {
    let sent = Sent::new().await;
    let db = &sent.app.state.db;
    for (person, accepted) in [(0, "2 seconds"), (1, "10 minutes")] {
        let id = sent.deliveries[person];
        sent.run(&format!(
            "UPDATE delivery SET state = 'accepted', accepted_at = now() - interval '{accepted}' WHERE id = '{id}'"
        ))
        .await;
        let two = hits(&sent, person, &[(1, 0), (2, 300)]);
        track::record(db, sent.tenant, &two).await.unwrap();
    }
    assert_eq!(
        sent.count("event WHERE machine_rule = 'many_links'").await,
        2
    );
    assert_eq!(people(&sent).await, (1, 1));
}

#[actix_web::test]
async fn halves_of_a_burst_in_two_processes_are_seen_as_one() {
    let sent = Sent::new().await;
    let db = &sent.app.state.db;
    let all = hits(&sent, 0, &[(1, 0), (2, 100), (3, 200), (0, 300)]);
    let (one, other) = all.split_at(2);
    let (one, other) = futures_util::future::join(
        track::record(db, sent.tenant, one),
        track::record(db, sent.tenant, other),
    )
    .await;
    one.unwrap();
    other.unwrap();
    assert_eq!(
        sent.count("event WHERE machine_rule = 'many_links'").await,
        4
    );
    assert_eq!(people(&sent).await, (0, 0));
}

#[actix_web::test]
async fn clicks_of_a_burst_and_an_open_in_two_processes_are_seen_as_one() {
    let sent = Sent::new().await;
    let db = &sent.app.state.db;
    let clicks = |person| hits(&sent, person, &[(1, 0), (2, 100), (3, 200)]);
    let open = |person| hits(&sent, person, &[(0, 300)]);
    // Either may be the first.
    for (one, other) in [(clicks(0), open(0)), (open(1), clicks(1))] {
        let (one, other) = futures_util::future::join(
            track::record(db, sent.tenant, &one),
            track::record(db, sent.tenant, &other),
        )
        .await;
        one.unwrap();
        other.unwrap();
    }
    assert_eq!(
        sent.count("event WHERE machine_rule = 'many_links'").await,
        8
    );
    assert_eq!(people(&sent).await, (0, 0));
    assert_eq!(sent.count("delivery WHERE opened_at IS NOT NULL").await, 0);
}

#[actix_web::test]
async fn opens_that_come_alone_are_judged_by_when_the_burst_was() {
    let sent = Sent::new().await;
    let db = &sent.app.state.db;
    let clicks = hits(&sent, 0, &[(1, 0), (2, 100), (3, 200)]);
    let mut opens = hits(
        &sent,
        0,
        &[(0, -3_900), (0, -2_900), (0, 3_100), (0, 4_200)],
    );
    track::record(db, sent.tenant, &clicks).await.unwrap();
    // Written twice, as when its commit was not heard of.
    for _ in 0..2 {
        track::record(db, sent.tenant, &opens[1..]).await.unwrap();
        assert_eq!(
            standing(&sent).await,
            "open many_links, click many_links, click many_links, click many_links, open many_links, open person / 1 0"
        );
        assert_eq!(people(&sent).await, (1, 0));
        assert_eq!(
            sent.count("delivery d WHERE opened_at = (SELECT at FROM event WHERE NOT machine)")
                .await,
            1,
            "not the scanner's"
        );
    }
    opens.truncate(1);
    track::record(db, sent.tenant, &opens).await.unwrap();
    assert_eq!(sent.count("event WHERE NOT machine").await, 2);
}

#[actix_web::test]
async fn what_can_be_no_burst_asks_for_no_other_events() {
    let sent = Sent::new().await;
    let db = &sent.app.state.db;
    let opens = hits(&sent, 0, &[(0, 0), (0, 100)]);
    let first_click = hits(&sent, 0, &[(1, 60_000), (1, 60_100), (0, 60_200)]);
    let second_click = hits(&sent, 0, &[(1, 120_000)]);
    let two_links = hits(&sent, 1, &[(1, 0), (2, 100)]);
    // What writes them needs to read; not what others did and when.
    sent.run(
        "REVOKE SELECT ON event FROM kikubari_app; GRANT SELECT (campaign_id) ON event TO kikubari_app",
    )
    .await;
    track::record(db, sent.tenant, &opens).await.unwrap();
    assert_eq!(standing(&sent).await, "open person, open person / 1 0");
    track::record(db, sent.tenant, &first_click).await.unwrap();
    assert_eq!(people(&sent).await, (1, 1));
    for suspect in [second_click, two_links] {
        assert!(track::record(db, sent.tenant, &suspect).await.is_err());
    }
    assert_eq!(sent.count("event").await, 5);
    assert_eq!(people(&sent).await, (1, 1));
}

#[actix_web::test]
async fn the_rule_and_its_evidence_are_shown_with_the_mail_and_with_the_person() {
    let sent = Sent::new().await;
    let (delivery, contact) = (sent.deliveries[0], sent.contacts[0]);
    sent.run(&format!(
        "UPDATE delivery SET state = 'accepted', accepted_at = now() - interval '90 seconds' WHERE id = '{delivery}'"
    ))
    .await;
    let scanner = sent
        .app
        .get(&sent.link(1, 0))
        .header("User-Agent", "BarracudaCentral");
    scanner.send().await;
    get(&sent, &sent.pixel(0)).await;
    flush(&sent).await;
    let read = async |path: &str| sent.app.get(path).by(&sent.access).send().await.expect(200);
    let mail = read(&format!("/v1/deliveries/{delivery}")).await;
    let of = |kind: &str| {
        let events = mail["events"].as_array().unwrap();
        events
            .iter()
            .find(|event| event["kind"] == kind)
            .unwrap()
            .clone()
    };
    let click = of("click");
    assert_eq!(click["machine_rule"], "known_program");
    assert_eq!(
        (click["user_agent"].as_str(), click["ip"].as_str()),
        (Some("BarracudaCentral"), Some("127.0.0.1"))
    );
    let seconds = click["seconds_after_acceptance"].as_i64().unwrap();
    assert!((90..300).contains(&seconds), "{seconds}");
    let open = of("open");
    assert_eq!(
        (&open["machine_rule"], &open["ip"]),
        (&Value::Null, &Value::Null),
        "a person's"
    );
    let history = read(&format!("/v1/contacts/{contact}/timeline")).await;
    let entries = history["items"].as_array().unwrap();
    let clicked = entries
        .iter()
        .find(|entry| entry["kind"] == "clicked")
        .unwrap();
    assert_eq!(clicked["summary"]["machine_rule"], "known_program");
    assert_eq!(clicked["summary"]["user_agent"], "BarracudaCentral");
    assert_eq!(clicked["summary"]["ip"], "127.0.0.1");
    let opened = entries
        .iter()
        .find(|entry| entry["kind"] == "opened")
        .unwrap();
    assert!(opened["summary"].get("ip").is_none());
}
