//! A tenant that is suspended, and one whose quota of mails is used up.

use std::sync::Arc;

use domain::operator::{Operator, tenants};
use domain::tenant::usage::Quota;

use crate::support::{Action, Counts, Fixture, Options, Sink, addresses};

#[tokio::test]
async fn a_suspended_tenant_stops_sending_within_a_second_and_goes_on_when_resumed() {
    // Ten sessions take a mail each and wait for the gate.
    let sink = Sink::scripted(|_, _| Action::Wait).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(1_000)).await;
    let mailer = Arc::new(fixture.mailer());
    let draining = tokio::spawn({
        let mailer = Arc::clone(&mailer);
        async move { mailer.drain().await }
    });
    sink.until(10).await;
    let (db, staff) = (fixture.database.operator_db(), Operator::command_line());
    tenants::suspend(&db, &staff, fixture.tenant, "料金の未払い")
        .await
        .unwrap();
    // What the signal of the suspension does.
    mailer.heed().await.unwrap();
    sink.open_gate();
    draining.await.unwrap().unwrap();
    let counts = fixture.counts(campaign).await;
    assert_eq!(usize::try_from(counts.accepted).unwrap(), sink.total());
    assert!(counts.accepted < 100, "{counts:?}");
    assert_eq!(counts.queued, 1_000 - counts.accepted);
    assert_eq!(counts.claimed, 0);
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        counts,
        "nothing more goes out"
    );

    tenants::resume(&db, &staff, fixture.tenant).await.unwrap();
    fixture.mailer().drain().await.unwrap();
    let all = Counts {
        accepted: 1_000,
        ..Counts::default()
    };
    assert_eq!(fixture.counts(campaign).await, all);
    assert_eq!(sink.duplicates(), Vec::<String>::new());
}

#[tokio::test]
async fn over_the_months_quota_mails_wait_and_a_new_quota_lets_them_go() {
    let sink = Sink::start(Options::default()).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(300)).await;
    let (db, staff) = (fixture.database.operator_db(), Operator::command_line());
    let quota = |mails| Quota {
        mails: Some(mails),
        ..Quota::default()
    };
    tenants::set_quota(&db, &staff, fixture.tenant, quota(120))
        .await
        .unwrap();
    fixture.mailer().drain().await.unwrap();
    let counts = fixture.counts(campaign).await;
    assert_eq!((counts.accepted, counts.queued), (120, 180));
    assert_eq!(sink.total(), 120);
    let seen = tenants::get(&db, fixture.tenant).await.unwrap();
    assert_eq!(seen.summary.usage.mails, 120);
    tenants::set_quota(&db, &staff, fixture.tenant, quota(1_000))
        .await
        .unwrap();
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await.accepted, 300);
}
