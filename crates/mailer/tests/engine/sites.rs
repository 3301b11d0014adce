//! Who receives for companies' own domains: their mail servers tell, also where a
//! relay hands the mails over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use domain::Actor;
use domain::clock::Clock;
use domain::limit::purge::{Purge, purge, waiting};
use domain::limit::{self, Scope, Terms, slow};
use domain::page::PageRequest;
use hickory_resolver::proto::rr::RecordType;
use mailer::config::MailerConfig;
use mailer::runner::Mailer;

use crate::support::{Action, Counts, Fixture, Sink, Zone};

const GOOGLE: &[(u16, &str)] = &[(1, "aspmx.l.google.com"), (5, "alt1.aspmx.l.google.com")];

/// A tenant that sends by a relay, and the names of the world.
struct World {
    zone: Zone,
    fixture: Fixture,
    config: MailerConfig,
}

impl World {
    async fn new(sink: &Sink) -> Self {
        let clock = Clock::fixed("2026-11-20T06:00:00Z".parse().unwrap());
        let zone = Zone::default();
        zone.mx("acme.example.jp", GOOGLE);
        zone.mx("bravo.example.jp", GOOGLE);
        zone.mx("own.example.jp", &[(10, "mx.own.example.jp")]);
        let config = MailerConfig {
            dns_server: Some(zone.serve().await),
            ..MailerConfig::default()
        };
        Self {
            fixture: Fixture::with_clock(sink, clock).await,
            zone,
            config,
        }
    }

    fn mailer(&self) -> Mailer {
        self.fixture.mailer_with(&self.config)
    }

    async fn limit(&self, site: &str, terms: Terms) {
        let scope = Scope {
            site: Some(site.to_owned()),
            sender_domain: None,
            route_id: None,
        };
        let actor = Actor::operator(self.fixture.tenant);
        limit::create(&self.fixture.database.db, &actor, scope, terms)
            .await
            .unwrap();
    }

    async fn slow_sites(&self) -> Vec<String> {
        let actor = Actor::operator(self.fixture.tenant);
        let page = slow::list(&self.fixture.database.db, &actor, &PageRequest::default())
            .await
            .unwrap();
        page.items.into_iter().map(|row| row.site).collect()
    }
}

fn pace(per_minute: i32) -> Terms {
    Terms {
        per_minute: Some(per_minute),
        max_sessions: None,
        suspended: false,
        warm_up: None,
    }
}

fn people(n: usize, domain: &str) -> Vec<String> {
    (0..n).map(|i| format!("p{i:04}@{domain}")).collect()
}

fn of_three(n: usize) -> Vec<String> {
    ["acme", "bravo", "own"]
        .iter()
        .flat_map(|name| people(n, &format!("{name}.example.jp")))
        .collect()
}

#[tokio::test]
async fn a_limit_of_a_provider_counts_the_domains_of_companies_there_from_the_first_mail() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let world = World::new(&sink).await;
    world.limit("gmail", pace(60)).await;
    let mut all = of_three(20);
    all.extend(people(20, "gmail.com"));
    world.fixture.campaign(&all).await;
    let mailer = world.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(
        sink.total(),
        20 + 2,
        "two seconds of the pace for all of them"
    );
    let held = "reason = 'held_back' AND site = 'gmail'";
    let of_companies = format!("{held} AND address NOT LIKE '%@gmail.com'");
    assert!(world.fixture.rows(&of_companies).await >= 38);
    let own = "state = 'accepted' AND site = 'own.example.jp'";
    assert_eq!(world.fixture.rows(own).await, 20);
    // Asked once for all mails, and not again while that is known.
    world.fixture.database.clock.advance(TimeDelta::seconds(30));
    mailer.drain().await.unwrap();
    assert_eq!(world.zone.asked("acme.example.jp", RecordType::MX), 1);
    assert_eq!(world.zone.asked("gmail.com", RecordType::MX), 0);
}

