//! Empty-mail sign-up: the addresses, and the page of the link. What comes in
//! by SMTP is tested with the mailer.

use actix_web::http::Method;
use api::state::ApiConfig;
use chrono::TimeDelta;
use domain::clock::Clock;
use domain::contact::EmailAddress;
use domain::delivery::token::{DeliveryToken, Purpose};
use domain::housekeeping;
use domain::ids::{DeliveryId, SignupId, TenantId};
use domain::signup::receive::{self, Outcome, Request};
use domain::signup::token::SignupToken;
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";
const TARO: &str = "taro@example.jp";
const CARRIER: &str = "a..b@docomo.ne.jp";

/// A tenant that may send, with a sign-up address to one list.
struct World {
    app: TestApp,
    clock: Clock,
    tenant: TenantId,
    access: String,
    list: String,
    mail: String,
    address: Value,
}

impl World {
    async fn new() -> Self {
        let clock = Clock::fixed(Clock::system().now());
        let config = ApiConfig {
            bounce_domain: Some("bounce.example.jp".to_owned()),
            ..ApiConfig::default()
        };
        let app = TestApp::with_config(clock.clone(), config).await;
        let tenant = app.tenant("acme").await;
        let mut world = Self {
            access: app.log_in(&tenant.login_id("owner")).await,
            app,
            clock,
            tenant: tenant.id,
            list: String::new(),
            mail: String::new(),
            address: Value::Null,
        };
        world.list = id(&world.make("lists", json!({"name": "月刊ニュース"})).await);
        world
            .make("sender-domains", json!({"domain": "example.co.jp"}))
            .await;
        let route = json!({"name": "社内", "host": "smtp.example.co.jp", "port": 587, "security": "starttls", "auth": "none"});
        world.make("routes", route).await;
        let mail = json!({
            "name": "登録の確認", "subject": "登録の確認", "sender_address": "info@example.co.jp", "text_mode": "manual",
            "text": "{{ name | sama }}\n{{ confirm_url }}\n"
        });
        world.mail = id(&world.make("mails", mail).await);
        let address = world.body(
            &json!({"local_part": "Mail-Magazine", "wording": "お知らせの受信に同意します。"}),
        );
        world.address = world.make("signup-addresses", address).await;
        world
    }

    /// A sign-up address that is on, with changes.
    fn body(&self, changes: &Value) -> Value {
        let mut body = json!({
            "name": "店頭ポスター", "mail_id": self.mail, "list_ids": [self.list], "wording": "", "enabled": true,
            "hourly_limit": 100, "valid_hours": 24
        });
        for (key, value) in changes.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    }

    async fn make(&self, noun: &str, body: Value) -> Value {
        self.post(noun, &body).await.expect(201)
    }

    async fn post(&self, noun: &str, body: &Value) -> Answer {
        let path = format!("/v1/{noun}");
        self.app
            .post(&path)
            .by(&self.access)
            .json(body)
            .send()
            .await
    }

    /// A mail of somebody, as the mailer has read it.
    async fn ask(&self, from: &str) -> Outcome {
        let db = &self.app.database.db;
        let local = self.address["local_part"].as_str().unwrap();
        let to = receive::find(db, &local.to_uppercase())
            .await
            .unwrap()
            .unwrap();
        let request = Request {
            from: EmailAddress::parse(from).unwrap(),
            message_id: "<1@example.jp>\r\nX: y".to_owned(),
        };
        receive::take(db, &self.app.state.installation(), to, &request)
            .await
            .unwrap()
    }

    /// The path of the last link that was sent.
    async fn link(&self) -> String {
        let sql = "SELECT merge->>'confirm_url' FROM delivery ORDER BY id DESC LIMIT 1";
        let url = self.app.database.text(sql).await;
        url.strip_prefix(&self.app.state.config.public_url)
            .unwrap()
            .to_owned()
    }

    async fn confirm(&self, link: &str, form: &str) -> Answer {
        let call = self.app.post(link).raw(FORM, form.to_owned());
        call.header("User-Agent", "Firefox").send().await
    }

    async fn count(&self, sql: &str) -> i64 {
        self.app
            .database
            .count(&format!("SELECT count(*) FROM {sql}"))
            .await
    }

