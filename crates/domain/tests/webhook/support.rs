//! A tenant with webhooks, and a sender of them.

use chrono::{DateTime, Utc};
use domain::clock::Clock;
use domain::contact::{self, NewContact};
use domain::egress::Rules;
use domain::ids::{WebhookId, WorkerId};
use domain::secret::Keys;
use domain::testing::{TestDatabase, TestTenant};
use domain::webhook::work::{Attempt, Batch, claim, record};
use domain::webhook::{self, NewWebhook, Topic, outbox};
use domain::{Actor, Db};
use secrecy::SecretString;
use serde_json::Value;

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) keys: Keys,
    pub(crate) actor: Actor,
    pub(crate) worker: WorkerId,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::with_clock(Clock::fixed(Utc::now())).await;
        let tenant = TestTenant::create(&database.db, "acme").await;
        Self {
            actor: tenant.owner(),
            database,
            keys: Keys::from_master(&[3; 32]).unwrap(),
            worker: WorkerId::new(),
        }
    }

    pub(crate) fn db(&self) -> &Db {
        &self.database.db
    }

    pub(crate) async fn webhook(&self, events: &[Topic]) -> (WebhookId, SecretString) {
        self.webhook_of(&self.actor, events).await
    }

    pub(crate) async fn webhook_of(
        &self,
        actor: &Actor,
        events: &[Topic],
    ) -> (WebhookId, SecretString) {
        let new = NewWebhook {
            url: "https://example.jp/hook".to_owned(),
            description: String::new(),
            events: events.to_vec(),
            enabled: true,
        };
        let rules = Rules::default();
        let (made, secret) = webhook::create(self.db(), &self.keys, &rules, actor, new)
            .await
            .unwrap();
        (made.id, secret)
    }

    pub(crate) async fn contact(&self, email: &str) -> contact::Contact {
        let new = NewContact {
            email: email.to_owned(),
            name: "髙橋".to_owned(),
            ..NewContact::default()
        };
        contact::create(self.db(), &self.actor, new, "manual")
            .await
            .unwrap()
    }

    pub(crate) async fn fan_out(&self) {
        while outbox::fan_out(self.db()).await.unwrap() {}
    }

    /// Events of all messages, in their order: type and e-mail (or name).
    pub(crate) async fn told(&self) -> Vec<String> {
        self.fan_out().await;
        let text = self
            .database
            .text("SELECT coalesce(json_agg(body ORDER BY id), '[]') FROM webhook_message")
            .await;
        let bodies: Vec<String> = serde_json::from_str(&text).unwrap();
        let mut events = Vec::new();
        for body in bodies {
            let body: Value = serde_json::from_str(&body).unwrap();
            body["timestamp"]
                .as_str()
                .unwrap()
                .parse::<DateTime<Utc>>()
                .unwrap();
            for event in body["data"].as_array().unwrap() {
                let who = ["email", "name", "domain", "filename"];
                let who = who
                    .iter()
                    .find_map(|key| event[*key].as_str())
                    .unwrap_or("");
                events.push(format!("{} {who}", body["type"].as_str().unwrap()));
            }
        }
        events
    }

    pub(crate) async fn claim(&self) -> Option<Batch> {
        claim(self.db(), &self.keys, self.worker).await.unwrap()
    }

    pub(crate) async fn answer(&self, batch: &Batch, status: Option<u16>) {
        let attempts: Vec<Attempt> = batch
            .messages
            .iter()
            .map(|_| Attempt {
                at: self.db().now(),
                duration_ms: 5,
                status,
                error: status.is_none().then(|| "connection refused".to_owned()),
                answer: "\0<script>".to_owned() + &"あ".repeat(5000),
                retry_after: None,
            })
            .collect();
        record(self.db(), self.worker, batch, &attempts)
            .await
            .unwrap();
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        self.database.text(sql).await
    }
}
