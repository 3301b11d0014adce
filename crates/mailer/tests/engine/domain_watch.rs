//! Records of sender domains are looked up day by day.

use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use domain::operator::{Operator, tenants};
use domain::sender_domain::dkim::{record_name, record_value};
use hickory_resolver::proto::rr::RecordType;
use mailer::config::MailerConfig;
use mailer::domain_watch::DomainWatch;

use crate::support::{Action, Fixture, Sink, Zone};

const DOMAIN: &str = "example.co.jp";
const RETURN_PATH: &str = "bounce.example.co.jp";
const OF_ALL: &str = "bounce.kikubari.example";

/// A tenant whose domain is all right, and the names of the world.
struct World {
    sink: Sink,
    fixture: Fixture,
    zone: Zone,
    config: MailerConfig,
}

impl World {
    async fn new() -> Self {
        let sink = Sink::scripted(|_, _| Action::Accept).await;
        let clock = Clock::fixed("2026-11-20T06:00:00Z".parse().unwrap());
        let fixture = Fixture::with_clock(&sink, clock).await;
        let zone = Zone::default();
        zone.txt(DOMAIN, "v=spf1 -all");
        zone.txt(&format!("_dmarc.{DOMAIN}"), "v=DMARC1; p=none");
        zone.mx(DOMAIN, &[(10, "mx.example.co.jp")]);
        zone.cname(RETURN_PATH, OF_ALL);
        let config = MailerConfig {
            dns_server: Some(zone.serve().await),
            bounce_domain: Some(OF_ALL.into()),
            sites_by_mx: false,
            ..MailerConfig::default()
        };
        let world = Self {
            sink,
            fixture,
            zone,
            config,
        };
        world.publish_keys();
        world
    }

    fn selectors(&self) -> Vec<String> {
        let keys = self.fixture.domain.keys.iter();
        keys.map(|key| record_name(&key.selector, DOMAIN)).collect()
    }

    fn publish_keys(&self) {
        for key in &self.fixture.domain.keys {
            let value = record_value(key.algorithm().unwrap(), &key.public_key);
            self.zone.txt(&record_name(&key.selector, DOMAIN), &value);
        }
    }

    fn watch(&self) -> DomainWatch {
        DomainWatch::new(&self.fixture.database.db, &self.config)
    }

    fn now(&self) -> DateTime<Utc> {
        self.fixture.database.db.now()
    }

    /// Its mailer looks on the next day.
    async fn next_day(&self) {
        self.fixture.database.clock.advance(TimeDelta::hours(26));
        assert!(!self.watch().run_once().await.unwrap(), "one domain");
    }

    /// The domain of a mail's return path.
    async fn return_path(&self) -> String {
        let person = format!("p{}@example.jp", self.sink.mails().len());
        self.fixture.campaign(&[person]).await;
        let mailer = self.fixture.mailer_with(&self.config);
        mailer.drain().await.unwrap();
        let mail = self.sink.mails().pop().unwrap();
        mail.from.rsplit('@').next().unwrap().to_owned()
    }

    /// Lights of the keys, then of SPF, DMARC, the return path and the domain itself.
    async fn lights(&self) -> String {
        self.text(
            "SELECT (SELECT string_agg(checked_state, ' ' ORDER BY algorithm DESC) FROM dkim_key) || ' '
                    || spf_state || ' ' || dmarc_state || ' ' || return_path_state || ' ' || host_state FROM sender_domain",
        )
        .await
    }

    /// Notices by what they say and to how many.
    async fn notices(&self) -> String {
        self.text(
            "SELECT coalesce(string_agg(says || ' ' || n, ', ' ORDER BY says), '') FROM
             (SELECT kind || ' ' || (params ->> 'records') AS says, count(*) AS n FROM system_mail GROUP BY 1) AS k",
        )
        .await
    }

    async fn changes(&self) -> i64 {
        let sql = "SELECT count(*) FROM audit_entry WHERE action = 'sender_domain.records_changed' AND actor_kind = 'system'";
        self.fixture.database.count(sql).await
    }

    async fn text(&self, sql: &str) -> String {
        self.fixture.database.text(sql).await
    }

    async fn time(&self, sql: &str) -> DateTime<Utc> {
        let text = self
            .text(&format!("SELECT to_json(({sql})) #>> '{{}}'"))
            .await;
        text.parse().unwrap()
    }

    async fn checked_at(&self) -> DateTime<Utc> {
        self.time("SELECT checked_at FROM sender_domain").await
    }

    async fn due(&self) -> DateTime<Utc> {
        self.time("SELECT due_at FROM sender_domain_queue").await
    }
}

/// People of the test's tenant who can mend it.
const MENDERS: &str = "SELECT count(*) FROM user_account u JOIN role r ON r.tenant_id = u.tenant_id AND r.id = u.role_id
     WHERE r.key IN ('owner', 'admin')";

