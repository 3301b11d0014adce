//! Reading: filters, pages, words, names, and the plans of each way in.

use diesel_async::RunQueryDsl;
use domain::actor::Permission;
use domain::audit::export::{self, Format};
use domain::audit::read::{self, AuditFilter};
use domain::page::PageRequest;
use domain::testing::{Plan, TestTenant};
use domain::{Actor, DomainError};

use crate::support::World;

/// Numbers of all pages; 0 for an entry without a link.
async fn numbers(world: &World, filter: &AuditFilter, limit: i64) -> Vec<i64> {
    let mut page = PageRequest {
        limit: Some(limit),
        ..PageRequest::default()
    };
    let mut numbers = Vec::new();
    loop {
        let found = read::list(&world.database.db, &world.actor, filter, &page)
            .await
            .unwrap();
        numbers.extend(found.items.iter().map(|entry| entry.number.unwrap_or(0)));
        match found.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => return numbers,
        }
    }
}

#[tokio::test]
async fn pages_hold_every_entry_once_newest_first() {
    let world = World::new().await.with(5).await;
    let last = world.head().await.number;
    let all: Vec<i64> = (1..=last).rev().collect();
    let filter = AuditFilter::default();
    // Entries of one transaction have one time, and any order among themselves.
    let mut paged = numbers(&world, &filter, 2).await;
    assert_eq!(paged[..5], all[..5]);
    paged.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(paged, all);
}

#[tokio::test]
async fn filters_narrow_and_words_are_found_however_far_back() {
    let world = World::new().await.with(3).await;
    let action = AuditFilter {
        action: Some("contact.updated".to_owned()),
        ..AuditFilter::default()
    };
    assert_eq!(numbers(&world, &action, 50).await.len(), 3);
    let kind = AuditFilter {
        subject_kind: Some("tenant".to_owned()),
        ..AuditFilter::default()
    };
    assert_eq!(numbers(&world, &kind, 50).await.len(), 1);
    let nobody = AuditFilter {
        actor_id: Some(domain::ids::UserId::new()),
        ..AuditFilter::default()
    };
    assert_eq!(numbers(&world, &nobody, 50).await, Vec::<i64>::new());
    let early = AuditFilter {
        to: Some("2020-01-01T00:00:00Z".parse().unwrap()),
        ..AuditFilter::default()
    };
    assert_eq!(numbers(&world, &early, 50).await, Vec::<i64>::new());
    // More than a page looks through lies over the one that is sought.
    world
        .tamper(
            "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_chain;
             INSERT INTO audit_entry (tenant_id, id, actor_kind, action, subject_kind, after, at)
             SELECT TENANT, gen_random_uuid(), 'system', 'list.updated', 'list', '{\"name\": \"100% 別\"}', now() + i * interval '1 ms'
             FROM generate_series(1, 20100) i",
        )
        .await;
    let words = |q: &str| AuditFilter {
        q: Some(q.to_owned()),
        ..AuditFilter::default()
    };
    assert_eq!(numbers(&world, &words("髙橋 1"), 50).await.len(), 1);
    assert_eq!(numbers(&world, &words("0% "), 200).await.len(), 20_100);
    assert_eq!(
        numbers(&world, &words("%_%"), 50).await.len(),
        0,
        "% and _ are characters"
    );
}

#[tokio::test]
async fn the_trace_is_for_those_who_may_and_ends_at_the_tenant() {
    let world = World::new().await.with(1).await;
    let db = &world.database.db;
    let mut blind = world.actor.clone();
    blind.permissions.remove(&Permission::AuditRead);
    let page = PageRequest::default();
    let refused = read::list(db, &blind, &AuditFilter::default(), &page).await;
    assert!(matches!(refused, Err(DomainError::Forbidden { .. })));
    let own = read::list(db, &world.actor, &AuditFilter::default(), &page)
        .await
        .unwrap();
    let rival = TestTenant::create(db, "rival").await.owner();
    let theirs = read::get(db, &rival, own.items[0].id).await;
    assert!(matches!(theirs, Err(DomainError::NotFound { .. })));
}

