//! Jobs: order, fairness, cancelling, crashes.

use chrono::TimeDelta;
use domain::clock::Clock;
use domain::contact::import::{self, Mode};
use domain::job::worker::Worker;
use domain::job::{self, JobFilter, State};
use domain::page::PageRequest;
use domain::testing::{TestDatabase, TestTenant};
use domain::{Actor, DomainError};
use tokio::sync::watch;

use crate::support::World;

fn file(rows: std::ops::Range<usize>) -> String {
    let mut text = "メールアドレス,氏名\r\n".to_owned();
    for i in rows {
        text.push_str(&format!("person{i}@example.jp,山田 {i}\r\n"));
    }
    text
}

#[tokio::test]
async fn a_job_goes_from_queued_to_succeeded_and_says_how_far_it_is() {
    let world = World::new().await;
    let import = world.upload(file(0..10).as_bytes()).await;
    let db = &world.database.db;
    let job = import::start_run(db, &world.actor, import.id)
        .await
        .unwrap();
    assert_eq!(job.state, State::Queued);
    world.drain().await;
    let job = world.job(&job).await;
    assert_eq!(job.state, State::Succeeded);
    assert_eq!((job.progress_done, job.progress_total), (10, Some(10)));
    assert_eq!(job.result.unwrap()["added"], 10);
    let left = world.database.count("SELECT count(*) FROM job_queue").await;
    assert_eq!(left, 0, "nothing stays in the queue");
    let page = PageRequest::default();
    let filter = JobFilter {
        kind: Some(job::Kind::Import),
        state: Some(State::Succeeded),
    };
    let jobs = job::list(db, &world.actor, filter, &page).await.unwrap();
    assert_eq!(jobs.items.len(), 1);
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_at_once_and_an_ended_one_not_at_all() {
    let world = World::new().await;
    let import = world.upload(file(0..10).as_bytes()).await;
    let db = &world.database.db;
    let waiting = import::start_run(db, &world.actor, import.id)
        .await
        .unwrap();
    let cancelled = job::cancel(db, &world.actor, waiting.id).await.unwrap();
    assert_eq!(cancelled.state, State::Cancelled);
    assert_eq!(
        world.import(import.id).await.state,
        import::State::Cancelled
    );
    world.drain().await;
    assert_eq!(world.contacts().await.len(), 0);
    let again = job::cancel(db, &world.actor, waiting.id).await.unwrap_err();
    assert_eq!(again.code(), "job_ended");
}

#[tokio::test]
async fn who_may_only_read_contacts_may_not_cancel() {
    let world = World::new().await;
    let import = world.upload(file(0..2).as_bytes()).await;
    let db = &world.database.db;
    let waiting = import::start_run(db, &world.actor, import.id)
        .await
        .unwrap();
    let viewer = Actor {
        permissions: [domain::Permission::ContactsRead].into(),
        ..world.actor.clone()
    };
    let refused = job::cancel(db, &viewer, waiting.id).await.unwrap_err();
    assert!(matches!(refused, DomainError::Forbidden { .. }));
    world.drain().await;
}

#[tokio::test]
async fn a_worker_that_ends_gives_its_job_back() {
    let world = World::new().await;
    let import = world.upload(file(0..10).as_bytes()).await;
    let db = &world.database.db;
    let job = import::start_run(db, &world.actor, import.id)
        .await
        .unwrap();
    let (ending, ended) = watch::channel(false);
    let worker = Worker::new(db.clone(), ended);
    ending.send_replace(true);
    assert!(worker.run_once().await.unwrap());
    assert_eq!(world.job(&job).await.state, State::Running);
    assert_eq!(world.contacts().await.len(), 0);
    world.drain().await;
    assert_eq!(world.job(&job).await.state, State::Succeeded);
    assert_eq!(world.contacts().await.len(), 10);
}

#[tokio::test]
async fn the_next_worker_goes_on_where_a_killed_one_was_and_nothing_is_done_twice() {
    let clock = Clock::fixed("2026-11-24T09:00:00Z".parse().unwrap());
    let database = TestDatabase::with_clock(clock.clone()).await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let actor = tenant.owner();
    let world = World {
        database,
        tenant,
        actor,
    };
    let db = world.database.db.clone();
    // Three batches; a bad row in each, and one address of the first again in the last.
    let mut text = file(0..12_000);
    text.insert_str(text.find("person100@").unwrap(), "bad1,x\r\n");
    text.push_str("bad2,x\r\nperson5@example.jp,again\r\n");
    let import = world.upload(text.as_bytes()).await;
    let import = world.plan(&import, Mode::Add, &[]).await;
    let job = import::start_run(&db, &world.actor, import.id)
        .await
        .unwrap();
    // The worker dies when the first batch is committed.
    let (_alive, ended) = watch::channel(false);
    let worker = Worker::new(db.clone(), ended);
    let killed = tokio::spawn(async move { worker.run_once().await });
    let mut done = 0;
    while done == 0 {
        tokio::task::yield_now().await;
        done = world.job(&job).await.progress_done;
    }
    killed.abort();
    let _ = killed.await;
    let before = world.job(&job).await;
    assert_eq!(before.state, State::Running);
    let rows = world.database.count("SELECT count(*) FROM contact").await;
    // Its lease still holds: nobody else touches the job.
    world.drain().await;
    assert_eq!(
        world.database.count("SELECT count(*) FROM contact").await,
        rows
    );
    clock.advance(TimeDelta::seconds(31));
    world.drain().await;
    let after = world.job(&job).await;
    assert_eq!(after.state, State::Succeeded, "{after:?}");
    let import = world.import(import.id).await;
    let counts = import.counts.unwrap();
    assert_eq!(
        (counts.rows, counts.added, counts.rejected),
        (12_003, 12_000, 3)
    );
    assert_eq!(
        world.database.count("SELECT count(*) FROM contact").await,
        12_000
    );
    let rejected = world.rejected_text(&import).await;
    assert_eq!(rejected.matches("bad1").count(), 1, "{rejected}");
    assert_eq!(rejected.matches("again").count(), 1, "{rejected}");
    assert_eq!(rejected.lines().count(), 4);
}

#[tokio::test]
async fn a_running_job_stops_between_two_batches() {
    let world = World::new().await;
    let db = world.database.db.clone();
    let import = world.upload(file(0..20_000).as_bytes()).await;
    let job = import::start_run(&db, &world.actor, import.id)
        .await
        .unwrap();
    let (_alive, ended) = watch::channel(false);
    let worker = Worker::new(db.clone(), ended);
    let running = tokio::spawn(async move { worker.run_once().await });
    while world.job(&job).await.progress_done == 0 {
        tokio::task::yield_now().await;
    }
    job::cancel(&db, &world.actor, job.id).await.unwrap();
    assert!(running.await.unwrap().unwrap());
    let job = world.job(&job).await;
    assert_eq!(job.state, State::Cancelled);
    let import = world.import(import.id).await;
    assert_eq!(import.state, import::State::Cancelled);
    let written = world.database.count("SELECT count(*) FROM contact").await;
    assert_eq!(
        import.counts.unwrap().added,
        written,
        "the counts say what was done"
    );
    assert!(written < 20_000);
}

#[tokio::test]
async fn a_job_that_fails_by_our_fault_is_tried_again_and_given_up_in_the_end() {
    let clock = Clock::fixed("2026-11-24T09:00:00Z".parse().unwrap());
    let database = TestDatabase::with_clock(clock.clone()).await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let actor = tenant.owner();
    let world = World {
        database,
        tenant,
        actor,
    };
    let db = world.database.db.clone();
    let import = world.upload(file(0..3).as_bytes()).await;
    let job = import::start_run(&db, &world.actor, import.id)
        .await
        .unwrap();
    world
        .database
        .execute_as_owner("UPDATE contact_import SET plan = '{\"encoding\": 1}'")
        .await;
    for attempt in 1..=job::worker::ATTEMPTS {
        world.drain().await;
        let is_last = attempt == job::worker::ATTEMPTS;
        let expected = if is_last {
            State::Failed
        } else {
            State::Running
        };
        assert_eq!(world.job(&job).await.state, expected, "attempt {attempt}");
        clock.advance(TimeDelta::minutes(10));
    }
    let job = world.job(&job).await;
    assert_eq!(job.error_code.as_deref(), Some("internal"));
    assert_eq!(
        job.error_detail.as_deref(),
        Some("internal error"),
        "no SQL for the public"
    );
    let state = world
        .database
        .text("SELECT state FROM contact_import")
        .await;
    assert_eq!(state, "failed");
}

#[tokio::test]
async fn nobodys_many_jobs_hold_up_another_tenants_one() {
    let world = World::new().await;
    let db = world.database.db.clone();
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let import = world.upload(file(0..3).as_bytes()).await;
        jobs.push(
            import::start_run(&db, &world.actor, import.id)
                .await
                .unwrap(),
        );
    }
    let other = TestTenant::create(&db, "rival").await;
    let mut upload = import::Upload::begin(&db, &other.owner(), "x.csv", 1000)
        .await
        .unwrap();
    upload.write(file(0..3).as_bytes()).await.unwrap();
    let import = upload.finish(&db, &other.owner()).await.unwrap();
    let theirs = import::start_run(&db, &other.owner(), import.id)
        .await
        .unwrap();
    // One worker holds the first tenant's oldest job; the next one takes the other tenant's.
    world
        .database
        .execute_as_owner(&format!(
            "UPDATE job_queue SET leased_until = now() + interval '1 hour', lease_owner = gen_random_uuid() WHERE job_id = '{}'",
            jobs[0].id
        ))
        .await;
    let (_alive, ended) = watch::channel(false);
    assert!(Worker::new(db.clone(), ended).run_once().await.unwrap());
    let state = job::get(&db, &other.owner(), theirs.id)
        .await
        .unwrap()
        .state;
    assert_eq!(state, State::Succeeded);
    let mine = world.job(&jobs[1]).await.state;
    assert_eq!(mine, State::Queued);
    let foreign = job::get(&db, &other.owner(), jobs[1].id).await.unwrap_err();
    assert!(matches!(foreign, DomainError::NotFound { .. }));
}
