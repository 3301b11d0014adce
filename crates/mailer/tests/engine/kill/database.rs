//! PostgreSQL is stopped without a goodbye while a campaign runs.

use domain::testing::TestDatabase;

use super::{counting_sink, judge, people, until_finished};
use crate::support::{Action, Cluster, Fixture, Machine, Sink, addresses};

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_dies_four_times_costs_nobody_a_mail_and_leaves_no_doubt() {
    let sink = counting_sink().await;
    let cluster = Cluster::start().await;
    let fixture = Fixture::on(&sink, TestDatabase::in_cluster(&cluster.url()).await).await;
    let (n, deaths) = (people(), 4);
    let campaign = fixture.campaign(&addresses(n)).await;
    let machine = Machine::new(&fixture);
    let process = machine.start();
    for death in 1..=deaths {
        sink.until(n * death / (deaths + 1)).await;
        cluster.stop_at_once();
        cluster.start_again();
    }
    until_finished(&fixture, campaign).await;
    assert!(process.terminate().await.success(), "{}", machine.log());
    // The mailer lives, so it knows of each.
    judge("PostgreSQL dies four times", &fixture, &sink, campaign, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_away_longer_than_the_lease_makes_nothing_unknown_that_a_living_mailer_has() {
    let sink = Sink::scripted(|_, _| Action::Wait).await;
    let cluster = Cluster::start().await;
    let fixture = Fixture::on(&sink, TestDatabase::in_cluster(&cluster.url()).await).await;
    let campaign = fixture.campaign(&addresses(people().min(5_000))).await;
    let machine = Machine::new(&fixture);
    let (one, two) = (machine.start(), machine.start());
    sink.until(20).await;
    let database = fixture.database.text("SELECT current_database()").await;
    cluster.stop_at_once();
    // Answers come while the ledger is away.
    sink.open_gate();
    cluster.change_unseen(
        &database,
        "UPDATE delivery SET leased_until = now() - interval '10 minutes' WHERE state = 'claimed'",
    );
    cluster.start_again();
    until_finished(&fixture, campaign).await;
    assert!(one.terminate().await.success());
    assert!(two.terminate().await.success());
    let what = "database away longer than the lease";
    judge(what, &fixture, &sink, campaign, 0).await;
}
