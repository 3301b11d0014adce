//! From the person's click to the last mail: what the scheduler does by itself.

use chrono::{TimeDelta, TimeZone, Utc};
use domain::campaign::audience::Audience;
use domain::campaign::state::State;
use domain::campaign::{self, Campaign, NewCampaign, control, preflight};
use domain::clock::Clock;
use domain::mail::content::ContentChange;
use domain::mail::render::Installation;
use domain::mail::{self, NewMail};
use domain::tenant::{self, TenantChange};
use domain::{Actor, contact, template};

use crate::support::{Action, Counts, Fixture, Sink, addresses};

/// A draft to everybody, that pre-flight lets pass.
pub(crate) async fn draft(fixture: &Fixture, people: usize) -> Campaign {
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let legal = TenantChange {
        legal_sender_name: Some("株式会社acme".to_owned()),
        legal_postal_address: Some("東京都千代田区1-1-1".to_owned()),
        legal_contact: Some("info@example.co.jp".to_owned()),
        ..TenantChange::default()
    };
    tenant::update(db, &actor, 1, legal).await.unwrap();
    for email in addresses(people) {
        let new = contact::NewContact {
            email,
            name: "髙橋".to_owned(),
            fields: std::collections::BTreeMap::new(),
            list_ids: Vec::new(),
        };
        contact::create(db, &actor, new, "manual").await.unwrap();
    }
    let from = template::get_supplied(db, &actor, template::FIRST_MAIL)
        .await
        .unwrap();
    let new = NewMail {
        name: "お知らせ".to_owned(),
        from_template_id: Some(from.id),
        content: ContentChange {
            sender_name: Some("acme".to_owned()),
            sender_address: Some("news@example.co.jp".to_owned()),
            ..ContentChange::default()
        },
        ..NewMail::default()
    };
    let mail = mail::create(db, &actor, new).await.unwrap();
    let new = NewCampaign {
        name: "配信".to_owned(),
        mail_id: Some(mail.id),
        audience: Audience {
            all: true,
            ..Audience::default()
        },
        route_id: None,
        hours: None,
        best_hour: false,
        ab_test: None,
    };
    campaign::create(db, &actor, new).await.unwrap()
}

pub(crate) fn installation(fixture: &Fixture) -> Installation {
    Installation {
        public_url: "https://mail.example".to_owned(),
        keys: std::sync::Arc::clone(&fixture.keys),
    }
}

fn accepted(n: i64) -> Counts {
    Counts {
        accepted: n,
        ..Counts::default()
    }
}

#[tokio::test]
async fn a_campaign_that_a_person_sends_is_frozen_and_sent_by_a_running_mailer() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let draft = draft(&fixture, 12).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(fixture.mailer().run(async {
        ended.await.ok();
    }));
    let installation = installation(&fixture);
    let found = preflight::run(db, &actor, &installation, draft.id)
        .await
        .unwrap();
    assert!(found.can_send(), "{:?}", found.checks);
    control::send(db, &actor, &installation, draft.id, 12)
        .await
        .unwrap();
    while !fixture.state(draft.id, "finished").await {
        tokio::task::yield_now().await;
    }
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(fixture.counts(draft.id).await, accepted(12));
    assert_eq!(sink.taken().len(), 12);
    assert_eq!(sink.duplicates(), Vec::<String>::new());
}

#[tokio::test]
async fn a_scheduled_campaign_goes_out_at_its_time_and_not_before() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap());
    let fixture = Fixture::with_clock(&sink, clock).await;
    let draft = draft(&fixture, 3).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let at = db.now() + TimeDelta::hours(1);
    control::schedule(
        db,
        &actor,
        &installation(&fixture),
        draft.id,
        at,
        "Asia/Tokyo",
    )
    .await
    .unwrap();
    let mailer = fixture.mailer();
    fixture.database.clock.advance(TimeDelta::minutes(59));
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 0);
    fixture.database.clock.advance(TimeDelta::minutes(1));
    mailer.drain().await.unwrap();
    assert_eq!(fixture.counts(draft.id).await, accepted(3));
    assert!(fixture.state(draft.id, "finished").await);
}

#[tokio::test]
async fn a_scheduled_campaign_that_is_not_ready_any_more_becomes_a_draft_that_says_why() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let clock = Clock::fixed(Utc.with_ymd_and_hms(2026, 11, 20, 3, 0, 0).unwrap());
    let fixture = Fixture::with_clock(&sink, clock).await;
    let draft = draft(&fixture, 3).await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let at = db.now() + TimeDelta::hours(1);
    control::schedule(
        db,
        &actor,
        &installation(&fixture),
        draft.id,
        at,
        "Asia/Tokyo",
    )
    .await
    .unwrap();
    fixture
        .database
        .execute_as_owner("UPDATE route SET enabled = false")
        .await;
    fixture.database.clock.advance(TimeDelta::hours(2));
    fixture.mailer().drain().await.unwrap();
    let after = campaign::get(db, &actor, draft.id).await.unwrap();
    assert_eq!(after.state, State::Draft);
    assert_eq!(
        after.state_reason.as_deref(),
        Some("pre-flight blocks: route")
    );
    assert_eq!(sink.total(), 0);
}
