//! The product's own mails, on a lane of their own.

use std::net::IpAddr;

use domain::user::reset;
use mailer::config::MailerConfig;
use mailer::system_mail::SystemMail;

use crate::support::{Action, Fixture, Sink, addresses};

fn from_here() -> Option<IpAddr> {
    Some("203.0.113.9".parse().unwrap())
}

fn config(sink: &Sink) -> MailerConfig {
    let config = MailerConfig {
        public_url: "https://mail.example.jp".into(),
        system_mail_host: Some("127.0.0.1".into()),
        system_mail_port: sink.address.port(),
        system_mail_security: domain::route::Security::None,
        system_mail_from: Some("kikubari@example.jp".into()),
        ..MailerConfig::default()
    };
    config.check().unwrap();
    config
}

fn lane(fixture: &Fixture, sink: &Sink) -> SystemMail {
    SystemMail::new(&fixture.database.db, &fixture.keys, &config(sink))
        .unwrap()
        .expect("it is set")
}

async fn ask(fixture: &Fixture) {
    let db = &fixture.database.db;
    reset::request(db, &fixture.keys, "acme-owner", from_here())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_link_goes_out_as_a_mail_that_nobody_wrote_and_is_wiped() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    ask(&fixture).await;
    let lane = lane(&fixture, &sink);
    assert!(lane.run_once().await.unwrap());
    assert!(!lane.run_once().await.unwrap(), "once");
    let mails = sink.mails();
    let mail = &mails[0];
    assert_eq!(
        (mails.len(), mail.to.as_str()),
        (1, "owner@acme.example.jp")
    );
    assert_eq!(mail.from, "kikubari@example.jp");
    assert_eq!(mail.headers("Auto-Submitted"), ["auto-generated"]);
    assert!(mail.headers("Subject")[0].starts_with("=?utf-8?"));
    assert!(mail.text().contains("multipart/alternative"));
    let left = "SELECT count(*) FROM system_mail WHERE state = 'sent' AND secret_sealed IS NULL AND address = ''";
    assert_eq!(fixture.database.count(left).await, 1);
}

#[tokio::test]
async fn a_refused_mail_is_given_up_and_a_deferred_one_is_tried_again() {
    let sink = Sink::scripted(|_, attempt| match attempt {
        1 => Action::Refuse("451 4.3.0 later"),
        _ => Action::Refuse("550 5.1.1 nobody here"),
    })
    .await;
    let fixture = Fixture::with_clock(&sink, fixed()).await;
    ask(&fixture).await;
    let lane = lane(&fixture, &sink);
    assert!(lane.run_once().await.unwrap());
    assert!(!lane.run_once().await.unwrap(), "not at once");
    let waits = "SELECT count(*) FROM system_mail_queue";
    assert_eq!(fixture.database.count(waits).await, 1);
    fixture
        .database
        .clock
        .advance(chrono::TimeDelta::seconds(16));
    assert!(lane.run_once().await.unwrap());
    assert_eq!(fixture.database.count(waits).await, 0);
    let failed = "SELECT count(*) FROM system_mail WHERE state = 'failed' AND reply LIKE '550%'";
    assert_eq!(fixture.database.count(failed).await, 1);
}

#[tokio::test]
async fn a_relay_that_is_away_costs_no_mail() {
    let sink = Sink::scripted(|_, _| Action::CutBeforeData).await;
    let fixture = Fixture::with_clock(&sink, fixed()).await;
    ask(&fixture).await;
    let lane = lane(&fixture, &sink);
    assert!(lane.run_once().await.unwrap());
    let waits = "SELECT count(*) FROM system_mail_queue WHERE leased_until IS NULL";
    assert_eq!(fixture.database.count(waits).await, 1);
}

#[tokio::test]
async fn a_campaign_under_way_does_not_delay_a_link() {
    // The campaign's relay takes its mails and never answers; the product's own is another one.
    let stuck = Sink::scripted(|_, _| Action::HangAfterDot).await;
    let own = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&stuck).await;
    fixture.campaign(&addresses(50)).await;
    let mailer = fixture.mailer_with(&config(&own));
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(mailer.run(async {
        ended.await.ok();
    }));
    stuck.until(1).await;
    ask(&fixture).await;
    own.until(1).await;
    assert_eq!(own.mails()[0].to, "owner@acme.example.jp");
    end.send(()).ok();
    running.abort();
}

#[expect(clippy::disallowed_methods, reason = "the clock of a test begins now")]
fn fixed() -> domain::clock::Clock {
    domain::clock::Clock::fixed(chrono::Utc::now())
}
