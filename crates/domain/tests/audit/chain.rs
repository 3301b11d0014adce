//! What somebody with the owner's rights does to the trace is seen, and where.

use domain::audit::chain::{FaultKind as F, Walk};
use domain::ids::TenantId;
use domain::testing::TestTenant;

use crate::support::{WHOLE, World, found};

const ENTRY: &str = "(SELECT entry_id FROM audit_link WHERE tenant_id = TENANT AND number = ";

#[tokio::test]
async fn an_untouched_chain_is_whole_and_has_no_gaps() {
    let world = World::new().await.with(3).await;
    let walk = world.verify().await;
    assert_eq!(found(&walk), WHOLE);
    let entries = "SELECT count(*) FROM audit_entry";
    assert_eq!(walk.head.number, world.database.count(entries).await);
    assert_eq!(walk.done(), walk.head.number);
}

#[tokio::test]
async fn an_edited_entry_is_named_by_its_number_and_no_other_is() {
    for (column, value) in [
        ("at", "at + interval '1 microsecond'"),
        ("actor_id", "gen_random_uuid()"),
        ("actor_kind", "'operator'"),
        ("action", "'contact.created'"),
        ("after", "'{\"name\": \"別人\"}'"),
        ("before", "NULL"),
        ("ip", "'198.51.100.1'"),
        ("subject_id", "gen_random_uuid()"),
        ("subject_kind", "'list'"),
        ("request_id", "'x'"),
    ] {
        let world = World::new().await.with(4).await;
        let number = world.head().await.number - 2;
        world
            .tamper(&format!(
                "UPDATE audit_entry SET {column} = {value} WHERE id = {ENTRY}{number})"
            ))
            .await;
        let walk = world.verify().await;
        assert_eq!(found(&walk), [(F::Changed, number, number)], "{column}");
        assert!(walk.faults[0].entry_id.is_some());
    }
}

#[tokio::test]
async fn a_deleted_entry_is_named_with_and_without_its_link() {
    let world = World::new().await.with(4).await;
    let n = world.head().await.number - 2;
    world
        .tamper(&format!("DELETE FROM audit_entry WHERE id = {ENTRY}{n})"))
        .await;
    assert_eq!(found(&world.verify().await), [(F::Removed, n, n)]);
    world
        .tamper(&format!(
            "DELETE FROM audit_link WHERE tenant_id = TENANT AND number = {n}"
        ))
        .await;
    assert_eq!(found(&world.verify().await), [(F::Missing, n, n)]);
}

#[tokio::test]
async fn entries_that_changed_places_are_both_named() {
    let world = World::new().await.with(5).await;
    let last = world.head().await.number;
    let (a, b) = (last - 3, last - 1);
    world
        .tamper(&format!(
            "UPDATE audit_link SET entry_id = CASE number WHEN {a} THEN {ENTRY}{b}) ELSE {ENTRY}{a}) END
             WHERE tenant_id = TENANT AND number IN ({a}, {b})"
        ).replace("UPDATE audit_link SET", "ALTER TABLE audit_link DROP CONSTRAINT audit_link_tenant_id_entry_id_key; UPDATE audit_link SET"))
        .await;
    let expected = [(F::Changed, a, a), (F::Changed, b, b)];
    assert_eq!(found(&world.verify().await), expected);
}

#[tokio::test]
async fn a_cut_end_is_seen_and_with_its_head_turned_back_by_the_anchor_alone() {
    let world = World::new().await.with(5).await;
    let anchor = world.head().await;
    let (kept, last) = (anchor.number - 2, anchor.number);
    world
        .tamper(&format!(
            "DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM audit_link WHERE tenant_id = TENANT AND number > {kept});
             DELETE FROM audit_link WHERE tenant_id = TENANT AND number > {kept}"
        ))
        .await;
    let cut = [(F::Cut, kept + 1, last)];
    assert_eq!(found(&world.verify().await), cut);
    world
        .tamper(&format!(
            "UPDATE audit_head SET number = {kept}, hash = (SELECT hash FROM audit_link WHERE tenant_id = TENANT AND number = {kept})
             WHERE tenant_id = TENANT"
        ))
        .await;
    assert_eq!(found(&world.verify().await), WHOLE, "nothing inside tells");
    assert_eq!(found(&world.verify_from(Some(anchor)).await), cut);
}

