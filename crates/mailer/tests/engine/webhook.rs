//! Webhooks: what goes out, where it may go, and what a hostile receiver can do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{TimeZone, Utc};
use domain::Actor;
use domain::clock::Clock;
use domain::egress::{EgressConfig, Rules};
use domain::ids::WebhookId;
use domain::webhook::sign::{parse, signature};
use domain::webhook::{self, NewWebhook, Topic, log};
use mailer::egress::{Client, Patience};
use mailer::webhook::Webhooks;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Authority, Fixture, Options, Sink, Zone, addresses};

/// A request as a receiver saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    head: String,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).unwrap().1
    }

    fn items(&self) -> Vec<Value> {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["data"].as_array().unwrap().clone()
    }
}

/// A receiver on the loopback address.
pub(crate) struct Receiver {
    port: u16,
    seen: Arc<std::sync::Mutex<Vec<Seen>>>,
}

impl Receiver {
    pub(crate) async fn start(answer: &'static str) -> Self {
        Self::with(move |mut stream: TcpStream| async move {
            stream.write_all(answer.as_bytes()).await.ok();
            stream.shutdown().await.ok();
        })
        .await
    }

    /// Answers as `answer` does, after each request was read.
    pub(crate) async fn with<F: Future<Output = ()> + Send>(
        answer: impl Fn(TcpStream) -> F + Send + Sync + Clone + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<std::sync::Mutex<Vec<Seen>>>::default();
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, answer) = (Arc::clone(&kept), answer.clone());
                tokio::spawn(async move {
                    if let Some(request) = read(&mut stream).await {
                        kept.lock().unwrap().push(request);
                        answer(stream).await;
                    }
                });
            }
        });
        Self { port, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook?x=1", self.port)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() >= length.unwrap().parse().unwrap() {
                return Some(Seen {
                    head: head.to_owned(),
                    body: body.to_owned(),
                });
            }
        }
        match stream.read(&mut buffer).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

pub(crate) fn inside() -> Rules {
    let config = EgressConfig {
        egress_inside: "127.0.0.0/8".to_owned(),
    };
    config.rules().unwrap()
}

pub(crate) async fn add(
    fixture: &Fixture,
    url: &str,
    events: &[Topic],
) -> (WebhookId, SecretString) {
    let new = NewWebhook {
        url: url.to_owned(),
        description: String::new(),
        events: events.to_vec(),
        enabled: true,
    };
    let actor = Actor::operator(fixture.tenant);
    let (made, secret) =
        webhook::create(&fixture.database.db, &fixture.keys, &inside(), &actor, new)
            .await
            .unwrap();
    (made.id, secret)
}

pub(crate) fn sender(
    fixture: &Fixture,
    rules: Rules,
    zone: Option<std::net::SocketAddr>,
) -> Webhooks {
    let patience = Patience {
        connect: Duration::from_secs(5),
        total: Duration::from_secs(10),
    };
    let client = Client::new(Authority::new().trusted(), patience);
    Webhooks::with_client(&fixture.database.db, &fixture.keys, rules, zone, client).unwrap()
}

/// A test event to a receiver; what stands in the log after it.
pub(crate) async fn said(fixture: &Fixture, id: WebhookId, sender: &Webhooks) -> String {
    let actor = Actor::operator(fixture.tenant);
    let message = log::send_test(&fixture.database.db, &actor, id)
        .await
        .unwrap();
    sender.drain().await.unwrap();
    let sql = format!(
        "SELECT concat_ws(' ', state, status, error) FROM webhook_message WHERE id = '{}'",
        message.id
    );
    fixture.database.text(&sql).await
}

/// The clock stands still: what failed is not tried again meanwhile.
pub(crate) async fn world() -> Fixture {
    let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap());
    Fixture::with_clock(&Sink::start(Options::default()).await, clock).await
}

#[tokio::test]
async fn a_campaign_is_told_mail_by_mail_once_and_signed() {
    let sink = Sink::start(Options::default()).await;
    let fixture = Fixture::new(&sink).await;
    let receiver = Receiver::start(OK).await;
    let events = [Topic::DeliveryAccepted, Topic::CampaignFinished];
    let (_, secret) = add(&fixture, &receiver.url(), &events).await;
    fixture.campaign(&addresses(500)).await;
    fixture.mailer().drain().await.unwrap();
    sender(&fixture, inside(), None).drain().await.unwrap();
    let seen = receiver.seen();
    let of = |topic: &str| -> Vec<Value> {
        let of_topic = |seen: &&Seen| seen.body.starts_with(&format!("{{\"type\": \"{topic}\""));
        seen.iter().filter(of_topic).flat_map(Seen::items).collect()
    };
    let mut people: Vec<String> = of("delivery.accepted")
        .iter()
        .map(|item| item["email"].as_str().unwrap().to_owned())
        .collect();
    people.sort();
    assert_eq!(people, addresses(500));
    assert_eq!(of("campaign.finished").len(), 1);
    assert!(
        seen.len() < 20,
        "{} requests: events are put together",
        seen.len()
    );
    for request in &seen {
        assert!(request.head.starts_with("POST /hook?x=1 HTTP/1.1\r\n"));
        let (id, at) = (
            request.header("webhook-id"),
            request.header("webhook-timestamp"),
        );
        let secrets = [parse(&secret).unwrap()];
        let expected = signature(&secrets, id, at.parse().unwrap(), &request.body);
        assert_eq!(request.header("webhook-signature"), expected);
        assert_eq!(request.header("content-type"), "application/json");
    }
    second_opinion(&seen[0], &secret);
}