#[tokio::test]
async fn what_a_good_domain_loses_is_told_once_and_its_return_path_is_used_no_more() {
    let world = World::new().await;
    let menders = world.fixture.database.count(MENDERS).await;
    assert!(menders > 0);
    assert_eq!(world.return_path().await, OF_ALL, "nobody has looked yet");
    world.next_day().await;
    assert_eq!(world.lights().await, "ok ok ok ok ok ok");
    assert_eq!(
        (world.notices().await, world.changes().await),
        (String::new(), 1)
    );
    assert_eq!(world.return_path().await, RETURN_PATH);
    let good = world.now();

    world.zone.remove(RETURN_PATH);
    world.zone.remove(&world.selectors()[0]);
    world.next_day().await;
    assert_eq!(world.lights().await, "missing ok ok ok missing ok");
    let told = format!("sender_domain_lost [\"dkim\", \"return_path\"] {menders}");
    assert_eq!(
        (world.notices().await, world.changes().await),
        (told.clone(), 2)
    );
    assert_eq!(world.return_path().await, OF_ALL);
    let lost = world.now();
    for (column, since) in [("spf_since", good), ("return_path_since", lost)] {
        let sql = format!("SELECT {column} FROM sender_domain");
        assert_eq!(world.time(&sql).await, since, "{column}");
    }

    // Another day without it is no news, nor is that it is back.
    world.next_day().await;
    assert_eq!(
        (world.notices().await, world.changes().await),
        (told.clone(), 2)
    );
    assert_eq!(world.checked_at().await, world.now());
    world.zone.cname(RETURN_PATH, OF_ALL);
    world.next_day().await;
    assert_eq!(world.lights().await, "missing ok ok ok ok ok");
    assert_eq!((world.notices().await, world.changes().await), (told, 3));
    assert_eq!(world.return_path().await, RETURN_PATH);
}

#[tokio::test]
async fn name_servers_that_fail_change_nothing_and_are_asked_again_in_an_hour() {
    let world = World::new().await;
    world.next_day().await;
    let known = world.now();
    world.zone.broken(&format!("_dmarc.{DOMAIN}"));
    world.zone.remove(RETURN_PATH);
    world.next_day().await;
    assert_eq!(world.lights().await, "ok ok ok ok ok ok");
    assert_eq!(
        (world.notices().await, world.changes().await),
        (String::new(), 1)
    );
    assert_eq!(world.checked_at().await, known);
    assert_eq!(world.due().await, world.now() + TimeDelta::hours(1));
    assert_eq!(world.return_path().await, RETURN_PATH);

    world.zone.mended(&format!("_dmarc.{DOMAIN}"));
    world.fixture.database.clock.advance(TimeDelta::hours(1));
    world.watch().run_once().await.unwrap();
    assert_eq!(world.lights().await, "ok ok ok ok missing ok");
}

#[tokio::test]
async fn of_two_mailers_one_looks_and_nobody_before_a_day_is_over() {
    let world = World::new().await;
    let asked = || world.zone.asked(DOMAIN, RecordType::MX);
    world.watch().run_once().await.unwrap();
    assert_eq!(asked(), 0, "it was made just now");
    world.fixture.database.clock.advance(TimeDelta::hours(26));
    let (one, other) = (world.watch(), world.watch());
    let (one, other) = tokio::join!(one.run_once(), other.run_once());
    assert!(!one.unwrap() && !other.unwrap());
    assert_eq!(asked(), 1);
    let wait = world.due().await - world.now();
    assert!(
        wait >= TimeDelta::hours(23) && wait <= TimeDelta::hours(25),
        "{wait}"
    );
    world.fixture.database.clock.advance(TimeDelta::hours(22));
    world.watch().run_once().await.unwrap();
    assert_eq!(asked(), 1);
    // Put off for years by a clock that was wrong.
    let far = "UPDATE sender_domain_queue SET due_at = due_at + interval '3 years'";
    world.fixture.database.execute_as_owner(far).await;
    world.watch().run_once().await.unwrap();
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn a_suspended_company_s_domains_are_left_alone_until_it_goes_on() {
    let world = World::new().await;
    let (db, staff) = (
        world.fixture.database.operator_db(),
        Operator::command_line(),
    );
    let tenant = world.fixture.tenant;
    tenants::suspend(&db, &staff, tenant, "料金の未払い")
        .await
        .unwrap();
    world.next_day().await;
    assert_eq!(world.lights().await, ["unchecked"; 6].join(" "));
    assert!(world.due().await > world.now());
    tenants::resume(&db, &staff, tenant).await.unwrap();
    world.next_day().await;
    assert_eq!(world.lights().await, "ok ok ok ok ok ok");
}
