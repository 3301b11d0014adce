//! Limits: who changes them while a mailer weighs by them, what is left of them,
//! and who purged.

use diesel_async::SimpleAsyncConnection;
use domain::campaign::freeze::freeze_next_chunk;
use domain::delivery::outcome::Reply;
use domain::housekeeping;
use domain::ids::{RouteId, SendLimitId, WorkerId};
use domain::limit::meaning::Meaning;
use domain::limit::purge::{Purge, purge};
use domain::limit::slow::{self, Subject};
use domain::limit::{self, Scope, Terms};
use domain::page::PageRequest;
use domain::route;

use crate::support::{World, lists};

fn pace() -> Terms {
    Terms {
        per_minute: Some(60),
        max_sessions: None,
        suspended: false,
        warm_up: None,
    }
}

async fn limit(world: &World, site: Option<&str>, route_id: Option<RouteId>) -> SendLimitId {
    let scope = Scope {
        site: site.map(str::to_owned),
        sender_domain: None,
        route_id,
    };
    limit::create(&world.database.db, &world.actor, scope, pace())
        .await
        .unwrap()
        .id
}

async fn another_route(world: &World) -> RouteId {
    let (t, id) = (world.tenant.id, RouteId::new());
    let sql = format!(
        "INSERT INTO route (tenant_id, id, name, host, port, security)
         VALUES ('{t}', '{id}', 'other', '127.0.0.1', 1025, 'none')"
    );
    world.database.execute_as_owner(&sql).await;
    id
}

async fn slow_down(world: &World, route: RouteId, site: &str) {
    let subject = Subject {
        tenant: world.tenant.id,
        sender_domain: "acme.example.jp".to_owned(),
        route,
        site: site.to_owned(),
    };
    slow::down(
        &world.database.db,
        &subject,
        Meaning::Busy,
        &Reply::default(),
    )
    .await
    .unwrap();
}

/// Locks in the order of a batch: the first limit, then, while `change` waits
/// for that, what the batch wants next.
async fn batch_against<T: Send + 'static>(
    world: &World,
    first: SendLimitId,
    then: &str,
    change: impl Future<Output = domain::error::Result<T>> + Send + 'static,
) {
    let mut batch = world.database.db.own_connection().await.unwrap();
    batch
        .batch_execute(&format!(
            "BEGIN; SET LOCAL kikubari.tenant = '{}'; SELECT FROM send_limit WHERE id = '{first}' FOR UPDATE",
            world.tenant.id
        ))
        .await
        .unwrap();
    let changing = tokio::spawn(change);
    while world.database.waiting().await == 0 {}
    batch
        .batch_execute(&format!("{then} FOR UPDATE NOWAIT"))
        .await
        .unwrap_or_else(|error| panic!("who waits for the batch holds what it wants: {error}"));
    batch.batch_execute("ROLLBACK").await.unwrap();
    assert!(changing.await.unwrap().is_ok());
}

#[tokio::test]
async fn who_changes_a_limit_and_a_batch_that_weighs_by_it_lock_in_one_order() {
    let world = World::new().await;
    let route = another_route(&world).await;
    let (first, second) = (
        limit(&world, None, None).await,
        limit(&world, Some("docomo"), None).await,
    );
    slow_down(&world, route, "docomo").await;
    let (db, actor) = (world.database.db.clone(), world.actor.clone());
    let page = slow::list(&db, &actor, &PageRequest::default()).await;
    let slowed = page.unwrap().items[0].id;
    let of_second = format!("SELECT FROM send_limit WHERE id = '{second}'");
    let (d, a) = (db.clone(), actor.clone());
    let update = async move { limit::update(&d, &a, second, 1, pace()).await };
    batch_against(&world, first, &of_second, update).await;
    let (d, a) = (db.clone(), actor.clone());
    let delete = async move { limit::delete(&d, &a, second, 2).await };
    batch_against(&world, first, &of_second, delete).await;
    let lift = async move { slow::lift(&db, &actor, slowed).await };
    batch_against(&world, first, "SELECT FROM send_slowdown", lift).await;
}

#[tokio::test]
async fn what_a_route_held_back_is_weighed_anew_when_the_route_is_deleted() {
    let world = World::new().await;
    let list = world.list("全員").await;
    world.contact("one@example.jp", &[list]).await;
    world.send(lists(&[list])).await;
    let (plain, limited) = (another_route(&world).await, RouteId::new());
    let ordered = "SELECT count(*) FROM send_queue WHERE release";
    let (db, actor) = (&world.database.db, &world.actor);
    route::delete(db, actor, plain, 1).await.unwrap();
    assert_eq!(world.count(ordered).await, 0, "it had no limit");
    let sql = format!(
        "INSERT INTO route (tenant_id, id, name, host, port, security) SELECT tenant_id, '{limited}', 'limited', host, port, security FROM route"
    );
    world.database.execute_as_owner(&sql).await;
    limit(&world, None, Some(limited)).await;
    route::delete(db, actor, limited, 1).await.unwrap();
    assert_eq!(world.count(ordered).await, 1);
    assert_eq!(world.count("SELECT count(*) FROM send_limit").await, 0);
}

#[tokio::test]
async fn slow_downs_that_are_over_are_not_shown_and_swept_away() {
    let world = World::new().await;
    let route = another_route(&world).await;
    slow_down(&world, route, "docomo").await;
    slow_down(&world, route, "once.example").await;
    world
        .database
        .execute_as_owner(
            "UPDATE send_slowdown SET eased_at = now() - interval '3 hours' WHERE site = 'once.example'",
        )
        .await;
    let (db, actor) = (&world.database.db, &world.actor);
    let one = PageRequest {
        limit: Some(1),
        ..PageRequest::default()
    };
    let page = slow::list(db, actor, &one).await.unwrap();
    assert_eq!((page.items.len(), page.next_cursor), (1, None));
    housekeeping::run_once(db).await.unwrap();
    let left = "SELECT string_agg(site, ',') FROM send_slowdown";
    assert_eq!(world.database.text(left).await, "docomo");
}

#[tokio::test]
async fn who_hangs_up_on_a_purge_stands_in_the_audit_log_all_the_same() {
    let world = World::new().await;
    let list = world.list("全員").await;
    world.contact("one@example.jp", &[list]).await;
    let sent = world.send(lists(&[list])).await;
    freeze_next_chunk(&world.database.db, WorkerId::new())
        .await
        .unwrap();
    let (db, actor) = (&world.database.db, &world.actor);
    let mut holder = db.own_connection().await.unwrap();
    holder
        .batch_execute(&format!(
            "BEGIN; SET LOCAL kikubari.tenant = '{}'; SELECT FROM campaign WHERE id = '{}' FOR UPDATE",
            world.tenant.id, sent.id
        ))
        .await
        .unwrap();
    let everything = Purge {
        campaign: None,
        site: None,
    };
    let held = async { while world.database.waiting().await == 0 {} };
    tokio::select! {
        _ = purge(db, actor, &everything) => unreachable!("somebody holds the campaign"),
        () = held => {}
    }
    holder.batch_execute("ROLLBACK").await.unwrap();
    let begun = "SELECT count(*) FROM audit_entry WHERE action = 'deliveries.purge_begun'";
    assert_eq!(world.count(begun).await, 1);
}