/// Python's standard library checks a signature as the specification says.
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks another program for a second opinion"
)]
fn second_opinion(seen: &Seen, secret: &SecretString) {
    const SCRIPT: &str = "
import base64, hashlib, hmac, json, sys
case = json.load(sys.stdin)
key = base64.b64decode(case['secret'].removeprefix('whsec_'))
signed = f\"{case['id']}.{case['at']}.{case['body']}\".encode()
expected = 'v1,' + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
assert any(hmac.compare_digest(expected, one) for one in case['signature'].split(' '))
";
    let Ok(python) = std::env::var("KIKUBARI_PYTHON") else {
        return;
    };
    let case = serde_json::json!({
        "secret": secret.expose_secret(), "id": seen.header("webhook-id"), "at": seen.header("webhook-timestamp"),
        "body": seen.body, "signature": seen.header("webhook-signature")
    });
    let mut child = std::process::Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), case.to_string().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn a_sender_that_is_killed_in_the_middle_leaves_nothing_out() {
    let fixture = world().await;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let dead = Arc::new(AtomicBool::new(true));
    let hangs = Arc::clone(&dead);
    let receiver = Receiver::with(move |mut stream| {
        let (told, hangs) = (told.clone(), Arc::clone(&hangs));
        async move {
            told.send(()).ok();
            if hangs.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            stream.write_all(OK.as_bytes()).await.ok();
        }
    })
    .await;
    let (id, _) = add(&fixture, &receiver.url(), &[Topic::ContactCreated]).await;
    let actor = Actor::operator(fixture.tenant);
    let new = domain::contact::NewContact {
        email: "taro@example.jp".into(),
        ..Default::default()
    };
    domain::contact::create(&fixture.database.db, &actor, new, "manual")
        .await
        .unwrap();
    let first = sender(&fixture, inside(), None);
    let running = tokio::spawn(async move { first.drain().await });
    heard.recv().await.unwrap();
    running.abort();
    running.await.ok();
    dead.store(false, Ordering::SeqCst);
    let free = "UPDATE webhook_queue SET leased_until = now() - interval '1 second'";
    fixture.database.execute_as_owner(free).await;
    sender(&fixture, inside(), None).drain().await.unwrap();
    let seen = receiver.seen();
    assert_eq!(seen.len(), 2, "once before, once after");
    assert_eq!(seen[0].header("webhook-id"), seen[1].header("webhook-id"));
    assert_eq!(seen[0].body, seen[1].body);
    let page = log::list(
        &fixture.database.db,
        &actor,
        id,
        &log::Filter::default(),
        &Default::default(),
    )
    .await
    .unwrap();
    assert_eq!(
        (page.items.len(), page.items[0].state),
        (1, webhook::State::Delivered)
    );
}

#[tokio::test]
async fn both_secrets_sign_while_they_rotate() {
    let fixture = world().await;
    let receiver = Receiver::start(OK).await;
    let (id, old) = add(&fixture, &receiver.url(), &[Topic::ContactCreated]).await;
    let actor = Actor::operator(fixture.tenant);
    let (_, new) = webhook::rotate_secret(&fixture.database.db, &fixture.keys, &actor, id)
        .await
        .unwrap();
    assert_eq!(
        said(&fixture, id, &sender(&fixture, inside(), None)).await,
        "delivered 200"
    );
    let seen = receiver.seen().remove(0);
    assert_eq!(seen.header("webhook-signature").split(' ').count(), 2);
    second_opinion(&seen, &old);
    second_opinion(&seen, &new);
}

