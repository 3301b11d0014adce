//! One of everything in a tenant, made through the API by its owner.

use std::collections::{BTreeMap, BTreeSet};

use domain::Permission;
use domain::delivery::outcome::Reply;
use domain::ids::{RouteId, TenantId};
use domain::limit::meaning::Meaning;
use domain::limit::slow::{self, Subject};
use domain::testing::sent_campaign;
use serde_json::{Value, json};

use crate::support::TestApp;

/// Ids (by the path's noun) and versions of what was made.
#[derive(Debug, Default)]
pub struct Fixture {
    ids: BTreeMap<&'static str, String>,
    versions: BTreeMap<&'static str, i64>,
    /// The owner's.
    pub token: String,
}

/// A program that is logged in.
pub struct Program {
    pub id: String,
    pub access: String,
}

impl Fixture {
    pub async fn create(app: &TestApp, prefix: &str) -> Self {
        let token = app.log_in(&format!("{prefix}-owner")).await;
        let mut made = Self {
            token,
            ..Self::default()
        };
        let users = app
            .get("/v1/users")
            .by(&made.token)
            .send()
            .await
            .expect(200);
        made.keep("users", &users["items"][1]);
        let sessions = app
            .get("/v1/sessions")
            .by(&made.token)
            .send()
            .await
            .expect(200);
        made.keep("sessions", &sessions["items"][0]);
        let tenant = app
            .get("/v1/tenant")
            .by(&made.token)
            .send()
            .await
            .expect(200);
        made.keep("tenant", &tenant);
        let grant =
            json!({"reason": "お問い合わせ 1", "permissions": ["reports.read"], "hours": 24});
        made.make(app, "support-grants", grant).await;
        let trace = app
            .get("/v1/audit-entries")
            .by(&made.token)
            .send()
            .await
            .expect(200);
        made.keep("audit-entries", &trace["items"][0]);
        made.create_access(app).await;
        made.create_contacts(app).await;
        made.create_imports(app).await;
        made.create_mails(app).await;
        made.create_signup_address(app).await;
        made.create_ways_out(app).await;
        made.create_campaign(app).await;
        made.create_delivery(app).await;
        made.create_passkey(app).await;
        made.create_webhook(app).await;
        made.create_erasure(app).await;
        made
    }

