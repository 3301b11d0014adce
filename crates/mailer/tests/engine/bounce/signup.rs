//! Empty-mail sign-up: a mail comes in by SMTP, its answer goes out to the
//! relay, and the link in it makes a contact.

use std::sync::Arc;

use domain::Actor;
use domain::event::Visitor;
use domain::mail::content::{ContentChange, TextMode};
use domain::mail::render::Installation;
use domain::mail::{self, NewMail};
use domain::signup::confirm::{self, Standing};
use domain::signup::{self, Rule, SignupAddress};
use mailer::config::MailerConfig;

use super::{Client, DOMAIN, MAILBOX, PUBLIC_URL, TARO, World};

const CARRIER: &str = "a..b.@docomo.ne.jp";

fn installation(world: &World) -> Installation {
    Installation {
        public_url: PUBLIC_URL.to_owned(),
        keys: Arc::clone(&world.fixture.keys),
    }
}

/// A sign-up address that is on, at `join@`.
async fn address(world: &World) -> SignupAddress {
    let (db, actor) = (
        &world.fixture.database.db,
        Actor::operator(world.fixture.tenant),
    );
    let new = NewMail {
        name: "登録の確認".to_owned(),
        content: ContentChange {
            subject: Some("登録の確認".to_owned()),
            sender_name: Some("気配り商店".to_owned()),
            sender_address: Some("info@example.co.jp".to_owned()),
            html: Some("<html><body><p>{{ name | sama }}</p><a href=\"{{ confirm_url }}\">登録する</a></body></html>".to_owned()),
            text_mode: Some(TextMode::Auto),
            ..ContentChange::default()
        },
        ..NewMail::default()
    };
    let mail = mail::create(db, &actor, new).await.unwrap();
    let rule = Rule {
        name: "店頭".to_owned(),
        mail_id: mail.id,
        list_ids: Vec::new(),
        wording: String::new(),
        enabled: true,
        hourly_limit: 100,
        valid_hours: 24,
    };
    signup::create(db, &actor, &installation(world), Some("join"), rule)
        .await
        .unwrap()
}

/// Hands a mail over as a relay does; answers the codes of RCPT and of the final dot.
async fn mail_from(world: &World, sender: &str, to: &str, mail: &str) -> (String, String) {
    let mut client = Client::connect(world.smtp).await;
    assert_eq!(client.greet("EHLO").await, "250");
    assert_eq!(client.ask(&format!("MAIL FROM:<{sender}>")).await, "250");
    let known = client.ask(&format!("RCPT TO:<{to}>")).await;
    if known != "250" {
        return (known, String::new());
    }
    assert_eq!(client.ask("DATA").await, "354");
    let lines = mail.replace('\n', "\r\n");
    (known, client.ask(&format!("{lines}\r\n.")).await)
}

async fn empty_mail(world: &World, from: &str) -> (String, String) {
    let mail = format!("From: {from}\nTo: join@{DOMAIN}\nMessage-ID: <1@phone>\nSubject:\n");
    mail_from(world, from, &format!("join@{DOMAIN}"), &mail).await
}

async fn drain(world: &World) {
    let config = MailerConfig {
        public_url: PUBLIC_URL.to_owned(),
        bounce_domain: Some(DOMAIN.into()),
        cancel_mailbox: Some(MAILBOX.into()),
        ..MailerConfig::default()
    };
    world.fixture.mailer_with(&config).drain().await.unwrap();
}

fn taken() -> (String, String) {
    ("250".to_owned(), "250".to_owned())
}

async fn signups(world: &World) -> i64 {
    world.count("SELECT count(*) FROM signup").await
}

#[tokio::test]
async fn an_empty_mail_is_answered_and_the_link_of_the_answer_makes_a_contact() {
    let world = World::new().await;
    address(&world).await;
    assert_eq!(empty_mail(&world, CARRIER).await, taken());
    drain(&world).await;
    let answer = world.sink.mails().pop().unwrap();
    assert_eq!(answer.to, "\"a..b.\"@docomo.ne.jp");
    assert!(
        answer.from.ends_with(DOMAIN),
        "bounces come back to its own path: {}",
        answer.from
    );
    assert_eq!(answer.headers("Auto-Submitted"), ["auto-generated"]);
    let parsed = mail_parser::MessageParser::default()
        .parse(&answer.content)
        .unwrap();
    assert_eq!(parsed.subject(), Some("登録の確認"));
    for body in [parsed.body_text(0).unwrap(), parsed.body_html(0).unwrap()] {
        let (_, token) = body
            .split_once(&format!("{PUBLIC_URL}/p/confirm/"))
            .unwrap();
        let end = token.find(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c)));
        let token =
            confirm::token(&world.fixture.keys, &token[..end.unwrap_or(token.len())]).unwrap();
        let db = &world.fixture.database.db;
        assert_eq!(
            confirm::look(db, token).await.unwrap().locale.as_str(),
            "ja"
        );
        let page = confirm::confirm(db, token, Some(1), &Visitor::default())
            .await
            .unwrap();
        assert_eq!(page.standing, Standing::Confirmed);
    }
    let contacts = "SELECT email || ' ' || status FROM contact";
    assert_eq!(world.text(contacts).await, format!("{CARRIER} active"));
    assert_eq!(
        world.text("SELECT message_id FROM consent").await,
        "<1@phone>"
    );
    assert_eq!(
        world.fixture.rows("merge = '{}'").await,
        1,
        "the link is not kept"
    );

    assert_eq!(
        empty_mail(&world, CARRIER).await,
        taken(),
        "nobody learns who is known"
    );
    drain(&world).await;
    assert_eq!(world.sink.mails().len(), 1, "once in an hour");
}