#[tokio::test]
async fn a_chain_that_was_written_anew_is_not_the_one_that_the_anchor_noted() {
    let world = World::new().await.with(4).await;
    let anchor = world.head().await;
    let first = anchor.number - 2;
    world
        .tamper(&format!(
            "UPDATE audit_entry SET after = '{{}}' WHERE id = {ENTRY}{first});
             DO $$ DECLARE link audit_link; entry audit_entry; own bytea;
             BEGIN
                SELECT hash INTO own FROM audit_link WHERE tenant_id = TENANT AND number = {first} - 1;
                FOR link IN SELECT * FROM audit_link WHERE tenant_id = TENANT AND number >= {first} ORDER BY number LOOP
                    SELECT * INTO entry FROM audit_entry WHERE id = link.entry_id;
                    link.details := audit_details(link.salt, entry);
                    own := audit_hash(own, link.number, entry, link.details);
                    UPDATE audit_link SET hash = own, details = link.details WHERE tenant_id = TENANT AND number = link.number;
                END LOOP;
                UPDATE audit_head SET hash = own WHERE tenant_id = TENANT;
             END $$"
        ))
        .await;
    assert_eq!(found(&world.verify().await), WHOLE, "nothing inside tells");
    world.write(9).await;
    let n = anchor.number;
    let walk = world.verify_from(Some(anchor)).await;
    assert_eq!(found(&walk), [(F::AnchorDiffers, n, n)]);
}

#[tokio::test]
async fn the_erasure_of_a_person_leaves_the_chain_whole_and_is_counted() {
    let world = World::new().await.with(4).await;
    let (a, b) = (world.head().await.number - 2, world.head().await.number - 1);
    world
        .tamper(&format!(
            "UPDATE audit_entry SET before = NULL, after = NULL WHERE id IN ({ENTRY}{a}), {ENTRY}{b}))"
        ))
        .await;
    let walk = world.verify().await;
    assert_eq!((found(&walk), walk.erased), (WHOLE.to_vec(), 2));
    let salts = "SELECT count(*) FROM audit_link WHERE salt IS NULL";
    assert_eq!(
        world.database.count(salts).await,
        2,
        "nobody guesses what it was"
    );
    // What was erased can't be filled with something else, nor who did it to whom be changed.
    world
        .tamper(&format!(
            "UPDATE audit_entry SET after = '{{}}' WHERE id = {ENTRY}{a});
             UPDATE audit_entry SET action = 'contact.deleted' WHERE id = {ENTRY}{b})"
        ))
        .await;
    let expected = [(F::Changed, a, a), (F::Changed, b, b)];
    assert_eq!(found(&world.verify().await), expected);
}

#[tokio::test]
async fn an_anchor_that_the_chain_has_outgrown_still_holds() {
    let world = World::new().await.with(2).await;
    let anchor = world.head().await;
    let world = world.with(2).await;
    assert_eq!(found(&world.verify_from(Some(anchor)).await), WHOLE);
}

#[tokio::test]
async fn an_entry_that_was_put_in_past_the_trigger_and_a_head_that_lies_are_seen() {
    let world = World::new().await.with(2).await;
    world
        .tamper(
            "SET LOCAL session_replication_role = replica;
             INSERT INTO audit_entry (tenant_id, id, actor_kind, action, subject_kind)
             VALUES (TENANT, gen_random_uuid(), 'user', 'contact.deleted', 'contact')",
        )
        .await;
    assert_eq!(found(&world.verify().await), [(F::Unlinked, 0, 0)]);
    let world = World::new().await.with(2).await;
    let last = world.head().await.number;
    world
        .tamper("UPDATE audit_head SET number = number - 1 WHERE tenant_id = TENANT")
        .await;
    let expected = [
        (F::HeadDiffers, last - 1, last - 1),
        (F::HeadDiffers, last, last),
    ];
    assert_eq!(found(&world.verify().await), expected);
}

