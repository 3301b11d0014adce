//! One call, one mail to one person.

use chrono::TimeDelta;
use domain::clock::Clock;
use domain::delivery::read::{self, DeliveryDetail, DeliveryState};
use domain::idempotency::{self, Answer, Claim, Claimed, Promise};
use domain::ids::{MailId, TenantId};
use domain::mail::content::{ContentChange, TextMode};
use domain::mail::render::Installation;
use domain::mail::{self, NewMail};
use domain::transactional::{self, NewSend, To};
use domain::{Actor, DomainError, Result};
use serde_json::{Map, Value, json};

use crate::support::{Action, Fixture, Sink, addresses};

/// A mail that confirms an order.
pub(crate) async fn confirmation(fixture: &Fixture, tenant: TenantId) -> MailId {
    let new = NewMail {
        name: "ご注文の確認".to_owned(),
        content: ContentChange {
            subject: Some("ご注文 {{ order_no }} を承りました".to_owned()),
            sender_name: Some("気配り商店".to_owned()),
            sender_address: Some("order@example.co.jp".to_owned()),
            text: Some(
                "{{ name | sama }}\n{% for item in items %}{{ item.title }} {{ item.count }}点\n{% endfor %}".to_owned(),
            ),
            html: Some(
                "<html><body><p>{{ name | sama }}</p><a href=\"https://example.co.jp/orders/{{ order_no }}\">注文</a> \
                 <a href=\"https://example.co.jp/help\">ヘルプ</a></body></html>"
                    .to_owned(),
            ),
            text_mode: Some(TextMode::Manual),
            ..ContentChange::default()
        },
        ..NewMail::default()
    };
    let actor = Actor::operator(tenant);
    mail::create(&fixture.database.db, &actor, new)
        .await
        .unwrap()
        .id
}

pub(crate) fn order(number: &str) -> Map<String, Value> {
    let values = json!({"order_no": number, "items": [{"title": "珈琲", "count": 2}, {"title": "紅茶", "count": 1}]});
    values.as_object().unwrap().clone()
}

pub(crate) async fn send_to(
    fixture: &Fixture,
    actor: &Actor,
    mail_id: MailId,
    address: &str,
    values: Map<String, Value>,
) -> Result<DeliveryDetail> {
    let new = NewSend {
        mail_id,
        to: To::Address(address.to_owned()),
        values,
    };
    let installation = Installation {
        public_url: "https://mail.example".to_owned(),
        keys: std::sync::Arc::clone(&fixture.keys),
    };
    transactional::send(&fixture.database.db, actor, &installation, new, None).await
}

async fn look_up(fixture: &Fixture, actor: &Actor, sent: &DeliveryDetail) -> DeliveryDetail {
    read::get(&fixture.database.db, actor, sent.delivery.id)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_mail_to_somebody_unknown_is_filled_in_with_the_calls_values_and_can_be_looked_up() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let actor = Actor::operator(fixture.tenant);
    let mail = confirmation(&fixture, fixture.tenant).await;
    let mut values = order("A-1024");
    values.insert("name".to_owned(), json!("髙橋 太郎"));
    let sent = send_to(&fixture, &actor, mail, "a..b@DOCOMO.ne.jp", values)
        .await
        .unwrap();
    assert_eq!(sent.delivery.state, DeliveryState::Queued);
    fixture.mailer().drain().await.unwrap();

    let after = look_up(&fixture, &actor, &sent).await;
    assert_eq!(after.delivery.state, DeliveryState::Accepted);
    assert_eq!(after.delivery.last_reply.unwrap().code, Some(250));
    assert_eq!(after.delivery.contact_id, None);
    assert_eq!(after.campaign_name, "ご注文の確認");
    let mail = sink.mails().pop().unwrap();
    assert_eq!(mail.to, "\"a..b\"@docomo.ne.jp");
    assert_eq!(mail.headers("Auto-Submitted"), ["auto-generated"]);
    assert_eq!(mail.headers("List-Unsubscribe"), Vec::<String>::new());
    assert!(mail.headers("Feedback-ID")[0].contains(":transactional:"));
    let parsed = mail_parser::MessageParser::default()
        .parse(&mail.content)
        .unwrap();
    assert_eq!(parsed.subject(), Some("ご注文 A-1024 を承りました"));
    let text = parsed.body_text(0).unwrap();
    assert!(
        text.contains("髙橋 太郎 様\n珈琲 2点\n紅茶 1点\n")
            || text.contains("髙橋 太郎 様\r\n珈琲 2点\r\n紅茶 1点\r\n"),
        "{text}"
    );
    let html = parsed.body_html(0).unwrap();
    assert!(
        html.contains("\"https://example.co.jp/orders/A-1024\""),
        "filled in, uncounted: {html}"
    );
    assert!(
        !html.contains("\"https://example.co.jp/help\""),
        "counted: {html}"
    );
    assert_eq!(
        fixture.rows("merge = '{}'").await,
        1,
        "what the call gave is gone with the mail"
    );
}

