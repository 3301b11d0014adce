//! Direct delivery: to the mail servers of each recipient's domain, which the
//! test's own name server names.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use chrono::{TimeDelta, TimeZone, Utc};
use domain::Actor;
use domain::clock::Clock;
use domain::limit::meaning::Meaning;
use domain::limit::slow;
use domain::page::PageRequest;
use hickory_resolver::proto::rr::RecordType;
use mailer::config::MailerConfig;
use mailer::runner::Mailer;

use crate::support::{Action, Authority, Counts, Fixture, Options, Sink, Tls, Zone};

/// A world with its names and a tenant that sends direct.
struct World {
    zone: Zone,
    fixture: Fixture,
    config: MailerConfig,
}

impl World {
    /// Where mail servers listen is where `sink` does.
    async fn new(sink: &Sink) -> Self {
        // Within the partitions that every database has: this month.
        let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap());
        let zone = Zone::default();
        let fixture = Fixture::with_clock(sink, clock).await;
        fixture
            .database
            .execute_as_owner(
                "UPDATE route SET kind = 'direct', host = NULL, port = NULL, security = NULL",
            )
            .await;
        let config = MailerConfig {
            direct_allow_private: true,
            direct_port: sink.address.port(),
            dns_server: Some(zone.serve().await),
            sites_by_mx: false,
            ..MailerConfig::default()
        };
        Self {
            zone,
            fixture,
            config,
        }
    }

    fn mailer(&self) -> Mailer {
        self.fixture.mailer_with(&self.config)
    }

    /// One that trusts this authority, and finds policies there.
    fn trusting(&self, authority: &Authority, policies: SocketAddr) -> Mailer {
        let (db, keys) = (&self.fixture.database.db, &self.fixture.keys);
        Mailer::with_route_settings(db, keys, &self.config, |settings| {
            settings.tls = authority.trusted();
            settings.direct.policy_port = policies.port();
        })
        .unwrap()
    }

    async fn one_mail(&self, to: &str) -> String {
        let campaign = self.fixture.campaign(&[to.to_owned()]).await;
        self.mailer().drain().await.unwrap();
        self.said(&campaign.to_string()).await
    }

    async fn said(&self, campaign: &str) -> String {
        let sql = format!(
            "SELECT concat_ws(' ', state, reason, reply_enhanced, reply_text) FROM delivery WHERE campaign_id = '{campaign}'"
        );
        self.fixture.database.text(&sql).await
    }
}

fn people(n: usize, domain: &str) -> Vec<String> {
    (0..n).map(|i| format!("p{i:04}@{domain}")).collect()
}

fn accepted(n: i64) -> Counts {
    Counts {
        accepted: n,
        ..Counts::default()
    }
}

/// A server at another address of this machine, on the same port.
async fn beside(sink: &Sink, last: u8) -> Sink {
    Sink::start(Options {
        at: ([127, 0, 0, last], sink.address.port()).into(),
        ..Options::default()
    })
    .await
}

