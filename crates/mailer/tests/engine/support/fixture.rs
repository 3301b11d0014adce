//! A tenant with a mail, a route to the sink and a campaign that is frozen and
//! sends, as the use cases would have made it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::Datelike;
use domain::Actor;
use domain::clock::Clock;
use domain::ids::{CampaignId, ContactId, RouteId, TenantId};
use domain::route::{self, Auth, Kind, NewRoute, Security};
use domain::secret::Keys;
use domain::sender_domain::{self, SenderDomain};
use domain::testing::{TestDatabase, TestTenant};
use mailer::config::MailerConfig;
use mailer::runner::Mailer;
use mailer::smtp::inside::Inside;
use mailer::smtp::route::REST_MAX;

use super::sink::Sink;

pub(crate) const SUBJECT: &str = "{{ name | sama }}へ①髙﨑のお知らせ";
pub(crate) const TEXT: &str = "{{ name }} 様\n〜新商品〜 ｶﾅ 😀\nhttps://example.jp/\n";
pub(crate) const HTML: &str = "<html><body><p>{{ name }} 様</p><a href=\"https://example.jp/a\">見る</a> \
     <a href=\"{{ cancel_url }}\">配信停止</a></body></html>";

/// All that an engine test stands on.
pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) keys: Arc<Keys>,
    pub(crate) tenant: TenantId,
    pub(crate) domain: SenderDomain,
    /// Where the first sink listens.
    pub(crate) relay: SocketAddr,
}

/// Numbers of a campaign, from the counters.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) queued: i64,
    pub(crate) claimed: i64,
    pub(crate) accepted: i64,
    pub(crate) deferred: i64,
    pub(crate) failed: i64,
    pub(crate) unknown: i64,
    pub(crate) skipped: i64,
}

impl Fixture {
    pub(crate) async fn new(sink: &Sink) -> Self {
        Self::with_clock(sink, Clock::system()).await
    }

    pub(crate) async fn with_clock(sink: &Sink, clock: Clock) -> Self {
        Self::on(sink, TestDatabase::with_clock(clock).await).await
    }

    pub(crate) async fn on(sink: &Sink, database: TestDatabase) -> Self {
        let keys = Arc::new(Keys::from_master(&[9; 32]).unwrap());
        let tenant = TestTenant::create(&database.db, "acme").await.id;
        let actor = Actor::operator(tenant);
        let domain = sender_domain::create(&database.db, &keys, &actor, "example.co.jp")
            .await
            .unwrap();
        route::create(&database.db, &keys, &actor, route_to(sink))
            .await
            .unwrap();
        Self {
            database,
            keys,
            tenant,
            domain,
            relay: sink.address,
        }
    }

    /// Adds a route beside the first one; answers its id.
    pub(crate) async fn route(&self, new: NewRoute) -> RouteId {
        let actor = Actor::operator(self.tenant);
        route::create(&self.database.db, &self.keys, &actor, new)
            .await
            .unwrap()
            .id
    }

    pub(crate) fn mailer(&self) -> Mailer {
        self.mailer_with(&MailerConfig::default())
    }

    pub(crate) fn mailer_with(&self, config: &MailerConfig) -> Mailer {
        let config = MailerConfig {
            // Without a name server of the test's own nobody is asked.
            sites_by_mx: config.sites_by_mx && config.dns_server.is_some(),
            ..config.clone()
        };
        Mailer::with_route_settings(&self.database.db, &self.keys, &config, |settings| {
            // The sinks of the tests listen on this machine.
            settings.inside = Inside::everywhere();
        })
        .unwrap()
    }

    /// One that leaves a route alone for good after its first failure.
    pub(crate) fn mailer_without_second_tries(&self) -> Mailer {
        let config = MailerConfig::default();
        Mailer::with_route_settings(&self.database.db, &self.keys, &config, |settings| {
            settings.inside = Inside::everywhere();
            settings.first_rest = REST_MAX;
        })
        .unwrap()
    }

    /// One that loses patience with a silent relay soon.
    pub(crate) fn impatient_mailer(&self) -> Mailer {
        let config = MailerConfig {
            sites_by_mx: false,
            ..MailerConfig::default()
        };
        Mailer::with_route_settings(&self.database.db, &self.keys, &config, |settings| {
            settings.inside = Inside::everywhere();
            settings.timeouts.command = Duration::from_secs(5);
            settings.timeouts.answer = Duration::from_secs(5);
        })
        .unwrap()
    }

    /// Another tenant, that sends to `sink`.
    pub(crate) async fn another_tenant(&self, name: &str, sink: &Sink) -> TenantId {
        let db = &self.database.db;
        let tenant = TestTenant::create(db, name).await.id;
        let actor = Actor::operator(tenant);
        sender_domain::create(db, &self.keys, &actor, "example.co.jp")
            .await
            .unwrap();
        route::create(db, &self.keys, &actor, route_to(sink))
            .await
            .unwrap();
        tenant
    }