#[tokio::test]
async fn a_contact_gets_every_mail_that_is_asked_for_and_what_waits_comes_and_goes() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let actor = Actor::operator(fixture.tenant);
    fixture.campaign(&addresses(1)).await;
    fixture.mailer().drain().await.unwrap();
    let mail = confirmation(&fixture, fixture.tenant).await;
    let (person, queue) = ("person00000@example.jp", "SELECT count(*) FROM send_queue");
    for number in ["A-1", "A-2"] {
        send_to(&fixture, &actor, mail, person, order(number))
            .await
            .unwrap();
    }
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.database.count(queue).await, 0, "nothing waits");
    let sent = send_to(&fixture, &actor, mail, person, order("A-3"))
        .await
        .unwrap();
    assert_eq!(fixture.database.count(queue).await, 1);
    fixture.mailer().drain().await.unwrap();

    let subjects: Vec<String> = sink
        .mails()
        .iter()
        .skip(1)
        .map(|mail| {
            let parsed = mail_parser::MessageParser::default().parse(&mail.content);
            parsed.unwrap().subject().unwrap().to_owned()
        })
        .collect();
    let expected = ["A-1", "A-2", "A-3"].map(|n| format!("ご注文 {n} を承りました"));
    assert_eq!(subjects, expected);
    let after = look_up(&fixture, &actor, &sent).await;
    assert_eq!(after.delivery.name.as_deref(), Some("人1"));
    assert_eq!(
        fixture
            .database
            .count("SELECT count(*) FROM campaign WHERE kind = 'transactional'")
            .await,
        1,
        "one row for one version of the mail"
    );
}

#[tokio::test]
async fn whoever_is_blocked_or_has_left_gets_no_transactional_mail_either() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let (tenant, actor) = (fixture.tenant, Actor::operator(fixture.tenant));
    fixture.campaign(&addresses(1)).await;
    let mail = confirmation(&fixture, tenant).await;
    fixture
        .database
        .execute_as_owner(&format!(
            "DELETE FROM send_queue; UPDATE contact SET status = 'unsubscribed';
             INSERT INTO suppression (tenant_id, id, kind, value, reason) VALUES
                 ('{tenant}', gen_random_uuid(), 'address', 'x..y@docomo.ne.jp', 'manual'),
                 ('{tenant}', gen_random_uuid(), 'domain', 'blocked.example.jp', 'manual')"
        ))
        .await;
    for (address, reason) in [
        ("\"x..y\"@docomo.ne.jp", "suppressed"),
        ("new@Blocked.example.jp", "suppressed"),
        ("person00000@example.jp", "unsubscribed"),
    ] {
        let sent = send_to(&fixture, &actor, mail, address, order("A-1"))
            .await
            .unwrap();
        fixture.mailer().drain().await.unwrap();
        let after = look_up(&fixture, &actor, &sent).await;
        assert_eq!(after.delivery.state, DeliveryState::Skipped, "{address}");
        assert_eq!(after.delivery.reason.as_deref(), Some(reason), "{address}");
    }
    assert_eq!(sink.total(), 0);
}

#[tokio::test]
async fn values_that_leave_a_hole_or_make_no_mail_are_refused_before_anything_is_written() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let actor = Actor::operator(fixture.tenant);
    let mail = confirmation(&fixture, fixture.tenant).await;
    let mut broken = order("A-1\r\nBcc: everybody@example.jp");
    broken.insert("cancel_url".to_owned(), json!("x"));
    for (values, pointer, code) in [
        (Map::new(), "/values/order_no", "required"),
        (broken, "/values/cancel_url", "reserved"),
        (
            order("A-1\r\nBcc: everybody@example.jp"),
            "/values",
            "line_break_in_header",
        ),
    ] {
        let refused = send_to(&fixture, &actor, mail, "taro@example.jp", values).await;
        let Err(DomainError::Invalid(errors)) = refused else {
            panic!("{pointer} was accepted: {refused:?}");
        };
        assert_eq!(
            (errors[0].pointer.as_str(), errors[0].code),
            (pointer, code)
        );
    }
    assert_eq!(fixture.rows("true").await, 0);
}