async fn file(world: &World, actor: &Actor, format: Format) -> String {
    let db = &world.database.db;
    let filter = AuditFilter::default();
    let mut export = export::open(db, actor, filter, format).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = export.next().await.unwrap() {
        assert!(!piece.is_empty());
        bytes.extend(piece);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_file_holds_all_entries_its_own_taking_too_and_no_formula() {
    let world = World::new().await.with(2).await;
    world
        .tamper(
            "INSERT INTO audit_entry (tenant_id, id, actor_kind, action, subject_kind, after)
             SELECT TENANT, gen_random_uuid(), 'system', 'contact.created', 'contact', '{\"name\": \"=HYPERLINK(1)\"}'
             FROM generate_series(1, 2500)",
        )
        .await;
    let lines = file(&world, &world.actor, Format::JsonLines).await;
    let count = world
        .database
        .count("SELECT count(*) FROM audit_entry")
        .await;
    assert_eq!(i64::try_from(lines.lines().count()).unwrap(), count);
    assert!(lines.lines().next().unwrap().contains("audit.exported"));
    let csv = file(&world, &world.actor, Format::Csv).await;
    assert!(csv.contains(",'=HYPERLINK(1),"), "a formula is text");
    assert_eq!(i64::try_from(csv.lines().count()).unwrap(), count + 2);
}

#[tokio::test]
async fn every_way_into_the_trace_goes_by_an_index() {
    let world = World::new().await;
    world
        .tamper(
            "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_chain;
             INSERT INTO audit_entry (tenant_id, id, actor_kind, actor_id, action, subject_kind, subject_id, at)
             SELECT TENANT, gen_random_uuid(), 'user', lpad(to_hex(i % 50), 32, '0')::uuid,
                    (ARRAY['contact.updated', 'contact.created', 'list.updated'])[1 + i % 3], 'contact',
                    lpad(to_hex(i % 5000), 32, '0')::uuid, now() - i * interval '1 minute'
             FROM generate_series(1, 30000) i;
             INSERT INTO access_entry (tenant_id, id, actor_kind, actor_id, operation, subject_kind, subject_id, at)
             SELECT TENANT, gen_random_uuid(), 'user', lpad(to_hex(i % 50), 32, '0')::uuid, 'get_contact', 'contact',
                    lpad(to_hex(i % 5000), 32, '0')::uuid, now() - i * interval '1 minute'
             FROM generate_series(1, 30000) i;
             ANALYZE audit_entry; ANALYZE access_entry",
        )
        .await;
    let some = "'00000000-0000-0000-0000-000000000007'";
    let narrow = [
        ("true".to_owned(), "time_idx"),
        ("at < now() - interval '10 days'".to_owned(), "time_idx"),
        (format!("subject_id = {some}"), "subject_idx"),
        (format!("actor_id = {some}"), "actor_idx"),
        ("action = 'campaign.sent'".to_owned(), "action_idx"),
        ("subject_kind = 'route'".to_owned(), "kind_idx"),
    ];
    for (condition, index) in narrow {
        for table in ["audit_entry", "access_entry"] {
            if table == "access_entry" && (index == "action_idx" || index == "kind_idx") {
                continue;
            }
            let sql = format!(
                "EXPLAIN SELECT * FROM {table} WHERE tenant_id = '{}' AND {condition} ORDER BY at DESC, id DESC LIMIT 51",
                world.tenant
            );
            let lines: Vec<Plan> = world
                .database
                .db
                .tenant(world.tenant, async |tx| {
                    Ok(diesel::sql_query(sql).load(tx).await?)
                })
                .await
                .unwrap();
            let plan = Plan::text(&lines);
            assert!(
                plan.contains(&format!("{table}_{index}")) && !plan.contains("Seq Scan"),
                "{condition} of {table}: {plan}"
            );
        }
    }
}