#[tokio::test]
async fn a_name_that_leads_to_the_inside_is_not_asked_whatever_it_led_to_before() {
    let fixture = world().await;
    let receiver = Receiver::start(OK).await;
    let zone = Zone::default();
    zone.a("rebind.example.jp", "127.0.0.1");
    zone.a("meta.example.jp", "169.254.169.254");
    let server = zone.serve().await;
    let url = format!("https://rebind.example.jp:{}/", receiver.port);
    let (id, _) = add(&fixture, &url, &[Topic::ContactCreated]).await;
    let (meta, _) = add(
        &fixture,
        "https://meta.example.jp/",
        &[Topic::ContactCreated],
    )
    .await;
    let (other, _) = add(
        &fixture,
        "https://nowhere.example.jp/",
        &[Topic::ContactCreated],
    )
    .await;
    // The operator's leave for 10.1.0.0/16 is none for this machine.
    let rules = EgressConfig {
        egress_inside: "10.1.0.0/16".to_owned(),
    };
    let strict = sender(&fixture, rules.rules().unwrap(), Some(server));
    let refused = "pending the name leads to an address that may not be asked";
    assert_eq!(said(&fixture, id, &strict).await, refused);
    assert_eq!(said(&fixture, meta, &strict).await, refused);
    assert_eq!(
        said(&fixture, other, &strict).await,
        "pending the name has no address"
    );
    assert_eq!(receiver.seen().len(), 0);
    let asked = zone.asked(
        "rebind.example.jp",
        hickory_resolver::proto::rr::RecordType::A,
    );
    assert_eq!(
        asked, 1,
        "looked up once, so that a second answer has no chance"
    );
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let fixture = world().await;
    let inner = Receiver::start(OK).await;
    let location = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        inner.url()
    );
    let receiver = Receiver::start(location.leak()).await;
    let (id, _) = add(&fixture, &receiver.url(), &[Topic::ContactCreated]).await;
    assert_eq!(
        said(&fixture, id, &sender(&fixture, inside(), None)).await,
        "pending 307 HTTP 307"
    );
    assert_eq!((receiver.seen().len(), inner.seen().len()), (1, 0));
}

#[tokio::test]
async fn an_answer_that_comes_by_drops_or_never_ends_is_cut_off() {
    let fixture = world().await;
    let slow = Receiver::with(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.ok();
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        while stream.write_all(b"X: y\r\n").await.is_ok() {
            ticks.tick().await;
        }
    })
    .await;
    let huge = Receiver::with(|mut stream| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await
            .ok();
        while stream
            .write_all(&[b"400\r\n".as_slice(), &[b'x'; 0x400], b"\r\n"].concat())
            .await
            .is_ok()
        {}
    })
    .await;
    let endless = Receiver::with(|mut stream| async move {
        while stream
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            .await
            .is_ok()
        {}
    })
    .await;
    let sender = sender(&fixture, inside(), None);
    for (receiver, expected) in [
        (&slow, "pending the answer did not come in time"),
        (&huge, "delivered 200"),
        (&endless, "pending the answer is no HTTP"),
    ] {
        let (id, _) = add(&fixture, &receiver.url(), &[Topic::ContactCreated]).await;
        assert_eq!(said(&fixture, id, &sender).await, expected);
    }
    let kept = "SELECT max(length(answer)) FROM webhook_attempt";
    assert_eq!(fixture.database.text(kept).await, "2048");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let fixture = world().await;
    let authority = Authority::new();
    let (address, count) = authority.policy("hooks.example.jp", "x").await;
    let zone = Zone::default();
    zone.a("hooks.example.jp", "127.0.0.1");
    let server = zone.serve().await;
    let url = format!("https://hooks.example.jp:{}/", address.port());
    let (id, _) = add(&fixture, &url, &[Topic::ContactCreated]).await;
    let said = said(&fixture, id, &sender(&fixture, inside(), Some(server))).await;
    assert!(said.starts_with("pending TLS: "), "{said}");
    assert_eq!(
        count.load(Ordering::SeqCst),
        1,
        "it was asked, and nothing was sent"
    );
}

#[tokio::test]
async fn one_address_gets_eight_requests_at_a_time_and_no_more() {
    let fixture = world().await;
    let barrier = Arc::new(tokio::sync::Barrier::new(8));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen_at_once = Arc::clone(&most);
    let receiver = Receiver::with(move |mut stream| {
        let (barrier, now, most) = (Arc::clone(&barrier), Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            barrier.wait().await;
            now.fetch_sub(1, Ordering::SeqCst);
            stream.write_all(OK.as_bytes()).await.ok();
        }
    })
    .await;
    let (id, _) = add(&fixture, &receiver.url(), &[Topic::ContactCreated]).await;
    let actor = Actor::operator(fixture.tenant);
    for _ in 0..16 {
        log::send_test(&fixture.database.db, &actor, id)
            .await
            .unwrap();
    }
    sender(&fixture, inside(), None).drain().await.unwrap();
    assert_eq!(receiver.seen().len(), 16);
    assert_eq!(seen_at_once.load(Ordering::SeqCst), 8);
}