async fn with_tls(tls: Tls) -> Sink {
    Sink::start(Options {
        tls,
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn mails_go_to_the_lowest_preference_and_to_the_next_when_that_does_not_answer() {
    let first = Sink::scripted(|_, _| Action::Accept).await;
    let second = beside(&first, 2).await;
    let world = World::new(&first).await;
    world.zone.mx(
        "alive.example.jp",
        &[(20, "b.example.jp"), (10, "a.example.jp")],
    );
    world.zone.mx(
        "dead.example.jp",
        &[
            (10, "dead.example.jp"),
            (10, "nowhere.example.jp"),
            (20, "b.example.jp"),
        ],
    );
    world.zone.a("a.example.jp", "127.0.0.1");
    world.zone.a("b.example.jp", "127.0.0.2");
    // Nobody listens there.
    world.zone.a("dead.example.jp", "127.0.0.3");
    let mut all = people(30, "alive.example.jp");
    all.extend(people(20, "dead.example.jp"));
    let campaign = world.fixture.campaign(&all).await;
    world.mailer().drain().await.unwrap();
    assert_eq!(world.fixture.counts(campaign).await, accepted(50));
    assert_eq!((first.total(), second.total()), (30, 20));
}

#[tokio::test]
async fn a_servers_refusal_is_its_word_and_no_other_is_asked() {
    let first = Sink::scripted(|_, _| Action::Refuse("550 5.1.1 nobody")).await;
    let second = beside(&first, 2).await;
    let world = World::new(&first).await;
    world
        .zone
        .mx("example.jp", &[(10, "a.example.jp"), (20, "b.example.jp")]);
    world.zone.a("a.example.jp", "127.0.0.1");
    world.zone.a("b.example.jp", "127.0.0.2");
    let said = world.one_mail("x@example.jp").await;
    assert_eq!(said, "failed rejected 5.1.1 5.1.1 nobody");
    assert_eq!(second.sessions(), 0);
    assert_eq!(world.fixture.rows("reply_host = 'a.example.jp'").await, 1);
}

#[tokio::test]
async fn a_domain_that_takes_no_mail_fails_at_once_and_one_that_is_silent_waits() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let world = World::new(&sink).await;
    world.zone.mx("null.example.jp", &[(0, ".")]);
    world.zone.txt("empty.example.jp", "nothing here");
    world.zone.broken("broken.example.jp");
    world.zone.a("bare.example.jp", "127.0.0.1");
    let null = world.one_mail("x@null.example.jp").await;
    assert!(null.starts_with("failed no_host 5.1.10 "), "{null}");
    let gone = world.one_mail("x@gone.example.jp").await;
    assert!(gone.starts_with("failed no_host 5.1.2 "), "{gone}");
    let empty = world.one_mail("x@empty.example.jp").await;
    assert!(empty.starts_with("failed no_host 5.1.2 "), "{empty}");
    let broken = world.one_mail("x@broken.example.jp").await;
    assert!(broken.starts_with("deferred dns 4.4.3 "), "{broken}");
    assert_eq!(sink.total(), 0);
    let bare = world.one_mail("x@bare.example.jp").await;
    assert!(bare.starts_with("accepted "), "{bare}");
}

#[tokio::test]
async fn tls_is_taken_where_it_is_offered_and_done_without_where_it_is_broken() {
    let authority = Authority::new();
    for (tls, encrypted) in [
        (Tls::With(authority.acceptor("other.example.jp")), 5),
        (Tls::Broken, 0),
        (Tls::NotOffered, 0),
    ] {
        let sink = with_tls(tls).await;
        let world = World::new(&sink).await;
        world.zone.mx("example.jp", &[(10, "mx.example.jp")]);
        world.zone.a("mx.example.jp", "127.0.0.1");
        let campaign = world.fixture.campaign(&people(5, "example.jp")).await;
        world.mailer().drain().await.unwrap();
        assert_eq!(world.fixture.counts(campaign).await, accepted(5));
        assert_eq!(sink.encrypted(), encrypted);
    }
}

const ENFORCE: &str = "version: STSv1\nmode: enforce\nmx: mx.example.jp\nmax_age: 86400\n";

/// What becomes of a mail to a domain with this policy, whose server shows a
/// certificate for `shown`.
async fn by_policy(policy: &str, shown: &str) -> (String, usize) {
    let authority = Authority::new();
    let sink = with_tls(Tls::With(authority.acceptor(shown))).await;
    let world = World::new(&sink).await;
    world.zone.mx("example.jp", &[(10, "mx.example.jp")]);
    world.zone.a("mx.example.jp", "127.0.0.1");
    world.zone.a("mta-sts.example.jp", "127.0.0.1");
    world.zone.txt("_mta-sts.example.jp", "v=STSv1; id=1;");
    let (at, _) = authority.policy("mta-sts.example.jp", policy).await;
    let campaign = world.fixture.campaign(&people(1, "example.jp")).await;
    world.trusting(&authority, at).drain().await.unwrap();
    (world.said(&campaign.to_string()).await, sink.encrypted())
}

#[tokio::test]
async fn a_policy_that_is_enforced_wants_the_servers_own_certificate() {
    let (said, encrypted) = by_policy(ENFORCE, "mx.example.jp").await;
    assert!(said.starts_with("accepted "), "{said}");
    assert_eq!(encrypted, 1);
    let (said, encrypted) = by_policy(ENFORCE, "evil.example.jp").await;
    assert!(said.starts_with("deferred tls_policy "), "{said}");
    assert!(
        said.contains("MTA-STS") && said.contains("certificate"),
        "{said}"
    );
    assert_eq!(encrypted, 0);
    let elsewhere = ENFORCE.replace("mx.example.jp", "*.elsewhere.jp");
    let (said, _) = by_policy(&elsewhere, "mx.example.jp").await;
    assert!(said.starts_with("deferred tls_policy 4.7.5 "), "{said}");
    let tried_out = ENFORCE.replace("enforce", "testing");
    let (said, encrypted) = by_policy(&tried_out, "evil.example.jp").await;
    assert!(said.starts_with("accepted "), "{said}");
    assert_eq!(encrypted, 1);
}

#[tokio::test]
async fn an_enforced_policy_is_not_passed_by_without_tls() {
    let authority = Authority::new();
    let sink = with_tls(Tls::NotOffered).await;
    let world = World::new(&sink).await;
    world.zone.mx("example.jp", &[(10, "mx.example.jp")]);
    world.zone.a("mx.example.jp", "127.0.0.1");
    world.zone.a("mta-sts.example.jp", "127.0.0.1");
    world.zone.txt("_mta-sts.example.jp", "v=STSv1; id=1;");
    let (at, fetched) = authority.policy("mta-sts.example.jp", ENFORCE).await;
    let campaign = world.fixture.campaign(&people(120, "example.jp")).await;
    let mailer = world.trusting(&authority, at);
    mailer.drain().await.unwrap();
    let counts = world.fixture.counts(campaign).await;
    assert_eq!((counts.deferred, sink.total()), (120, 0));
    // The same is known of the second attempt.
    world.fixture.database.clock.advance(TimeDelta::hours(1));
    mailer.drain().await.unwrap();
    assert_eq!(world.fixture.rows("attempts = 2").await, 120);
    assert_eq!(fetched.load(Ordering::SeqCst), 1, "the policy is kept");
}

#[tokio::test]
async fn a_server_on_a_private_address_is_not_spoken_to_unless_allowed() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let mut world = World::new(&sink).await;
    world.config.direct_allow_private = false;
    // That relays may be private says nothing of whom strangers name.
    world.config.relay_inside = format!("mx.example.jp:{}", sink.address.port());
    world.zone.mx("example.jp", &[(10, "mx.example.jp")]);
    world.zone.a("mx.example.jp", "127.0.0.1");
    world.zone.txt("_mta-sts.example.jp", "v=STSv1; id=1;");
    world.zone.a("mta-sts.example.jp", "127.0.0.1");
    let authority = Authority::new();
    let (at, fetched) = authority.policy("mta-sts.example.jp", ENFORCE).await;
    let campaign = world.fixture.campaign(&people(3, "example.jp")).await;
    world.trusting(&authority, at).drain().await.unwrap();
    assert_eq!(world.fixture.counts(campaign).await.deferred, 3);
    let said = "reason = 'unreachable' AND reply_text LIKE '%private networks%'";
    assert_eq!(world.fixture.rows(said).await, 3);
    assert_eq!((sink.sessions(), fetched.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test]
async fn mails_to_one_domain_share_lookups_and_sessions() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let world = World::new(&sink).await;
    world.zone.mx("example.jp", &[(10, "mx.example.jp")]);
    // Another domain of the same server.
    world.zone.mx("example.net", &[(10, "mx.example.jp")]);
    world.zone.a("mx.example.jp", "127.0.0.1");
    world
        .fixture
        .database
        .execute_as_owner("UPDATE route SET max_sessions = 2, helo = 'out.example.co.jp', source_address = '127.0.0.5'")
        .await;
    let mut all = people(150, "example.jp");
    all.extend(people(150, "example.net"));
    let campaign = world.fixture.campaign(&all).await;
    world.mailer().drain().await.unwrap();
    assert_eq!(world.fixture.counts(campaign).await, accepted(300));
    assert!(sink.sessions() <= 2, "{}", sink.sessions());
    assert_eq!(world.zone.asked("example.jp", RecordType::MX), 1);
    assert_eq!(world.zone.asked("example.net", RecordType::MX), 1);
    assert!(sink.helos().iter().all(|helo| helo == "out.example.co.jp"));
}

#[tokio::test]
async fn idle_sessions_make_room_for_mails_to_other_servers() {
    let first = Sink::scripted(|_, _| Action::Accept).await;
    let second = beside(&first, 2).await;
    let world = World::new(&first).await;
    for (name, at) in [
        ("one.example.jp", "127.0.0.1"),
        ("two.example.jp", "127.0.0.2"),
    ] {
        world.zone.mx(name, &[(10, name)]);
        world.zone.a(name, at);
    }
    world
        .fixture
        .database
        .execute_as_owner("UPDATE route SET max_sessions = 1")
        .await;
    let mut all = people(10, "one.example.jp");
    all.extend(people(10, "two.example.jp"));
    let campaign = world.fixture.campaign(&all).await;
    world.mailer().drain().await.unwrap();
    assert_eq!(world.fixture.counts(campaign).await, accepted(20));
    assert_eq!((first.total(), second.total()), (10, 10));
}

/// What becomes of mails to au when its server cuts each line so; how often the
/// site was found to be tired, and of what.
async fn cut_by_au(resets: bool) -> Vec<(String, Meaning)> {
    let sink = Sink::start(Options {
        script: Box::new(|to, _| match to.ends_with("@ezweb.ne.jp") {
            true => Action::CutBeforeData,
            false => Action::Accept,
        }),
        resets,
        ..Options::default()
    })
    .await;
    let world = World::new(&sink).await;
    world.zone.a("mx.example.jp", "127.0.0.1");
    for domain in ["ezweb.ne.jp", "calm.example.jp"] {
        world.zone.mx(domain, &[(10, "mx.example.jp")]);
    }
    let mut all = people(20, "ezweb.ne.jp");
    all.extend(people(5, "calm.example.jp"));
    let campaign = world.fixture.campaign(&all).await;
    world.mailer().drain().await.unwrap();
    let counts = world.fixture.counts(campaign).await;
    assert_eq!((counts.accepted, counts.unknown, counts.failed), (5, 0, 0));
    assert!(counts.deferred > 0, "{counts:?}");
    let told = "state = 'deferred' AND reason <> 'held_back' AND reason <> 'interrupted'";
    assert_eq!(world.fixture.rows(told).await, 0);
    let (db, actor) = (
        &world.fixture.database.db,
        Actor::operator(world.fixture.tenant),
    );
    let slow = slow::list(db, &actor, &PageRequest::default()).await;
    let slow = slow.unwrap().items.into_iter();
    slow.map(|slow| (slow.site, slow.meaning)).collect()
}

#[tokio::test]
async fn a_site_whose_server_resets_the_line_is_given_less() {
    assert_eq!(cut_by_au(true).await, [("au".to_owned(), Meaning::TooFast)]);
    assert_eq!(cut_by_au(false).await, [], "a line may end by accident");
}