    /// A sending campaign to these addresses; answers its id. Names are `人N`.
    pub(crate) async fn campaign(&self, addresses: &[String]) -> CampaignId {
        self.campaign_of(self.tenant, addresses).await
    }

    /// As [`Fixture::campaign`], of a tenant.
    pub(crate) async fn campaign_of(&self, tenant: TenantId, addresses: &[String]) -> CampaignId {
        let id = CampaignId::new();
        let now = self.database.db.now();
        let period = now.date_naive().with_day(1).unwrap();
        let quoted = quote(addresses);
        let mail = uuid::Uuid::now_v7();
        let ids: Vec<String> = addresses
            .iter()
            .map(|_| ContactId::new().to_string())
            .collect();
        let ids = quote(&ids);
        self.database
            .execute_as_owner(&format!(
                "INSERT INTO mail (tenant_id, id, name) VALUES ('{tenant}', '{mail}', 'm');
                 INSERT INTO mail_version (tenant_id, mail_id, number, subject, sender_name, sender_address, text_part, html_part, text_mode)
                 VALUES ('{tenant}', '{mail}', 1, '{SUBJECT}', '気配り商店', 'info@example.co.jp', '{TEXT}', '{HTML}', 'manual');
                 INSERT INTO campaign (tenant_id, id, name, mail_id, mail_number, audience, state, period, prepared_at, started_at)
                 VALUES ('{tenant}', '{id}', 'c', '{mail}', 1, '{{\"all\": true}}', 'sending', '{period}', '{now}', '{now}');
                 INSERT INTO contact (tenant_id, id, email, email_key, name, created_at, updated_at)
                 SELECT '{tenant}', id, a, a, '人' || n, '{now}', '{now}' FROM unnest(ARRAY[{quoted}]::text[], ARRAY[{ids}]::uuid[]) WITH ORDINALITY AS t (a, id, n)
                 ON CONFLICT (tenant_id, email_key) DO NOTHING;
                 INSERT INTO delivery (tenant_id, period, id, campaign_id, contact_id, address, state, due_at)
                 SELECT '{tenant}', '{period}', gen_random_uuid(), '{id}', id, email, 'queued', '{now}'
                 FROM contact WHERE tenant_id = '{tenant}' AND email = ANY (ARRAY[{quoted}]::text[]);
                 INSERT INTO campaign_counter (tenant_id, campaign_id, name, value)
                 SELECT '{tenant}', '{id}', 'queued', count(*) FROM delivery WHERE campaign_id = '{id}';
                 INSERT INTO send_queue (tenant_id, campaign_id, state, due_at) VALUES ('{tenant}', '{id}', 'sending', '{now}');"
            ))
            .await;
        id
    }

    /// What the counters say; panics when the rows say otherwise.
    pub(crate) async fn counts(&self, campaign: CampaignId) -> Counts {
        let mut numbers = [0; 7];
        let states = [
            "queued", "claimed", "accepted", "deferred", "failed", "unknown", "skipped",
        ];
        for (number, state) in numbers.iter_mut().zip(states) {
            let of = |table: &str| format!("FROM {table} WHERE campaign_id = '{campaign}'");
            let counted = format!(
                "SELECT coalesce(sum(value), 0) {} AND name = '{state}'",
                of("campaign_counter")
            );
            let rows = format!("SELECT count(*) {} AND state = '{state}'", of("delivery"));
            *number = self.database.count(&counted).await;
            assert_eq!(
                *number,
                self.database.count(&rows).await,
                "counter and rows of {state}"
            );
        }
        let [
            queued,
            claimed,
            accepted,
            deferred,
            failed,
            unknown,
            skipped,
        ] = numbers;
        Counts {
            queued,
            claimed,
            accepted,
            deferred,
            failed,
            unknown,
            skipped,
        }
    }

    /// How many deliveries fulfil a condition.
    pub(crate) async fn rows(&self, condition: &str) -> i64 {
        self.database
            .count(&format!("SELECT count(*) FROM delivery WHERE {condition}"))
            .await
    }

    pub(crate) async fn state(&self, campaign: CampaignId, state: &str) -> bool {
        let sql =
            format!("SELECT count(*) FROM campaign WHERE id = '{campaign}' AND state = '{state}'");
        self.database.count(&sql).await == 1
    }
}

pub(crate) fn route_to(sink: &Sink) -> NewRoute {
    NewRoute {
        name: "sink".into(),
        kind: Kind::Relay,
        host: Some(sink.address.ip().to_string()),
        port: Some(i32::from(sink.address.port())),
        security: Some(Security::None),
        auth: Auth::None,
        username: String::new(),
        password: None,
        source_address: String::new(),
        helo: String::new(),
        max_sessions: 10,
        sign: true,
        enabled: true,
        position: 0,
        weight: 100,
    }
}

pub(crate) fn addresses(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("person{i:05}@example.jp")).collect()
}

fn quote(addresses: &[String]) -> String {
    addresses
        .iter()
        .map(|a| format!("'{a}'"))
        .collect::<Vec<_>>()
        .join(",")
}