#[tokio::test]
async fn transactions_of_a_tenant_at_once_give_a_chain_without_gaps() {
    let world = World::new().await;
    let before = world.head().await.number;
    let world = std::sync::Arc::new(world);
    let writers = (0..8).map(|_| {
        let world = std::sync::Arc::clone(&world);
        tokio::spawn(async move {
            for n in 0..20 {
                world.write(n).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let walk = world.verify().await;
    assert_eq!(found(&walk), WHOLE);
    assert_eq!(walk.head.number, before + 160);
}

#[tokio::test]
async fn what_is_rolled_back_leaves_no_gap() {
    let world = World::new().await.with(1).await;
    let before = world.head().await.number;
    let db = &world.database.db;
    let refused: domain::Result<()> = db
        .tenant(world.tenant, async |tx| {
            let entry = domain::audit::Entry {
                action: "contact.deleted",
                subject_kind: "contact",
                ..Default::default()
            };
            domain::audit::record(tx, &world.actor, entry).await?;
            Err(domain::DomainError::not_found("contact"))
        })
        .await;
    assert!(refused.is_err());
    let world = world.with(1).await;
    assert_eq!(world.head().await.number, before + 1);
    assert_eq!(found(&world.verify().await), WHOLE);
}

#[tokio::test]
async fn a_chain_is_whole_in_every_time_zone_and_style_of_dates() {
    let world = World::new().await.with(2).await;
    let db = &world.database.db;
    let walk = db
        .tenant(world.tenant, async |tx| {
            let styles = "SET LOCAL TimeZone = 'Asia/Tokyo'; SET LOCAL DateStyle = 'German'; SET LOCAL IntervalStyle = 'sql_standard'";
            diesel_async::SimpleAsyncConnection::batch_execute(tx, styles).await?;
            let mut walk = Walk::begin(tx, world.tenant, None).await?;
            while !walk.step(tx, world.tenant).await? {}
            Ok(walk)
        })
        .await
        .unwrap();
    assert_eq!(found(&walk), WHOLE);
}

#[tokio::test]
async fn a_walk_goes_on_where_it_was_kept_and_over_many_pages() {
    let world = World::new().await;
    world
        .tamper(
            "INSERT INTO audit_entry (tenant_id, id, actor_kind, action, subject_kind, after)
             SELECT TENANT, gen_random_uuid(), 'system', 'contact.updated', 'contact', jsonb_build_object('n', i)
             FROM generate_series(1, 4500) i",
        )
        .await;
    let n = world.head().await.number - 3;
    world
        .tamper(&format!(
            "UPDATE audit_entry SET after = '{{}}' WHERE id = {ENTRY}{n})"
        ))
        .await;
    let db = &world.database.db;
    let tenant = world.tenant;
    let mut walk = db
        .tenant(tenant, async |tx| Walk::begin(tx, tenant, None).await)
        .await
        .unwrap();
    let mut steps = 0;
    loop {
        steps += 1;
        let kept = serde_json::to_string(&walk).unwrap();
        let mut next: Walk = serde_json::from_str(&kept).unwrap();
        let (stepped, is_last) = db
            .tenant(tenant, async |tx| {
                let is_last = next.step(tx, tenant).await?;
                Ok((next, is_last))
            })
            .await
            .unwrap();
        walk = stepped;
        if is_last {
            break;
        }
    }
    assert_eq!(steps, 3);
    assert_eq!(found(&walk), [(F::Changed, n, n)]);
}

#[tokio::test]
async fn a_tenants_chain_is_its_own() {
    let world = World::new().await.with(2).await;
    let before = world.head().await;
    let rival = TestTenant::create(&world.database.db, "rival").await;
    assert_eq!(world.head().await, before);
    let db = &world.database.db;
    let theirs = domain::audit::chain::verify(db, rival.id, None)
        .await
        .unwrap();
    assert_eq!(found(&theirs), WHOLE);
    let nobody = domain::audit::chain::verify(db, TenantId::new(), None)
        .await
        .unwrap();
    assert_eq!((nobody.head.number, found(&nobody)), (0, Vec::new()));
}