    /// Nothing made yet, by somebody with this access token.
    pub fn of(token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..Self::default()
        }
    }

    async fn create_access(&mut self, app: &TestApp) {
        let role =
            json!({"name": "編集者（配信は不可）", "permissions": ["mails.read", "mails.write"]});
        self.make(app, "roles", role).await;
        let token = json!({"name": "基幹システム", "scopes": ["contacts.read", "contacts.write"]});
        let call = app.post("/v1/api-tokens").by(&self.token).json(&token);
        let made = call.send().await.expect(201);
        self.keep("api-tokens", &made["token"]);
    }

    /// An access token for a program with these scopes; made by the owner.
    pub async fn program(&self, app: &TestApp, scopes: &BTreeSet<Permission>) -> Program {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let body = json!({"name": "連携", "scopes": scopes});
        let call = app.post("/v1/api-tokens").by(&self.token).json(&body);
        let made = call.send().await.expect(201);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let (client, secret) = (
            text(&made["token"]["client_id"]),
            text(&made["client_secret"]),
        );
        let access = app.exchange(&client, &secret).await.expect(200);
        Program {
            id: text(&made["token"]["id"]),
            access: text(&access["access_token"]),
        }
    }

    /// Of a person who does not log in here: with it they would be asked for it.
    async fn create_passkey(&mut self, app: &TestApp) {
        let person = json!({
            "login_id": format!("{}-key", self.id("tenant")), "display_name": "鍵 花子", "email": "key@example.jp",
            "role": "viewer", "password": "correct horse battery"
        });
        let call = app.post("/v1/users").by(&self.token).json(&person);
        let user = call.send().await.expect(201);
        let id = uuid::Uuid::now_v7();
        let sql = format!(
            "INSERT INTO passkey (tenant_id, id, user_id, name, credential_id, public_key, sign_count, backed_up, created_at) \
             VALUES ('{}', '{id}', '{}', '鍵', '\\x01', '\\xa0', 0, false, now())",
            self.id("tenant"),
            user["id"].as_str().expect("an id")
        );
        app.database.execute_as_owner(&sql).await;
        self.keep("passkeys", &json!({ "id": id }));
    }

    async fn create_contacts(&mut self, app: &TestApp) {
        self.make(app, "lists", json!({"name": "月刊ニュース"}))
            .await;
        let lists = [self.id("lists").to_owned()];
        self.make(
            app,
            "contacts",
            json!({"email": "taro@example.jp", "name": "髙橋 太郎", "list_ids": lists}),
        )
        .await;
        self.make(
            app,
            "contact-fields",
            json!({"key": "plan", "label": "会員プラン", "type": "text"}),
        )
        .await;
        self.make(
            app,
            "suppressions",
            json!({"kind": "domain", "value": "blocked.example", "reason": "manual"}),
        )
        .await;
    }

    /// An import that waits for its plan, the job of another one, an export.
    async fn create_imports(&mut self, app: &TestApp) {
        for _ in 0..2 {
            let import = app
                .post("/v1/imports?filename=people.csv")
                .by(&self.token)
                .raw("text/csv", "email,name\nhanako@example.jp,花子\n")
                .send()
                .await
                .expect(201);
            if self.ids.contains_key("imports") {
                let path = format!(
                    "/v1/imports/{}/dry-run",
                    import["id"].as_str().expect("an id")
                );
                let job = app.post(&path).by(&self.token).send().await.expect(202);
                self.keep("jobs", &job);
            } else {
                self.keep("imports", &import);
            }
        }
        let job = app
            .post("/v1/exports")
            .by(&self.token)
            .json(&json!({"encoding": "utf-8", "columns": ["email"]}))
            .send()
            .await
            .expect(202);
        self.keep("exports", &json!({"id": job["subject_id"]}));
    }

    async fn create_mails(&mut self, app: &TestApp) {
        self.make(app, "folders", json!({"kind": "mail", "name": "お知らせ"}))
            .await;
        self.make(app, "mails", json!({"name": "11月号", "subject": "11月のお知らせ", "html": "<p>{{ name | sama }}</p>"})).await;
        self.make(
            app,
            "templates",
            json!({"name": "ひな型", "subject": "お知らせ"}),
        )
        .await;
        self.make(
            app,
            "blocks",
            json!({"key": "footer", "name": "フッター", "text": "気配り"}),
        )
        .await;
    }

    async fn create_signup_address(&mut self, app: &TestApp) {
        let mail = json!({"name": "登録の確認", "subject": "登録の確認", "text": "{{ confirm_url }}", "text_mode": "manual"});
        let call = app.post("/v1/mails").by(&self.token).json(&mail);
        let mail = call.send().await.expect(201);
        self.keep("signup-mails", &mail);
        let body = json!({
            "name": "店頭", "mail_id": self.id("signup-mails"), "list_ids": [self.id("lists")], "enabled": false
        });
        self.make(app, "signup-addresses", body).await;
    }

    async fn create_ways_out(&mut self, app: &TestApp) {
        self.make(
            app,
            "routes",
            json!({"name": "社内", "host": "smtp.example.co.jp", "port": 587, "security": "starttls", "auth": "none"}),
        )
        .await;
        self.make(app, "sender-domains", json!({"domain": "example.co.jp"}))
            .await;
        self.make(
            app,
            "send-limits",
            json!({"site": "docomo", "per_minute": 600}),
        )
        .await;
        self.create_slowdown(app).await;
    }

    /// A site that asked for less: what only a mailer hears.
    async fn create_slowdown(&mut self, app: &TestApp) {
        let tenant = TenantId(self.id("tenant").parse().expect("an id"));
        let subject = Subject {
            tenant,
            sender_domain: "example.co.jp".into(),
            route: RouteId(self.id("routes").parse().expect("an id")),
            site: "docomo".into(),
        };
        let db = &app.database.db;
        slow::down(db, &subject, Meaning::Busy, &Reply::default())
            .await
            .expect("a slow-down");
        let page = app
            .get("/v1/send-slowdowns")
            .by(&self.token)
            .send()
            .await
            .expect(200);
        self.keep("send-slowdowns", &page["items"][0]);
    }

    async fn create_campaign(&mut self, app: &TestApp) {
        let body = json!({
            "name": "11月号の配信",
            "mail_id": self.id("mails"),
            "audience": {"list_ids": [self.id("lists")]}
        });
        self.make(app, "campaigns", body).await;
        let field = json!({"key": "birthday", "label": "誕生日", "type": "date"});
        let call = app.post("/v1/contact-fields").by(&self.token).json(&field);
        call.send().await.expect(201);
        let body = json!({
            "name": "お誕生日", "mail_id": self.id("mails"), "field": "birthday", "offset_days": -3, "repeat": "yearly",
            "send_at": "09:00", "time_zone": "Asia/Tokyo", "audience": {"list_ids": [self.id("lists")]}
        });
        self.make(app, "date-mails", body).await;
        let body = json!({
            "name": "新規会員へのご案内", "time_zone": "Asia/Tokyo", "entry": {"kind": "list", "list_id": self.id("lists")},
            "steps": [{"mail_id": self.id("mails"), "delay": 0, "unit": "minutes"}]
        });
        self.make(app, "sequences", body).await;
    }

    /// A mail that was sent: what only a mailer makes.
    async fn create_delivery(&mut self, app: &TestApp) {
        let tenant = self.id("tenant").parse().expect("an id");
        let campaign = sent_campaign(&app.database, tenant, 1).await;
        let path = format!("/v1/campaigns/{campaign}/deliveries");
        let page = app.get(&path).by(&self.token).send().await.expect(200);
        self.keep("deliveries", &page["items"][0]);
    }

    async fn create_webhook(&mut self, app: &TestApp) {
        let body = json!({"url": "https://hooks.example.jp/", "events": ["contact.created"]});
        self.make(app, "webhooks", body).await;
        let path = format!("/v1/webhooks/{}/test", self.id("webhooks"));
        let message = app.post(&path).by(&self.token).send().await.expect(202);
        self.keep("webhook-messages", &message);
    }

    /// Of somebody who is no contact, so that nothing else goes.
    async fn create_erasure(&mut self, app: &TestApp) {
        let body = json!({"address": "gone@example.jp", "keep_blocked": false});
        let call = app.post("/v1/erasures").by(&self.token).json(&body);
        let begun = call.send().await.expect(202);
        self.keep("erasures", &begun);
    }

    async fn make(&mut self, app: &TestApp, noun: &'static str, body: Value) {
        let row = app
            .post(&format!("/v1/{noun}"))
            .by(&self.token)
            .json(&body)
            .send()
            .await
            .expect(201);
        self.keep(noun, &row);
    }

    fn keep(&mut self, noun: &'static str, row: &Value) {
        self.ids.insert(
            noun,
            row["id"]
                .as_str()
                .unwrap_or_else(|| panic!("{noun}: no id in {row}"))
                .to_owned(),
        );
        self.versions
            .insert(noun, row["version"].as_i64().unwrap_or(1));
    }

    /// The id of the noun.
    pub fn id(&self, noun: &str) -> &str {
        self.ids
            .get(noun)
            .unwrap_or_else(|| panic!("the fixture has no {noun}"))
    }

    /// A path with its parameters filled in.
    pub fn fill(&self, pattern: &str) -> String {
        let mut path = pattern.to_owned();
        if path.contains("{id}") {
            path = path.replace("{id}", self.id(noun(pattern)));
        }
        if path.contains("{list_id}") {
            path = path.replace("{list_id}", self.id("lists"));
        }
        if path.contains("{contact_id}") {
            path = path.replace("{contact_id}", self.id("contacts"));
        }
        if path.contains("{message_id}") {
            path = path.replace("{message_id}", self.id("webhook-messages"));
        }
        path.replace("{number}", "1")
            .replace("{token}", "bm8gc3VjaCB0b2tlbg")
    }

    /// The version of what a path names, as it was made.
    pub fn version(&self, pattern: &str) -> i64 {
        self.versions.get(noun(pattern)).copied().unwrap_or(1)
    }

    /// All that was made, as its owner reads it now.
    pub async fn snapshot(&self, app: &TestApp) -> Value {
        let mut all = json!({});
        for (noun, id) in &self.ids {
            let path = match *noun {
                "tenant" => "/v1/tenant".to_owned(),
                "sessions" => continue,
                "suppressions" => "/v1/suppressions".to_owned(),
                "exports" => "/v1/exports".to_owned(),
                "support-grants" => "/v1/support-grants".to_owned(),
                "signup-mails" => format!("/v1/mails/{id}"),
                // Another person's own; nobody else reads it.
                "passkeys" => continue,
                "send-slowdowns" => "/v1/send-slowdowns".to_owned(),
                "webhook-messages" => {
                    format!("/v1/webhooks/{}/messages/{id}", self.id("webhooks"))
                }
                noun => format!("/v1/{noun}/{id}"),
            };
            all[noun] = app.get(&path).by(&self.token).send().await.expect(200);
        }
        all
    }
}

/// The noun whose id a path names: what stands before it, or the first one.
fn noun(pattern: &str) -> &str {
    let before = pattern.split_once("/{id}").map(|(before, _)| before);
    match before {
        Some(before) => before.rsplit('/').next().unwrap_or(""),
        None => pattern.split('/').nth(2).unwrap_or(""),
    }
}
