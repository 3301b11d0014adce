//! What recipients reach without log-in: cancel page, pixel, counted links.

mod cancel;
mod machine;
mod track;

use domain::clock::Clock;
use domain::delivery::token::{DeliveryToken, Purpose};
use domain::ids::{CampaignId, ContactId, DeliveryId, ListId, TenantId};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

/// A browser that a person uses.
const PERSON: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// A tenant whose campaign to one list has gone out to two people.
struct Sent {
    app: TestApp,
    tenant: TenantId,
    access: String,
    list: ListId,
    other_list: ListId,
    campaign: CampaignId,
    contacts: Vec<ContactId>,
    deliveries: Vec<DeliveryId>,
}

impl Sent {
    async fn new() -> Self {
        Self::with_clock(Clock::system()).await
    }

    async fn with_clock(clock: Clock) -> Self {
        let app = TestApp::with_clock(clock).await;
        let tenant = app.tenant("acme").await;
        Self::of(app, &tenant.login_id("owner"), tenant.id, "ja").await
    }

    async fn of(app: TestApp, login_id: &str, tenant: TenantId, locale: &str) -> Self {
        let mut sent = Self {
            access: app.log_in(login_id).await,
            app,
            tenant,
            list: ListId::new(),
            other_list: ListId::new(),
            campaign: CampaignId::new(),
            contacts: Vec::new(),
            deliveries: Vec::new(),
        };
        sent.list = ListId(sent.make("lists", json!({"name": "月刊ニュース"})).await);
        sent.other_list = ListId(sent.make("lists", json!({"name": "セール"})).await);
        for (email, city) in [
            ("taro.yamada@example.jp", "横浜"),
            ("hanako@example.jp", "a b&c"),
        ] {
            let person =
                json!({"email": email, "name": city, "list_ids": [sent.list, sent.other_list]});
            let id = sent.make("contacts", person).await;
            sent.contacts.push(ContactId(id));
        }
        let mail =
            json!({"name": "11月号", "subject": "11月号", "locale": locale, "html": "<p>x</p>"});
        let mail = sent.make("mails", mail).await;
        let campaign =
            json!({"name": "11月号", "mail_id": mail, "audience": {"list_ids": [sent.list]}});
        sent.campaign = CampaignId(sent.make("campaigns", campaign).await);
        sent.send().await;
        sent
    }

    async fn make(&self, noun: &str, body: Value) -> uuid::Uuid {
        let path = format!("/v1/{noun}");
        let call = self.app.post(&path).by(&self.access).json(&body);
        let row = call.send().await.expect(201);
        row["id"].as_str().unwrap().parse().unwrap()
    }

    /// What the engine would have written: deliveries that wait, and links.
    async fn send(&mut self) {
        let (t, c) = (self.tenant, self.campaign);
        let period = self.period();
        self.run(&format!(
            "UPDATE campaign SET state = 'sending', period = '{period}', mail_number = 1,
                 epoch = (SELECT epoch FROM installation) WHERE id = '{c}';
             INSERT INTO link (tenant_id, campaign_id, number, url) VALUES
                 ('{t}', '{c}', 1, 'https://example.jp/news?a=1&b=2'),
                 ('{t}', '{c}', 2, 'https://example.jp/in/{{{{ name }}}}'),
                 ('{t}', '{c}', 3, 'javascript:alert(1)')"
        ))
        .await;
        for contact in self.contacts.clone() {
            let id = DeliveryId::new();
            self.deliveries.push(id);
            self.run(&format!(
                "INSERT INTO delivery (tenant_id, period, id, campaign_id, contact_id, address, state, due_at)
                 SELECT tenant_id, '{period}', '{id}', '{c}', id, email, 'queued', now() - interval '1 hour' FROM contact WHERE id = '{contact}';
                 INSERT INTO campaign_counter AS k VALUES ('{t}', '{c}', 'queued', 1)
                 ON CONFLICT (tenant_id, campaign_id, name) DO UPDATE SET value = k.value + 1"
            ))
            .await;
        }
    }

    fn period(&self) -> chrono::NaiveDate {
        use chrono::Datelike;
        self.app.state.db.now().date_naive().with_day(1).unwrap()
    }

    fn token(&self, purpose: Purpose, person: usize) -> String {
        DeliveryToken {
            tenant: self.tenant,
            period: self.period(),
            delivery: self.deliveries[person],
            purpose,
        }
        .encode(&self.app.state.keys)
    }

    fn cancel(&self, person: usize) -> String {
        format!("/p/cancel/{}", self.token(Purpose::Cancel, person))
    }

    fn pixel(&self, person: usize) -> String {
        format!("/t/o/{}", self.token(Purpose::Open, person))
    }

    fn link(&self, number: u16, person: usize) -> String {
        let campaign = self.campaign;
        let purpose = Purpose::Click { campaign, number };
        format!("/t/c/{}", self.token(purpose, person))
    }

    async fn run(&self, sql: &str) {
        self.app.database.execute_as_owner(sql).await;
    }

    async fn count(&self, sql: &str) -> i64 {
        self.app
            .database
            .count(&format!("SELECT count(*) FROM {sql}"))
            .await
    }

    async fn text(&self, sql: &str) -> String {
        self.app.database.text(sql).await
    }

    /// A count of people of the campaign.
    async fn people(&self, name: &str) -> i64 {
        let c = self.campaign;
        let sql = format!(
            "SELECT coalesce(sum(value), 0)::bigint FROM campaign_counter WHERE campaign_id = '{c}' AND name = '{name}'"
        );
        self.app.database.count(&sql).await
    }
}

fn html(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.bytes).unwrap()
}

/// What no page for recipients may do.
#[track_caller]
fn is_bare(answer: &Answer) {
    for name in ["set-cookie", "location"] {
        assert_eq!(answer.header(name), "", "{name}");
    }
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-robots-tag"), "noindex, nofollow");
}
