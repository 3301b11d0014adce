//! Receivers that say when they want to be asked again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::Utc;
use domain::Actor;
use domain::ids::WebhookId;
use domain::webhook::Topic;
use tokio::io::AsyncWriteExt;

use crate::support::Fixture;
use crate::webhook::{OK, Receiver, add, inside, said, sender, world};

/// Seconds from now until the message, and the webhook, are due again.
async fn put_off(fixture: &Fixture, id: WebhookId) -> (i64, i64) {
    let seconds = async |sql: String| -> i64 {
        let text = fixture.database.text(&sql).await;
        let at: chrono::DateTime<Utc> = text.parse().unwrap();
        (at - fixture.database.db.now()).num_seconds()
    };
    let of = |column: &str, table: &str| {
        let iso = "to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
            .replace("%s", column);
        format!("SELECT {iso} FROM {table} WHERE webhook_id = '{id}'")
    };
    let message = seconds(of("due_at", "webhook_message")).await;
    (message, seconds(of("due_at", "webhook_queue")).await)
}

#[tokio::test]
async fn a_receiver_that_says_when_to_come_back_is_left_alone_until_then() {
    let fixture = world().await;
    // By the clock of `world`, 03:00.
    let by_date = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: Fri, 20 Nov 2026 03:10:00 GMT\r\nContent-Length: 0\r\n\r\n";
    let too_many =
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 900\r\nContent-Length: 0\r\n\r\n";
    let for_ever = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n";
    let at_once = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
    let no_say =
        "HTTP/1.1 500 Internal Server Error\r\nRetry-After: 900\r\nContent-Length: 0\r\n\r\n";
    let sender = sender(&fixture, inside(), None);
    for (answer, error, expected) in [
        (by_date, "HTTP 503", (600, 600)),
        (too_many, "HTTP 429", (900, 900)),
        (for_ever, "HTTP 429", (86_400, 86_400)),
        (at_once, "HTTP 429", (4, 4)),
        (no_say, "HTTP 500", (4, 4)),
    ] {
        let receiver = Receiver::start(answer).await;
        let (id, _) = add(&fixture, &receiver.url(), &[Topic::ContactCreated]).await;
        let text = said(&fixture, id, &sender).await;
        assert_eq!(text, format!("pending {} {error}", &error[5..]));
        let (message, webhook) = put_off(&fixture, id).await;
        let own = |seconds: i64| {
            if expected.0 == 4 {
                (4..=6).contains(&seconds)
            } else {
                false
            }
        };
        assert!(
            (message, webhook) == expected || (own(message) && own(webhook)),
            "{answer}: {message} {webhook}"
        );
    }
}

#[tokio::test]
async fn what_comes_up_while_a_receiver_wants_to_be_left_alone_waits_as_well() {
    let fixture = world().await;
    let busy = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&busy);
    let receiver = Receiver::with(move |mut stream| {
        let asked = Arc::clone(&asked);
        async move {
            let busy =
                "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n";
            let answer = if asked.load(Ordering::SeqCst) {
                busy
            } else {
                OK
            };
            stream.write_all(answer.as_bytes()).await.ok();
        }
    })
    .await;
    let (id, _) = add(&fixture, &receiver.url(), &[Topic::ContactCreated]).await;
    let sender = sender(&fixture, inside(), None);
    said(&fixture, id, &sender).await;
    let new = domain::contact::NewContact {
        email: "taro@example.jp".into(),
        ..Default::default()
    };
    let actor = Actor::operator(fixture.tenant);
    domain::contact::create(&fixture.database.db, &actor, new, "manual")
        .await
        .unwrap();
    sender.drain().await.unwrap();
    fixture
        .database
        .clock
        .advance(chrono::TimeDelta::seconds(119));
    sender.drain().await.unwrap();
    assert_eq!(receiver.seen().len(), 1, "left alone");
    busy.store(false, Ordering::SeqCst);
    fixture
        .database
        .clock
        .advance(chrono::TimeDelta::seconds(2));
    sender.drain().await.unwrap();
    assert_eq!(receiver.seen().len(), 3);
    let open = "SELECT count(*)::text FROM webhook_message WHERE state <> 'delivered'";
    assert_eq!(fixture.database.text(open).await, "0");
}
