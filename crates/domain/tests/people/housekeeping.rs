//! What expired goes, and nothing else.

use chrono::TimeDelta;
use domain::clock::Clock;
use domain::contact::import::{self, Mode};
use domain::housekeeping;
use domain::testing::{TestDatabase, TestTenant};

use crate::support::World;

#[tokio::test]
async fn files_previews_keys_and_old_jobs_are_swept_when_they_are_due() {
    let clock = Clock::fixed("2026-11-24T09:00:00Z".parse().unwrap());
    let database = TestDatabase::with_clock(clock.clone()).await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let actor = tenant.owner();
    let world = World {
        database,
        tenant,
        actor,
    };
    let (db, t) = (&world.database.db, world.tenant.id);
    let done = world
        .bring("メール,氏名\na@example.jp,x\nbad,y\n", Mode::Add, &[])
        .await;
    world
        .database
        .execute_as_owner(&format!(
            "INSERT INTO idempotency_key (tenant_id, user_id, key, request_hash, created_at)
             VALUES ('{t}', gen_random_uuid(), 'k', '\\x00', '2026-11-24T09:00:00Z');
             INSERT INTO mail_preview (tenant_id, id, html, expires_at) VALUES ('{t}', gen_random_uuid(), 'x', '2026-11-24T09:30:00Z');
             INSERT INTO login_throttle VALUES ('\\x00', 1, '2026-11-24T09:00:00Z', '2026-11-24T09:00:00Z')"
        ))
        .await;
    let count = |table: &'static str| world.database.count(table);
    housekeeping::run_once(db).await.unwrap();
    assert_eq!(
        count("SELECT count(*) FROM file").await,
        2,
        "nothing is due yet"
    );
    assert_eq!(count("SELECT count(*) FROM idempotency_key").await, 1);

    clock.advance(TimeDelta::days(8));
    housekeeping::run_once(db).await.unwrap();
    assert_eq!(count("SELECT count(*) FROM file").await, 0);
    assert_eq!(count("SELECT count(*) FROM file_chunk").await, 0);
    assert_eq!(count("SELECT count(*) FROM mail_preview").await, 0);
    assert_eq!(count("SELECT count(*) FROM idempotency_key").await, 0);
    assert_eq!(count("SELECT count(*) FROM login_throttle").await, 0);
    let kept = world.import(done.id).await;
    assert_eq!(
        kept.counts, done.counts,
        "the record of what was done stays"
    );
    assert!(kept.preview.is_empty() && kept.rejected_sample.is_empty());
    let gone = import::rejected(db, &world.actor, done.id)
        .await
        .unwrap_err();
    assert_eq!(gone.code(), "not_found");
    assert_eq!(count("SELECT count(*) FROM job").await, 2);

    clock.advance(TimeDelta::days(91));
    housekeeping::run_once(db).await.unwrap();
    assert_eq!(count("SELECT count(*) FROM job").await, 0);
    assert_eq!(count("SELECT count(*) FROM contact").await, 1);
}
