use diesel_async::SimpleAsyncConnection;
use domain::campaign::audience::Audience;
use domain::campaign::freeze::{Frozen, freeze_chunk_of, freeze_next_chunk};
use domain::campaign::state::State;
use domain::campaign::{CampaignChange, control, preflight};
use domain::contact::ContactStatus;
use domain::error::DomainError;
use domain::ids::WorkerId;
use domain::list::subscription;
use domain::suppression::{self, Kind, NewSuppression, Reason};

use crate::support::{World, lists};

async fn suppress(world: &World, kind: Kind, value: &str) {
    let new = NewSuppression {
        kind,
        value: value.to_owned(),
        reason: Reason::Manual,
        note: String::new(),
    };
    suppression::create(&world.database.db, &world.actor, new)
        .await
        .unwrap();
}

#[tokio::test]
async fn everybody_stands_once_and_who_is_left_out_stands_with_the_reason() {
    let world = World::new().await;
    let (a, b, no) = (
        world.list("A").await,
        world.list("B").await,
        world.list("除外").await,
    );
    let twice = world.contact("twice@example.jp", &[a, b]).await;
    for (address, status) in [
        ("unsubscribed@example.jp", ContactStatus::Unsubscribed),
        ("bounced@example.jp", ContactStatus::Bounced),
        ("complained@example.jp", ContactStatus::Complained),
        ("disabled@example.jp", ContactStatus::Disabled),
    ] {
        let id = world.contact(address, &[a]).await;
        world.set_status(id, status).await;
    }
    world.contact("suppressed@example.jp", &[b]).await;
    suppress(&world, Kind::Address, "suppressed@EXAMPLE.jp").await;
    world.contact("someone@blocked.example", &[a]).await;
    suppress(&world, Kind::Domain, "blocked.example").await;
    world.contact("excluded@example.jp", &[a, no]).await;
    let left = world.contact("left@example.jp", &[a]).await;
    let (db, actor) = (&world.database.db, &world.actor);
    subscription::set(db, actor, left, a, subscription::Status::Unsubscribed)
        .await
        .unwrap();
    // Left one list and stands in the other: gets it.
    subscription::set(db, actor, twice, b, subscription::Status::Unsubscribed)
        .await
        .unwrap();
    world.contact("elsewhere@example.jp", &[no]).await;

    let audience = Audience {
        list_ids: vec![a, b],
        exclude_list_ids: vec![no],
        ..Audience::default()
    };
    let sent = world.send(audience).await;
    assert_eq!(sent.state, State::Preparing);
    let worker = WorkerId::new();
    assert_eq!(
        freeze_next_chunk(db, worker).await.unwrap(),
        Frozen::Last(9)
    );
    assert_eq!(
        freeze_next_chunk(db, worker).await.unwrap(),
        Frozen::Nothing
    );

    let rows = world
        .database
        .text(
            "SELECT string_agg(address || ' ' || state || ' ' || coalesce(reason, '-'), E'\\n' ORDER BY address) FROM delivery",
        )
        .await;
    insta::assert_snapshot!(rows, @r"
    bounced@example.jp skipped bounced
    complained@example.jp skipped complained
    disabled@example.jp skipped disabled
    excluded@example.jp skipped excluded_list
    left@example.jp skipped not_subscribed
    someone@blocked.example skipped suppressed_domain
    suppressed@example.jp skipped suppressed_address
    twice@example.jp queued -
    unsubscribed@example.jp skipped unsubscribed
    ");
    let campaign = world.get(sent.id).await;
    assert_eq!((campaign.counts.queued, campaign.counts.skipped), (1, 8));
    assert_eq!(campaign.state, State::Sending);
    assert!(campaign.prepared);
}

#[tokio::test]
async fn after_a_crash_another_mailer_goes_on_and_nobody_stands_twice() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.many(95, list).await;
    let sent = world.send(lists(&[list])).await;
    let db = &world.database.db;
    let (first, second) = (WorkerId::new(), WorkerId::new());
    assert_eq!(
        freeze_chunk_of(db, first, 40).await.unwrap(),
        Frozen::Chunk(40)
    );
    assert_eq!(
        world.get(sent.id).await.state,
        State::Sending,
        "sending begins while freezing goes on"
    );
    // The lease of the first one still holds.
    assert_eq!(
        freeze_chunk_of(db, second, 40).await.unwrap(),
        Frozen::Nothing
    );
    // The first one died in the middle of a chunk: nothing of it was committed.
    world
        .database
        .execute_as_owner("UPDATE send_queue SET leased_until = now() - interval '1 s'")
        .await;
    assert_eq!(
        freeze_chunk_of(db, second, 40).await.unwrap(),
        Frozen::Chunk(40)
    );
    assert_eq!(
        freeze_chunk_of(db, second, 40).await.unwrap(),
        Frozen::Last(15)
    );
    assert_eq!(
        world
            .count("SELECT count(DISTINCT contact_id) FROM delivery")
            .await,
        95
    );
    assert_eq!(world.count("SELECT count(*) FROM delivery").await, 95);
    assert_eq!(world.get(sent.id).await.counts.queued, 95);
}

