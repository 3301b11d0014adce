//! Pixel and counted links.

use api::state::installation;
use api::visitors::Visitors;
use chrono::TimeDelta;
use domain::delivery::token::{DeliveryToken, Purpose};
use domain::event::Visitor;
use domain::event::track::{self, Hit};

use super::{PERSON, Sent, html, is_bare};
use crate::support::Answer;

pub(super) async fn get(sent: &Sent, path: &str) -> Answer {
    sent.app.get(path).header("User-Agent", PERSON).send().await
}

pub(super) async fn flush(sent: &Sent) {
    sent.app.state.visitors.tracker.flush().await;
}

pub(super) fn hit(sent: &Sent, person: usize) -> Hit {
    let token = DeliveryToken {
        tenant: sent.tenant,
        period: sent.period(),
        delivery: sent.deliveries[person],
        purpose: Purpose::Open,
    };
    let visitor = Visitor::new(None, PERSON, None);
    Hit::of(&token, visitor, None, sent.app.state.db.now()).unwrap()
}

#[actix_web::test]
async fn opens_are_all_kept_and_a_person_is_counted_once() {
    let sent = Sent::new().await;
    for _ in 0..3 {
        let pixel = get(&sent, &sent.pixel(0)).await;
        assert_eq!(
            (pixel.status.as_u16(), pixel.header("content-type")),
            (200, "image/gif")
        );
        assert!(pixel.bytes.starts_with(b"GIF89a"));
        is_bare(&pixel);
    }
    get(&sent, &sent.pixel(1)).await;
    flush(&sent).await;
    assert_eq!(
        sent.count("event WHERE kind = 'open' AND NOT machine AND ip = '127.0.0.1'")
            .await,
        4
    );
    assert_eq!(sent.people("opened").await, 2);
    assert_eq!(
        sent.count("delivery WHERE opened_at IS NOT NULL AND clicked_at IS NULL")
            .await,
        2
    );
}

#[actix_web::test]
async fn a_click_leads_on_and_counts_the_link_the_click_and_the_open() {
    let sent = Sent::new().await;
    let answer = get(&sent, &sent.link(1, 0)).await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), "https://example.jp/news?a=1&b=2");
    assert_eq!(
        (answer.header("set-cookie"), answer.header("cache-control")),
        ("", "no-store")
    );
    get(&sent, &sent.link(1, 0)).await;
    flush(&sent).await;
    assert_eq!(
        sent.count("event WHERE kind = 'click' AND link_number = 1")
            .await,
        2
    );
    assert_eq!(
        (sent.people("clicked").await, sent.people("opened").await),
        (1, 1)
    );
    assert_eq!(
        sent.count("delivery WHERE opened_at IS NOT NULL AND clicked_at IS NOT NULL")
            .await,
        1
    );
}

#[actix_web::test]
async fn a_link_with_merge_fields_leads_each_person_to_their_own_page() {
    let sent = Sent::new().await;
    let location = async |person| {
        get(&sent, &sent.link(2, person))
            .await
            .header("location")
            .to_owned()
    };
    assert_eq!(
        location(0).await,
        "https://example.jp/in/%E6%A8%AA%E6%B5%9C"
    );
    assert_eq!(location(1).await, "https://example.jp/in/a%20b%26c");
}

#[actix_web::test]
async fn only_web_addresses_are_led_to() {
    let sent = Sent::new().await;
    for number in [0, 3, 4, u16::MAX] {
        let answer = get(&sent, &sent.link(number, 0)).await;
        assert_eq!(answer.status, 404, "link {number}");
        is_bare(&answer);
    }
    flush(&sent).await;
    assert_eq!(sent.count("event").await, 0);
}

#[actix_web::test]
async fn a_hostile_user_agent_is_cut_and_kept_as_text() {
    let sent = Sent::new().await;
    let agent = format!(
        "<script>alert(1)</script>'; DROP TABLE event; -- {}",
        "x".repeat(5000)
    );
    sent.app
        .get(&sent.pixel(0))
        .header("User-Agent", &agent)
        .send()
        .await;
    flush(&sent).await;
    let kept = sent.text("SELECT user_agent FROM event").await;
    assert_eq!(kept, agent[..300]);
}

#[actix_web::test]
async fn a_changed_bit_leads_nowhere_and_counts_nothing() {
    let sent = Sent::new().await;
    let rival = sent.app.tenant("rival").await;
    let (campaign, number) = (sent.campaign, 1);
    let click = Purpose::Click { campaign, number };
    let good = sent.token(click, 0);
    let foreign = DeliveryToken {
        tenant: rival.id,
        period: sent.period(),
        delivery: sent.deliveries[0],
        purpose: click,
    }
    .encode(&sent.app.state.keys);
    let flipped = format!("{}B{}", &good[..40], &good[41..]).replace("BB", "BC");
    for token in [
        &flipped,
        &good[..93],
        &"A".repeat(9000),
        &sent.token(Purpose::Cancel, 0),
        &foreign,
    ] {
        for path in [format!("/t/c/{token}"), format!("/t/o/{token}")] {
            let answer = get(&sent, &path).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("location")),
                (404, ""),
                "{}",
                &path[..20]
            );
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
    assert!(html(&get(&sent, "/t/c/x").await).contains("ページが見つかりません"));
    flush(&sent).await;
    assert_eq!(sent.count("event").await, 0);
}