    async fn run(&self, sql: &str) {
        self.app.database.execute_as_owner(sql).await;
    }

    async fn read(&self, path: &str) -> Value {
        self.app.get(path).by(&self.access).send().await.expect(200)
    }

    fn path(&self) -> String {
        format!("/v1/signup-addresses/{}", id(&self.address))
    }
}

fn id(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}

fn html(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.bytes).unwrap()
}

#[actix_web::test]
async fn looking_at_the_page_confirms_nothing_and_the_button_does_once() {
    let world = World::new().await;
    assert_eq!(world.address["address"], "mail-magazine@bounce.example.jp");
    assert_eq!(world.ask(CARRIER).await, Outcome::Answered);
    let link = world.link().await;
    let page = world.app.get(&link).send().await;
    assert_eq!(page.status, 200);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("set-cookie", ""),
        ("x-robots-tag", "noindex, nofollow"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    let text = html(&page);
    assert!(
        text.contains("お知らせの受信に同意します。") && text.contains("a.…@docomo.ne.jp"),
        "{text}"
    );
    assert!(
        !text.contains("<script") && text.contains("name=\"version\" value=\"1\""),
        "{text}"
    );
    let head = world.app.call(Method::HEAD, &link).send().await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!(world.count("contact").await, 0);
    assert_eq!(world.count("consent").await, 0);

    for _ in 0..2 {
        let done = world.confirm(&link, "version=1").await;
        assert_eq!(done.status, 200);
        assert!(
            html(&done).contains("登録が完了しました"),
            "{}",
            html(&done)
        );
    }
    let list = &world.list;
    let source = format!("signup:{}", id(&world.address));
    for (rows, what) in [
        (format!("contact WHERE email_key = '{CARRIER}' AND status = 'active' AND source = '{source}'"), "contact"),
        (format!("subscription WHERE list_id = '{list}' AND status = 'subscribed' AND source = '{source}'"), "subscription"),
        (
            format!(
                "consent WHERE kind = 'given' AND source = '{source}' AND wording = 'お知らせの受信に同意します。' AND form_version = '1 (mail 1)'
                 AND ip = '127.0.0.1' AND user_agent = 'Firefox' AND message_id = '<1@example.jp>X: y' AND address = '{CARRIER}'"
            ),
            "ledger",
        ),
        ("contact".to_owned(), "contacts"),
        ("consent".to_owned(), "entries"),
    ] {
        assert_eq!(world.count(&rows).await, 1, "{what}");
    }
    let after = world.read(&world.path()).await;
    let counts = ["asked_count", "confirmed_count", "pending_count"]
        .map(|name| after[name].as_i64().unwrap());
    assert_eq!(counts, [1, 1, 0]);
    assert_eq!(after["version"], 1, "counting is no change");
    let contact = world
        .app
        .database
        .text("SELECT id::text FROM contact")
        .await;
    let ledger = world
        .read(&format!("/v1/contacts/{contact}/consents"))
        .await;
    assert_eq!(ledger["items"][0]["message_id"], "<1@example.jp>X: y");
}

#[actix_web::test]
async fn two_buttons_pressed_at_the_same_time_make_one_contact() {
    let world = World::new().await;
    assert_eq!(world.ask(TARO).await, Outcome::Answered);
    let first = world.link().await;
    world.clock.advance(TimeDelta::minutes(61));
    assert_eq!(world.ask(TARO).await, Outcome::Answered);
    let second = world.link().await;
    assert_ne!(first, second);
    let database = &world.app.database;
    let held = database
        .hold("SELECT FROM signup ORDER BY id LIMIT 1 FOR UPDATE")
        .await;
    let all = [&first, &second, &first, &second].map(|link| world.confirm(link, "version=1"));
    let watch = async {
        while database.waiting().await < 4 {}
        // Who had written the contact already would wait with it in the hand,
        // and the other way round for who holds the row.
        let writing = "pg_locks WHERE relation = 'contact'::regclass AND mode = 'RowExclusiveLock'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(world.count(writing).await, 0);
        held.release().await;
    };
    let (answers, ()) = futures_util::join!(futures_util::future::join_all(all), watch);
    for answer in answers {
        assert_eq!(answer.status, 200);
    }
    assert_eq!(world.count("contact").await, 1);
    assert_eq!(
        world.count("signup WHERE confirmed_at IS NOT NULL").await,
        2
    );
}

#[actix_web::test]
async fn links_that_ran_out_or_that_nobody_signed_confirm_nothing() {
    let world = World::new().await;
    assert_eq!(world.ask(TARO).await, Outcome::Answered);
    let link = world.link().await;
    let keys = &world.app.state.keys;
    let (tenant, gone) = (world.tenant, SignupId::new());
    let mut forged = link.clone();
    let last = if forged.ends_with('A') { "Q" } else { "A" };
    forged.replace_range(forged.len() - 5..forged.len() - 4, last);
    let cancel = DeliveryToken {
        tenant,
        period: world.clock.now().date_naive(),
        delivery: DeliveryId::new(),
        purpose: Purpose::Cancel,
    };
    for wrong in [
        forged,
        format!(
            "/p/confirm/{}",
            SignupToken {
                tenant,
                signup: gone
            }
            .encode(keys)
        ),
        format!("/p/confirm/{}", cancel.encode(keys)),
        "/p/confirm/x".to_owned(),
    ] {
        assert_eq!(world.app.get(&wrong).send().await.status, 404, "{wrong}");
        assert_eq!(
            world.confirm(&wrong, "version=1").await.status,
            404,
            "{wrong}"
        );
    }
    world.clock.advance(TimeDelta::hours(24));
    assert_eq!(world.app.get(&link).send().await.status, 410);
    let late = world.confirm(&link, "version=1").await;
    assert_eq!(late.status, 410);
    assert!(html(&late).contains("有効期限"), "{}", html(&late));
    assert_eq!(world.count("contact").await, 0);
}

#[actix_web::test]
async fn nobody_agrees_to_words_that_they_did_not_see() {
    let mut world = World::new().await;
    assert_eq!(world.ask(TARO).await, Outcome::Answered);
    let link = world.link().await;
    let change = world.app.put(&world.path()).by(&world.access).if_match(1);
    let mut body = world.body(&json!({"wording": "広告の受信に同意します。"}));
    body.as_object_mut().unwrap().remove("local_part");
    world.address = change.json(&body).send().await.expect(200);
    for form in ["version=1", "", "version=x", "version=99"] {
        let answer = world.confirm(&link, form).await;
        assert_eq!(answer.status, 422, "{form}");
        assert!(html(&answer).contains("広告の受信に同意します。"), "{form}");
    }
    assert_eq!(world.count("contact").await, 0);
    assert_eq!(world.confirm(&link, "version=2").await.status, 200);
    assert_eq!(
        world
            .count(
                "consent WHERE wording = '広告の受信に同意します。' AND form_version = '2 (mail 1)'"
            )
            .await,
        1
    );
}

#[actix_web::test]
async fn who_had_cancelled_comes_back_by_the_button_and_by_nothing_else() {
    let world = World::new().await;
    let person = json!({"email": TARO, "name": "太郎", "list_ids": [world.list]});
    world.make("contacts", person).await;
    let tenant = world.tenant;
    world
        .run(&format!(
            "UPDATE contact SET status = 'unsubscribed'; UPDATE subscription SET status = 'unsubscribed';
             INSERT INTO suppression (tenant_id, id, kind, value, reason) VALUES ('{tenant}', gen_random_uuid(), 'address', '{TARO}', 'cancelled')"
        ))
        .await;
    assert_eq!(world.ask(TARO).await, Outcome::Answered);
    let link = world.link().await;
    world.app.get(&link).send().await;
    let back = "contact WHERE status = 'active' AND name = '太郎'";
    assert_eq!(world.count(back).await, 0);
    assert_eq!(world.count("suppression").await, 1);
    assert_eq!(world.confirm(&link, "version=1").await.status, 200);
    assert_eq!(world.count(back).await, 1);
    assert_eq!(world.count("suppression").await, 0);
    assert_eq!(
        world
            .count("subscription WHERE status = 'subscribed'")
            .await,
        1
    );
    assert_eq!(
        world
            .count("audit_entry WHERE action = 'contact.came_back' AND actor_kind = 'public'")
            .await,
        1
    );
}

#[actix_web::test]
async fn who_is_blocked_was_answered_or_comes_in_a_flood_is_not_answered() {
    let mut world = World::new().await;
    let tenant = world.tenant;
    for (email, status) in [
        ("bounced@example.jp", "bounced"),
        ("spam@example.jp", "complained"),
        ("off@example.jp", "disabled"),
    ] {
        world.make("contacts", json!({"email": email})).await;
        world
            .run(&format!(
                "UPDATE contact SET status = '{status}' WHERE email = '{email}'"
            ))
            .await;
        assert_eq!(world.ask(email).await, Outcome::Blocked, "{email}");
    }
    world
        .run(&format!(
            "INSERT INTO suppression (tenant_id, id, kind, value, reason) VALUES
                 ('{tenant}', gen_random_uuid(), 'address', 'x..y@docomo.ne.jp', 'manual'),
                 ('{tenant}', gen_random_uuid(), 'domain', 'blocked.example', 'manual')"
        ))
        .await;
    assert_eq!(world.ask("\"x..y\"@docomo.ne.jp").await, Outcome::Blocked);
    assert_eq!(world.ask("any@BLOCKED.example").await, Outcome::Blocked);
    assert_eq!(
        world.ask("info@example.co.jp").await,
        Outcome::Own,
        "the sender of the answer"
    );
    assert_eq!(world.count("signup").await, 0);

    for expected in [Outcome::Answered, Outcome::Again] {
        assert_eq!(world.ask(TARO).await, expected);
    }
    for _ in 0..4 {
        world.clock.advance(TimeDelta::minutes(61));
        assert_eq!(world.ask(TARO).await, Outcome::Answered);
    }
    world.clock.advance(TimeDelta::minutes(61));
    assert_eq!(world.ask(TARO).await, Outcome::Limited, "five a day");
    world.access = world.app.log_in("acme-owner").await;
    let change = world.app.put(&world.path()).by(&world.access).if_match(1);
    change
        .json(&world.body(&json!({"hourly_limit": 2})))
        .send()
        .await
        .expect(200);
    for (n, expected) in [Outcome::Answered, Outcome::Answered, Outcome::Limited]
        .into_iter()
        .enumerate()
    {
        assert_eq!(world.ask(&format!("p{n}@example.jp")).await, expected);
    }
    let mails = world.count("delivery").await;
    assert_eq!(
        mails,
        world.count("signup").await,
        "a mail for each row, and no other"
    );
    let off = world.app.put(&world.path()).by(&world.access).if_match(2);
    off.json(&world.body(&json!({"enabled": false})))
        .send()
        .await
        .expect(200);
    assert_eq!(world.ask("new@example.jp").await, Outcome::Closed);
}

#[actix_web::test]
async fn mails_of_one_person_at_the_same_time_are_answered_once() {
    let world = World::new().await;
    let all = (0..8).map(|_| world.ask(TARO));
    let outcomes = futures_util::future::join_all(all).await;
    let answered = outcomes
        .iter()
        .filter(|outcome| **outcome == Outcome::Answered);
    assert_eq!(answered.count(), 1, "{outcomes:?}");
    assert_eq!(world.count("delivery").await, 1);
}

#[actix_web::test]
async fn an_address_that_could_not_answer_is_refused_and_one_that_breaks_says_why() {
    let world = World::new().await;
    let plain = json!({"name": "x", "subject": "x", "sender_address": "info@example.co.jp", "text": "x", "text_mode": "manual"});
    let plain = id(&world.make("mails", plain).await);
    let order = json!({"name": "x", "subject": "{{ order_no }}", "sender_address": "info@example.co.jp", "text": "{{ confirm_url }}", "text_mode": "manual"});
    let order = id(&world.make("mails", order).await);
    for (changes, pointer, code) in [
        (json!({"mail_id": plain}), "/mail_id", "no_confirm_link"),
        (json!({"mail_id": order}), "/mail_id", "unknown_fields"),
        (
            json!({"mail_id": uuid::Uuid::now_v7()}),
            "/mail_id",
            "unknown",
        ),
        (
            json!({"list_ids": [uuid::Uuid::now_v7()]}),
            "/list_ids/0",
            "unknown",
        ),
        (
            json!({"local_part": "postmaster"}),
            "/local_part",
            "reserved",
        ),
        (json!({"local_part": "a b"}), "/local_part", "malformed"),
        (json!({"hourly_limit": 0}), "/hourly_limit", "out_of_range"),
        (json!({"valid_hours": 169}), "/valid_hours", "out_of_range"),
        (json!({"name": " "}), "/name", "required"),
    ] {
        let problem = world
            .post("signup-addresses", &world.body(&changes))
            .await
            .expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert_eq!(problem["errors"][0]["code"], code, "{problem}");
    }
    let taken = world.body(&json!({"local_part": "mail-magazine"}));
    assert_eq!(
        world.post("signup-addresses", &taken).await.expect(409)["code"],
        "address_taken"
    );
    let made_up = world.make("signup-addresses", world.body(&json!({}))).await;
    assert_eq!(made_up["local_part"].as_str().unwrap().len(), 16);
    let held = world
        .app
        .delete(&format!("/v1/mails/{}", world.mail))
        .by(&world.access)
        .if_match(1);
    assert_eq!(held.send().await.expect(409)["code"], "in_use");

    world.run("UPDATE route SET enabled = false").await;
    assert_eq!(world.ask(TARO).await, Outcome::NotReady);
    let problem = world.read(&world.path()).await["problem"].clone();
    assert!(
        problem.as_str().unwrap().contains("no enabled route"),
        "{problem}"
    );
    assert_eq!(
        world
            .post("signup-addresses", &world.body(&json!({})))
            .await
            .expect(409)["code"],
        "route"
    );
    world.run("UPDATE route SET enabled = true").await;
    assert_eq!(
        world.ask(TARO).await,
        Outcome::Answered,
        "the relay asks again"
    );
    assert_eq!(world.read(&world.path()).await["problem"], Value::Null);
}

#[actix_web::test]
async fn sign_ups_are_listed_by_state_and_forgotten_in_time_and_another_tenant_sees_none() {
    let mut world = World::new().await;
    for (n, confirms) in [true, false, false].into_iter().enumerate() {
        assert_eq!(
            world.ask(&format!("p{n}@example.jp")).await,
            Outcome::Answered
        );
        if confirms {
            let link = world.link().await;
            assert_eq!(world.confirm(&link, "version=1").await.status, 200);
        }
        world.clock.advance(TimeDelta::hours(13));
    }
    world.access = world.app.log_in("acme-owner").await;
    let path = format!("{}/signups", world.path());
    for (state, people) in [("confirmed", "p0"), ("expired", "p1"), ("pending", "p2")] {
        let page = world.read(&format!("{path}?state={state}")).await;
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{state}");
        assert_eq!(items[0]["email"], format!("{people}@example.jp"));
        assert_eq!(items[0]["state"], state);
    }
    let first = world.read(&format!("{path}?limit=2")).await;
    let next = first["next_cursor"].as_str().unwrap();
    let last = world.read(&format!("{path}?limit=2&cursor={next}")).await;
    assert_eq!(last["items"][0]["email"], "p0@example.jp");
    assert_eq!(world.read(&world.path()).await["pending_count"], 1);

    world.app.tenant("rival").await;
    let rival = world.app.log_in("rival-owner").await;
    assert_eq!(world.app.get(&path).by(&rival).send().await.status, 404);
    let theirs = world
        .app
        .get("/v1/signup-addresses")
        .by(&rival)
        .send()
        .await
        .expect(200);
    assert_eq!(theirs["items"], json!([]));

    world.clock.advance(TimeDelta::days(9));
    housekeeping::run_once(&world.app.database.db)
        .await
        .unwrap();
    assert_eq!(
        world.count("signup").await,
        1,
        "who confirmed is still listed"
    );
    world.clock.advance(TimeDelta::days(90));
    housekeeping::run_once(&world.app.database.db)
        .await
        .unwrap();
    assert_eq!(world.count("signup").await, 0);
    assert_eq!(
        (world.count("contact").await, world.count("consent").await),
        (1, 1)
    );
}