/// A call with a key, as the API makes it.
struct KeyedCall {
    fixture: Fixture,
    clock: Clock,
    actor: Actor,
    mail: MailId,
    claimed: Claimed,
}

impl KeyedCall {
    async fn new() -> Self {
        let sink = Sink::scripted(|_, _| Action::Accept).await;
        let clock = Clock::fixed(Clock::system().now());
        let fixture = Fixture::with_clock(&sink, clock.clone()).await;
        Self {
            actor: Actor::operator(fixture.tenant),
            mail: confirmation(&fixture, fixture.tenant).await,
            fixture,
            clock,
            claimed: Claimed {
                key: "order-1".to_owned(),
                request_hash: [7; 32],
            },
        }
    }

    async fn claim(&self) -> Result<Claim> {
        let db = &self.fixture.database.db;
        idempotency::claim(db, &self.fixture.keys, &self.actor, &self.claimed).await
    }

    async fn send(&self) -> Result<DeliveryDetail> {
        let promise = Promise {
            claimed: &self.claimed,
            sealing: &self.fixture.keys,
            answer: &|made: &DeliveryDetail| Ok(answer(made)),
        };
        let new = NewSend {
            mail_id: self.mail,
            to: To::Address("taro@example.jp".to_owned()),
            values: order("A-1"),
        };
        let installation = Installation {
            public_url: "https://mail.example".to_owned(),
            keys: std::sync::Arc::clone(&self.fixture.keys),
        };
        let db = &self.fixture.database.db;
        transactional::send(db, &self.actor, &installation, new, Some(&promise)).await
    }

    async fn mails(&self) -> i64 {
        self.fixture.rows("true").await
    }
}

fn answer(made: &DeliveryDetail) -> Answer {
    Answer {
        status: 202,
        headers: Vec::new(),
        body: made.delivery.id.to_string().into_bytes(),
    }
}

#[tokio::test]
async fn whoever_heard_nothing_of_a_mail_gets_its_answer_and_no_second_mail() {
    let call = KeyedCall::new().await;
    assert_eq!(call.claim().await.unwrap(), Claim::First);
    let sent = call.send().await.unwrap();
    // Its COMMIT was not heard of: a failure, as far as the API knows.
    let db = &call.fixture.database.db;
    idempotency::forget(db, &call.actor, &call.claimed)
        .await
        .unwrap();
    assert_eq!(call.claim().await.unwrap(), Claim::Done(answer(&sent)));
    // Or the process was killed before it could do anything more.
    call.clock.advance(TimeDelta::minutes(6));
    assert_eq!(call.claim().await.unwrap(), Claim::Done(answer(&sent)));
    assert_eq!(call.mails().await, 1);
    call.clock.advance(TimeDelta::hours(25));
    assert_eq!(call.claim().await.unwrap(), Claim::First, "kept for a day");
}

#[tokio::test]
async fn of_two_calls_that_hold_the_same_key_one_sends() {
    let call = KeyedCall::new().await;
    assert_eq!(call.claim().await.unwrap(), Claim::First);
    // The first one takes so long that it counts as dead.
    call.clock.advance(TimeDelta::minutes(6));
    assert_eq!(call.claim().await.unwrap(), Claim::First);
    let (one, two) = tokio::join!(call.send(), call.send());
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
    let refused = one.and(two).unwrap_err();
    assert!(
        matches!(
            refused,
            DomainError::Conflict {
                code: "in_progress",
                ..
            }
        ),
        "{refused:?}"
    );
    assert_eq!(call.mails().await, 1);
    // Without a key that is its own, none at all: its work is undone.
    let gone = "DELETE FROM idempotency_key";
    call.fixture.database.execute_as_owner(gone).await;
    call.send().await.unwrap_err();
    assert_eq!(call.mails().await, 1);
}