#[actix_web::test]
async fn a_token_of_another_tenant_for_our_delivery_writes_nothing() {
    let sent = Sent::new().await;
    let rival = sent.app.tenant("rival").await;
    let token = DeliveryToken {
        tenant: rival.id,
        period: sent.period(),
        delivery: sent.deliveries[0],
        purpose: Purpose::Open,
    };
    let path = format!("/t/o/{}", token.encode(&sent.app.state.keys));
    assert_eq!(
        get(&sent, &path).await.status,
        200,
        "signed by us, and so answered"
    );
    flush(&sent).await;
    assert_eq!(sent.count("event").await, 0);
}

#[actix_web::test]
async fn links_of_a_test_send_work_and_are_not_counted() {
    let sent = Sent::new().await;
    sent.run("UPDATE campaign SET kind = 'test'").await;
    assert_eq!(get(&sent, &sent.link(1, 0)).await.status, 302);
    let merged = get(&sent, &sent.link(2, 0)).await;
    assert!(
        merged
            .header("location")
            .starts_with("https://example.jp/in/"),
        "a sample's"
    );
    get(&sent, &sent.pixel(0)).await;
    flush(&sent).await;
    assert_eq!(sent.count("event").await, 0);
    assert_eq!(sent.count("delivery WHERE opened_at IS NOT NULL").await, 0);
}

#[actix_web::test]
async fn a_batch_that_is_written_twice_counts_once() {
    let sent = Sent::new().await;
    let db = &sent.app.state.db;
    let hits = [hit(&sent, 0), hit(&sent, 0), hit(&sent, 1)];
    track::record(db, sent.tenant, &hits).await.unwrap();
    track::record(db, sent.tenant, &hits).await.unwrap();
    assert_eq!(sent.count("event").await, 3);
    assert_eq!(sent.people("opened").await, 2);
}

#[actix_web::test]
async fn hits_of_several_campaigns_count_for_each() {
    let sent = Sent::new().await;
    let (t, of_other) = (sent.tenant, sent.deliveries[1]);
    sent.run(&format!(
        "INSERT INTO campaign (tenant_id, id, name) VALUES ('{t}', 'ffffffff-0000-7000-8000-000000000000', '12月号');
         UPDATE delivery SET campaign_id = 'ffffffff-0000-7000-8000-000000000000' WHERE id = '{of_other}'"
    ))
    .await;
    let click = Hit {
        link: Some(1),
        ..hit(&sent, 1)
    };
    let hits = [hit(&sent, 0), click];
    track::record(&sent.app.state.db, t, &hits).await.unwrap();
    assert_eq!(
        sent.text(
            "SELECT string_agg(name || ' ' || value, ', ' ORDER BY campaign_id, name) FROM campaign_counter
             WHERE name IN ('opened', 'clicked')"
        )
        .await,
        "opened 1, clicked 1, opened 1"
    );
}

#[actix_web::test]
async fn a_hit_that_cannot_be_written_holds_up_no_other() {
    let sent = Sent::new().await;
    let tracker = &sent.app.state.visitors.tracker;
    let no_partition = Hit {
        at: sent.app.state.db.now() + TimeDelta::days(4000),
        ..hit(&sent, 0)
    };
    for hit in [hit(&sent, 0), no_partition, hit(&sent, 1)] {
        tracker.record(hit).await;
    }
    tracker.flush().await;
    assert_eq!(sent.count("event").await, 2);
    assert_eq!(sent.people("opened").await, 2);
}

#[actix_web::test]
async fn what_is_queued_is_written_before_the_process_ends() {
    let sent = Sent::new().await;
    let state = &sent.app.state;
    let visitors = Visitors::new(state.db.clone(), installation(&state.config, &state.keys));
    for n in 0..5000 {
        visitors.tracker.record(hit(&sent, n % 2)).await;
    }
    let running = visitors.tracker.start().unwrap();
    running.stop().await;
    assert_eq!(sent.count("event").await, 5000);
    assert_eq!(sent.people("opened").await, 2);
}

#[actix_web::test]
async fn one_mail_opened_without_end_fills_no_table() {
    let sent = Sent::new().await;
    let pixel = sent.pixel(0);
    let calls = (0..400).map(|_| get(&sent, &pixel));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.status, 200);
    }
    flush(&sent).await;
    let kept = sent.count("event").await;
    assert!((300..=600).contains(&kept), "{kept}");
    assert_eq!(sent.people("opened").await, 1);
}
