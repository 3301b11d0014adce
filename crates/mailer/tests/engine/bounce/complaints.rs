//! Too many complaints: people are told, then all that runs is held, and goes on
//! when a person says so.

use chrono::{TimeDelta, TimeZone, Utc};
use domain::Actor;
use domain::campaign::control;
use domain::clock::Clock;
use domain::ids::CampaignId;

use super::{World, complaint};
use crate::schedule::{draft, installation};
use crate::support::{Action, Fixture, Sink, addresses};

impl World {
    /// Return paths of so many mails that arrived.
    async fn arrived(&self, n: usize) -> Vec<String> {
        let before = self.sink.mails().len();
        self.fixture.campaign(&addresses(n)).await;
        self.drain().await;
        let mails = self.sink.mails().into_iter().skip(before);
        mails.map(|mail| mail.from).collect()
    }

    async fn complain(&self, paths: &[String]) {
        for path in paths {
            assert_eq!(self.hand_over(path, &complaint()).await, "250");
        }
    }

    /// Notices to the people who may send, by kind and number of people.
    async fn notices(&self) -> String {
        self.text(
            "SELECT coalesce(string_agg(kind || ' ' || n, ', ' ORDER BY kind), '') FROM
             (SELECT kind, count(*) AS n FROM system_mail GROUP BY kind) AS k",
        )
        .await
    }

    async fn reason(&self, campaign: CampaignId) -> String {
        self.text(&format!(
            "SELECT state || coalesce(' ' || state_reason, '') FROM campaign WHERE id = '{campaign}'"
        ))
        .await
    }

    async fn audited(&self, action: &str) -> i64 {
        self.count(&format!(
            "SELECT count(*) FROM audit_entry WHERE action = '{action}'"
        ))
        .await
    }
}

/// People of the test's tenant who may send.
const SENDERS: &str = "SELECT count(*) FROM user_account u JOIN role r ON r.tenant_id = u.tenant_id AND r.id = u.role_id
     WHERE r.key IN ('owner', 'admin', 'editor', 'approver')";

#[tokio::test]
async fn people_are_told_first_and_then_what_runs_is_held_until_a_person_resumes_it() {
    let world = World::new().await;
    let paths = world.arrived(20).await;
    let one = world.fixture.campaign(&["one@example.jp".to_owned()]).await;
    let two = world.fixture.campaign(&["two@example.jp".to_owned()]).await;
    let senders = world.count(SENDERS).await;
    assert!(senders > 0);

    world.complain(&paths[..2]).await;
    assert_eq!(world.notices().await, "", "two are too few to say anything");
    world.complain(&paths[2..4]).await;
    let high = format!("complaints_high {senders}");
    assert_eq!(
        world.notices().await,
        high,
        "and not again for the next one"
    );
    assert_eq!(world.reason(one).await, "sending");

    world.complain(&paths[4..5]).await;
    for running in [one, two] {
        assert_eq!(world.reason(running).await, "paused complaints 5/20");
    }
    let held = format!("complaints_held {senders}, {high}");
    assert_eq!(world.notices().await, held);
    assert_eq!(world.audited("campaign.held").await, 2);
    assert_eq!(world.audited("tenant.complaints_noticed").await, 2);
    // A report that comes twice is one.
    world.complain(&paths[4..5]).await;
    assert_eq!(world.notices().await, held);

    let (db, actor) = (
        &world.fixture.database.db,
        Actor::operator(world.fixture.tenant),
    );
    control::resume(db, &actor, one).await.unwrap();
    world.complain(&paths[5..9]).await;
    assert_eq!(
        world.reason(one).await,
        "sending",
        "a person has seen these"
    );
    assert_eq!(world.reason(two).await, "paused complaints 5/20");
    world.complain(&paths[9..10]).await;
    assert_eq!(world.reason(one).await, "paused complaints 10/20");
}

#[tokio::test]
async fn among_many_mails_as_many_complaints_are_no_alarm() {
    let world = World::new().await;
    let paths = world.arrived(5).await;
    let tenant = world.fixture.tenant;
    world
        .fixture
        .database
        .execute_as_owner(&format!(
            "INSERT INTO tenant_usage (tenant_id, kind, period, amount)
             SELECT '{tenant}', 'day_mails', (now() AT TIME ZONE 'UTC')::date - n, 1000 FROM generate_series(0, 6) n"
        ))
        .await;
    let running = world.fixture.campaign(&["one@example.jp".to_owned()]).await;
    world.complain(&paths).await;
    assert_eq!(world.notices().await, "", "5 of 7005");
    assert_eq!(world.reason(running).await, "sending");
}

#[tokio::test]
async fn mails_of_more_than_a_week_ago_make_no_complaint_smaller() {
    let world = World::new().await;
    let paths = world.arrived(5).await;
    let tenant = world.fixture.tenant;
    world
        .fixture
        .database
        .execute_as_owner(&format!(
            "INSERT INTO tenant_usage (tenant_id, kind, period, amount)
             SELECT '{tenant}', 'day_mails', (now() AT TIME ZONE 'UTC')::date - 7, 1000000"
        ))
        .await;
    let running = world.fixture.campaign(&["one@example.jp".to_owned()]).await;
    world.complain(&paths).await;
    assert_eq!(world.reason(running).await, "paused complaints 5/5");
}

#[tokio::test]
async fn a_scheduled_campaign_is_held_as_it_begins_until_somebody_has_looked() {
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
    let tenant = fixture.tenant;
    fixture
        .database
        .execute_as_owner(&format!(
            "INSERT INTO tenant_usage (tenant_id, kind, period, amount)
             SELECT '{tenant}', k, (now() AT TIME ZONE 'UTC')::date, n
             FROM (VALUES ('day_mails', 1000), ('day_complaints', 12), ('day_held', 12)) AS v (k, n)"
        ))
        .await;
    fixture.database.clock.advance(TimeDelta::hours(2));
    let mailer = fixture.mailer();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 0);
    let reason = format!(
        "SELECT state || ' ' || state_reason FROM campaign WHERE id = '{}'",
        draft.id
    );
    let found = fixture.database.text(&reason).await;
    assert_eq!(found, "paused complaints 12/1000");
    control::resume(db, &actor, draft.id).await.unwrap();
    mailer.drain().await.unwrap();
    assert_eq!(sink.total(), 3);
    let seen = "SELECT sum(amount)::bigint FROM tenant_usage WHERE kind = 'day_seen'";
    assert_eq!(fixture.database.count(seen).await, 12);
}