#[tokio::test]
async fn freezing_waits_while_a_campaign_is_paused_and_goes_on_after() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.many(30, list).await;
    let sent = world.send(lists(&[list])).await;
    let (db, worker) = (&world.database.db, WorkerId::new());
    assert_eq!(
        freeze_chunk_of(db, worker, 10).await.unwrap(),
        Frozen::Chunk(10)
    );
    domain::campaign::control::pause(db, &world.actor, sent.id)
        .await
        .unwrap();
    assert_eq!(
        freeze_chunk_of(db, worker, 10).await.unwrap(),
        Frozen::Nothing
    );
    domain::campaign::control::resume(db, &world.actor, sent.id)
        .await
        .unwrap();
    while freeze_chunk_of(db, worker, 10).await.unwrap() != Frozen::Nothing {}
    assert_eq!(world.get(sent.id).await.counts.queued, 30);
}

#[tokio::test]
async fn who_pauses_does_not_wait_for_the_chunk_that_is_being_written_and_it_does_not_count() {
    let world = World::new().await;
    let list = world.list("A").await;
    let person = world.contact("first@example.jp", &[list]).await;
    world.many(30, list).await;
    let sent = world.send(lists(&[list])).await;
    let (db, worker) = (&world.database.db, WorkerId::new());
    // Somebody holds one of the rows that the chunk wants to write.
    let (tenant, id) = (world.actor.tenant_id, sent.id);
    let mut holder = db.own_connection().await.unwrap();
    holder
        .batch_execute(&format!(
            "BEGIN; SET LOCAL kikubari.tenant = '{tenant}';
             INSERT INTO delivery (tenant_id, period, id, campaign_id, contact_id, address, state)
             SELECT tenant_id, period, gen_random_uuid(), id, '{person}', 'first@example.jp', 'skipped' FROM campaign WHERE id = '{id}'"
        ))
        .await
        .unwrap();
    let freezing = tokio::spawn({
        let db = db.clone();
        async move { freeze_chunk_of(&db, worker, 100).await }
    });
    while world.database.waiting().await == 0 {}
    // Would wait for ever if the chunk held the campaign.
    domain::campaign::control::pause(db, &world.actor, sent.id)
        .await
        .unwrap();
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(freezing.await.unwrap().unwrap(), Frozen::Chunk(0));
    let rows = format!("SELECT count(*) FROM delivery WHERE campaign_id = '{id}'");
    assert_eq!(world.database.count(&rows).await, 0);
    domain::campaign::control::resume(db, &world.actor, sent.id)
        .await
        .unwrap();
    while freeze_chunk_of(db, worker, 100).await.unwrap() != Frozen::Nothing {}
    assert_eq!(world.get(sent.id).await.counts.queued, 31);
}

#[tokio::test]
async fn a_campaign_to_all_needs_no_list_and_one_without_anybody_left_finishes() {
    let world = World::new().await;
    let contact = world.contact("a@example.jp", &[]).await;
    let sent = world
        .send(Audience {
            all: true,
            ..Audience::default()
        })
        .await;
    world.set_status(contact, ContactStatus::Bounced).await;
    let db = &world.database.db;
    assert_eq!(
        freeze_next_chunk(db, WorkerId::new()).await.unwrap(),
        Frozen::Last(1)
    );
    let campaign = world.get(sent.id).await;
    assert_eq!(
        (campaign.state, campaign.counts.skipped),
        (State::Finished, 1)
    );
    assert_eq!(world.count("SELECT count(*) FROM send_queue").await, 0);
}

#[tokio::test]
async fn never_more_people_than_were_confirmed_and_a_person_decides_about_the_rest() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.many(20, list).await;
    let draft = world.campaign(lists(&[list])).await;
    let (db, actor, worker) = (&world.database.db, &world.actor, WorkerId::new());
    let counted = preflight::run(db, actor, &world.installation, draft.id)
        .await
        .unwrap();
    assert_eq!(counted.people.will_receive, 20);
    // Somebody imports between the count and the click on send.
    for i in 0..5 {
        world.contact(&format!("late{i}@example.jp"), &[list]).await;
    }
    control::send(db, actor, &world.installation, draft.id, 20)
        .await
        .unwrap();
    while !matches!(
        freeze_chunk_of(db, worker, 8).await.unwrap(),
        Frozen::Nothing
    ) {}
    let held = world.get(draft.id).await;
    assert_eq!(
        (held.state, held.state_reason.as_deref()),
        (State::Paused, Some("more_people"))
    );
    assert_eq!(held.counts.queued, 16, "whole chunks within the 20");
    assert_eq!(world.count("SELECT count(*) FROM delivery").await, 16);

    control::resume(db, actor, draft.id).await.unwrap();
    while !matches!(
        freeze_chunk_of(db, worker, 8).await.unwrap(),
        Frozen::Nothing
    ) {}
    let all = world.get(draft.id).await;
    assert_eq!((all.state, all.counts.queued), (State::Sending, 25));
    assert!(all.prepared);
}

#[tokio::test]
async fn a_count_is_of_one_version_of_a_campaign() {
    let world = World::new().await;
    let (few, many) = (world.list("few").await, world.list("many").await);
    world.contact("one@example.jp", &[few, many]).await;
    world.contact("two@example.jp", &[many]).await;
    let draft = world.campaign(lists(&[few])).await;
    let (db, actor) = (&world.database.db, &world.actor);
    preflight::run(db, actor, &world.installation, draft.id)
        .await
        .unwrap();
    let change = CampaignChange {
        audience: Some(lists(&[many])),
        ..CampaignChange::default()
    };
    domain::campaign::update(db, actor, draft.id, draft.version, change)
        .await
        .unwrap();
    let refused = control::send(db, actor, &world.installation, draft.id, 1)
        .await
        .unwrap_err();
    assert!(matches!(
        refused,
        DomainError::Conflict {
            code: "people_changed",
            ..
        }
    ));
}