#[tokio::test]
async fn mail_is_taken_for_sign_up_addresses_that_are_there_in_any_case() {
    let world = World::new().await;
    let made = address(&world).await;
    let mail = format!("From: {TARO}\n");
    for nobody in ["joi", "join2", "postmaster", "join+x"] {
        let (known, _) = mail_from(&world, TARO, &format!("{nobody}@{DOMAIN}"), &mail).await;
        assert_eq!(known, "550", "{nobody}");
    }
    let (known, _) = mail_from(&world, TARO, "join@example.jp", &mail).await;
    assert_eq!(known, "550");
    assert_eq!(
        mail_from(
            &world,
            TARO,
            &format!("JOIN@{}", DOMAIN.to_uppercase()),
            &mail
        )
        .await,
        taken()
    );
    assert_eq!(signups(&world).await, 1);

    world
        .fixture
        .database
        .execute_as_owner("UPDATE signup_address SET enabled = false")
        .await;
    let (_, closed) = empty_mail(&world, "jiro@example.jp").await;
    assert_eq!(closed, "554", "the sender hears that the address is closed");
    world
        .fixture
        .database
        .execute_as_owner(
            "UPDATE signup_address SET enabled = true; UPDATE route SET enabled = false",
        )
        .await;
    let (_, later) = empty_mail(&world, "jiro@example.jp").await;
    assert_eq!(later, "451", "the relay keeps it until there is a way out");
    let (db, actor) = (
        &world.fixture.database.db,
        Actor::operator(world.fixture.tenant),
    );
    assert!(
        signup::get(db, &actor, made.id)
            .await
            .unwrap()
            .problem
            .is_some()
    );
}

#[tokio::test]
async fn what_no_person_wrote_is_taken_and_never_answered() {
    let world = World::new().await;
    address(&world).await;
    let join = format!("join@{DOMAIN}");
    for (sender, head) in [
        ("", format!("From: {TARO}\nSubject: Undelivered Mail\n")),
        (
            TARO,
            format!("From: {TARO}\nAuto-Submitted: auto-replied\n"),
        ),
        (TARO, format!("From: {TARO}\nList-Id: <ml.example.jp>\n")),
        (TARO, format!("From: {TARO}\nPrecedence: bulk\n")),
        (TARO, format!("From: join@{DOMAIN}\n")),
        (TARO, "From: info@example.co.jp\n".to_owned()),
        (TARO, format!("From: {TARO}, jiro@example.jp\n")),
        (TARO, format!("From: {TARO}\nFrom: jiro@example.jp\n")),
        (TARO, format!("From: {}\n", "<".repeat(5000))),
        (TARO, "Subject: nobody\n".to_owned()),
    ] {
        assert_eq!(
            mail_from(&world, sender, &join, &head).await,
            taken(),
            "{head}"
        );
    }
    assert_eq!(signups(&world).await, 0);
    // An answer of ours that comes back whole, from somebody's program.
    assert_eq!(empty_mail(&world, TARO).await, taken());
    drain(&world).await;
    let answer = world.sink.mails().pop().unwrap();
    let returned = answer.text().replace("\r\n", "\n");
    assert_eq!(
        mail_from(&world, "someone@example.jp", &join, returned.trim_end()).await,
        taken()
    );
    assert_eq!(signups(&world).await, 1);
    drain(&world).await;
    assert_eq!(world.sink.mails().len(), 1);
}

#[tokio::test]
async fn the_answer_reaches_who_cancelled_and_nobody_who_is_blocked_meanwhile() {
    let world = World::new().await;
    address(&world).await;
    world.send().await;
    let tenant = world.fixture.tenant;
    let block = |address: &str, reason: &str| {
        format!(
            "INSERT INTO suppression (tenant_id, id, kind, value, reason) VALUES ('{tenant}', gen_random_uuid(), 'address', '{address}', '{reason}');"
        )
    };
    let cancelled = block(TARO, "cancelled") + "UPDATE contact SET status = 'unsubscribed'";
    world.fixture.database.execute_as_owner(&cancelled).await;
    let before = world.sink.mails().len();
    assert_eq!(empty_mail(&world, TARO).await, taken());
    assert_eq!(empty_mail(&world, "jiro@example.jp").await, taken());
    // Between the mail and its answer.
    world
        .fixture
        .database
        .execute_as_owner(&block("jiro@example.jp", "manual"))
        .await;
    drain(&world).await;
    let sent: Vec<String> = world
        .sink
        .mails()
        .into_iter()
        .skip(before)
        .map(|mail| mail.to)
        .collect();
    assert_eq!(sent, [TARO]);
    assert_eq!(
        world
            .fixture
            .rows("state = 'skipped' AND reason = 'suppressed'")
            .await,
        1
    );
    assert_eq!(
        world.taro().await,
        "unsubscribed 0",
        "until the button is pressed"
    );
}