#[tokio::test]
async fn a_provider_that_asks_for_less_for_one_company_gets_less_of_all() {
    let is_tired = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_tired);
    let sink = Sink::scripted(move |address, _| {
        if switch.load(Ordering::SeqCst) && address.ends_with("@acme.example.jp") {
            return Action::Refuse("421 4.7.28 Gmail has detected an unusual rate of mail");
        }
        Action::Accept
    })
    .await;
    let world = World::new(&sink).await;
    let mailer = world.mailer();
    let first = world.fixture.campaign(&of_three(1)).await;
    mailer.drain().await.unwrap();
    assert_eq!(world.fixture.counts(first).await.accepted, 3);
    is_tired.store(true, Ordering::SeqCst);
    world.fixture.campaign(&people(1, "acme.example.jp")).await;
    mailer.drain().await.unwrap();
    assert_eq!(world.slow_sites().await, ["gmail"]);
    let second = world.fixture.campaign(&of_three(1)).await;
    mailer.drain().await.unwrap();
    let counts = world.fixture.counts(second).await;
    assert_eq!((counts.accepted, counts.queued), (1, 2), "{counts:?}");
}

#[tokio::test]
async fn what_the_ledger_says_of_a_site_is_the_provider() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let world = World::new(&sink).await;
    let mailer = world.mailer();
    world.fixture.campaign(&of_three(1)).await;
    mailer.drain().await.unwrap();
    let campaign = world.fixture.campaign(&of_three(2)).await;
    mailer.drain().await.unwrap();
    let sites = format!(
        "SELECT string_agg(DISTINCT site, ' ' ORDER BY site) FROM delivery WHERE campaign_id = '{campaign}'"
    );
    let sites = world.fixture.database.text(&sites).await;
    assert_eq!(sites, "gmail own.example.jp");
}

#[tokio::test]
async fn a_purge_by_provider_takes_what_waits_for_companies_there_too() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let world = World::new(&sink).await;
    let suspended = Terms {
        suspended: true,
        ..pace(60_000)
    };
    world.limit("gmail", suspended).await;
    let mailer = world.mailer();
    let held = world.fixture.campaign(&of_three(3)).await;
    mailer.drain().await.unwrap();
    assert_eq!(world.fixture.counts(held).await.queued, 6);
    // No mailer had these in hand.
    let waits = world.fixture.campaign(&of_three(5)).await;
    let (db, actor) = (
        &world.fixture.database.db,
        Actor::operator(world.fixture.tenant),
    );
    let of_gmail = Purge {
        campaign: None,
        site: Some("gmail".to_owned()),
    };
    let told = waiting(db, &actor, &of_gmail).await.unwrap();
    assert_eq!((told.waiting, told.in_hand), (16, 0));
    assert_eq!(purge(db, &actor, &of_gmail).await.unwrap(), 16);
    assert_eq!(world.fixture.counts(held).await.skipped, 6);
    assert_eq!(world.fixture.counts(waits).await.queued, 5);
}

#[tokio::test]
async fn a_limit_that_names_the_companys_domain_still_counts_it() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let world = World::new(&sink).await;
    world.limit("acme.example.jp", pace(60)).await;
    world.limit("gmail", pace(60_000)).await;
    world.fixture.campaign(&of_three(20)).await;
    world.mailer().drain().await.unwrap();
    assert_eq!(sink.total(), 40 + 2);
}

#[tokio::test]
async fn where_no_name_server_answers_mails_go_and_domains_are_sites_of_their_own() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let world = World::new(&sink).await;
    world.zone.broken("acme.example.jp");
    world.limit("gmail", pace(60)).await;
    let campaign = world.fixture.campaign(&people(30, "acme.example.jp")).await;
    world.mailer().drain().await.unwrap();
    let accepted = Counts {
        accepted: 30,
        ..Counts::default()
    };
    assert_eq!(world.fixture.counts(campaign).await, accepted);
    assert_eq!(world.fixture.rows("site = 'acme.example.jp'").await, 30);
}
