//! The database is restored from a backup that is older than what went out.

use domain::Actor;
use domain::campaign::control;
use domain::testing::TestDatabase;

use super::{counting_sink, judge_with_duplicates, people, until, until_finished};
use crate::support::{Cluster, Fixture, Machine, addresses};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_database_believes_to_be_due_does_not_go_out_by_itself() {
    let sink = counting_sink().await;
    let cluster = Cluster::start().await;
    let fixture = Fixture::on(&sink, TestDatabase::in_cluster(&cluster.url()).await).await;
    let n = people();
    let campaign = fixture.campaign(&addresses(n)).await;
    fixture
        .database
        .execute_as_owner("UPDATE campaign SET epoch = (SELECT epoch FROM installation)")
        .await;
    let machine = Machine::new(&fixture);
    let process = machine.start();
    sink.until(n / 4).await;
    assert!(process.terminate().await.success());
    let in_backup = fixture.rows("state = 'accepted'").await;
    let backup = cluster.backup(&fixture.database.owner_url());
    let process = machine.start();
    sink.until(n / 2).await;
    assert!(process.terminate().await.success());
    let out = sink.total();

    // By hand, without a word to the installation.
    cluster.restore(&fixture.database.owner_url(), &backup);
    assert_eq!(fixture.rows("state = 'accepted'").await, in_backup);
    let process = machine.start();
    let held = format!(
        "SELECT count(*) FROM campaign WHERE id = '{campaign}' AND state = 'paused' AND state_reason = 'restored'"
    );
    until(&fixture, &held, 1).await;
    assert!(process.terminate().await.success());
    assert_eq!(sink.total(), out, "{}", machine.log());

    // A person has looked, and says yes.
    let actor = Actor::operator(fixture.tenant);
    control::resume(&fixture.database.db, &actor, campaign)
        .await
        .unwrap();
    let process = machine.start();
    until_finished(&fixture, campaign).await;
    assert!(process.terminate().await.success());
    let again = out - usize::try_from(in_backup).unwrap();
    let what = "restored from an older backup, then resumed by a person";
    let counts = judge_with_duplicates(what, &fixture, &sink, campaign).await;
    assert_eq!(sink.duplicates().len(), again);
    assert_eq!(usize::try_from(counts.accepted).unwrap(), n);
}
