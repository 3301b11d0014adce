//! The plans of the contact list's queries, under the application's role:
//! row level security keeps PostgreSQL from an index without a word, and a
//! list of a million would then be read whole.

use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use super::*;
use crate::db::Db;
use crate::testing::{TestDatabase, TestTenant};

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    #[diesel(column_name = "QUERY PLAN")]
    line: String,
}

struct World {
    database: TestDatabase,
    tenant: TenantId,
    list: ListId,
}

impl World {
    /// 20,000 contacts of one tenant and as many of another; one in a hundred
    /// is bounced, a fifth stands in a list, all of them in five others.
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let tenant = TestTenant::create(&database.db, "acme").await.id;
        let other = TestTenant::create(&database.db, "rival").await.id;
        let list = ListId::new();
        for t in [tenant, other] {
            database
                .execute_as_owner(&format!(
                    "INSERT INTO contact (tenant_id, id, email, email_key, name, status, created_at, updated_at)
                     SELECT '{t}', lpad(to_hex(i), 32, '0')::uuid, 'person' || i || '@d' || i % 97 || '.example.jp',
                            'person' || i || '@d' || i % 97 || '.example.jp', '山田 ' || i,
                            CASE WHEN i % 100 = 0 THEN 'bounced' ELSE 'active' END, now(), now()
                     FROM generate_series(1, 20000) i"
                ))
                .await;
        }
        database
            .execute_as_owner(&format!(
                "INSERT INTO list (tenant_id, id, name) VALUES ('{tenant}', '{list}', 'L');
                 INSERT INTO subscription (tenant_id, list_id, contact_id, status)
                 SELECT '{tenant}', '{list}', lpad(to_hex(i), 32, '0')::uuid, 'subscribed' FROM generate_series(1, 20000, 5) i;
                 INSERT INTO list (tenant_id, id, name) SELECT '{tenant}', gen_random_uuid(), 'other ' || i FROM generate_series(1, 5) i;
                 INSERT INTO subscription (tenant_id, list_id, contact_id, status)
                 SELECT '{tenant}', l.id, c.id, 'subscribed' FROM list l JOIN contact c ON c.tenant_id = l.tenant_id WHERE l.name <> 'L'"
            ))
            .await;
        for table in ["contact", "subscription"] {
            database
                .execute_as_owner(&format!("VACUUM ANALYZE {table}"))
                .await;
        }
        Self {
            database,
            tenant,
            list,
        }
    }

    async fn plan(&self, sql: Sql) -> String {
        let sql = Sql {
            text: format!("EXPLAIN {}", sql.text),
            ..sql
        };
        let db: &Db = &self.database.db;
        let lines: Vec<Line> = db
            .tenant(self.tenant, async |tx| Ok(sql.query().load(tx).await?))
            .await
            .expect("a plan");
        let plan: Vec<String> = lines.into_iter().map(|line| line.line).collect();
        plan.join("\n")
    }
}

fn search(filter: &ContactFilter, sort: ContactSort) -> Search {
    Search::new(filter, sort).expect("a search")
}

fn word(q: &str) -> ContactFilter {
    ContactFilter {
        q: Some(q.to_owned()),
        ..ContactFilter::default()
    }
}

#[track_caller]
fn assert_walks(plan: &str, index: &str) {
    assert!(plan.contains(index), "not along {index}:\n{plan}");
    assert!(!plan.contains("Seq Scan"), "reads all:\n{plan}");
}

#[tokio::test]
async fn every_page_of_every_order_is_read_along_its_index_without_sorting() {
    let world = World::new().await;
    for sort in ContactSort::ALL {
        let index = match sort.key() {
            Key::Id => "contact_pkey",
            Key::Email => "contact_tenant_id_email_key_key",
            Key::Name => "contact_name_idx",
        };
        let cursor = Cursor {
            sort: sort.as_str().to_owned(),
            value: "person5".to_owned(),
            id: Uuid::from_u128(10_000),
        };
        for cursor in [None, Some(&cursor)] {
            let search = search(&ContactFilter::default(), *sort);
            let plan = world.plan(search.plain(world.tenant, cursor, 51)).await;
            assert_walks(&plan, index);
            assert!(!plan.contains("Sort"), "{sort:?}:\n{plan}");
            let search = self::search(&word("山田"), *sort);
            let plan = world.plan(search.walk(world.tenant, cursor, 51)).await;
            assert_walks(&plan, index);
        }
    }
}

#[tokio::test]
async fn rare_words_rare_states_and_lists_are_found_by_their_own_index() {
    let world = World::new().await;
    let newest = ContactSort::NewestFirst;
    for q in ["person777@", "nobody", "山田 1234"] {
        let found = search(&word(q), newest);
        let plan = world.plan(found.look_up(world.tenant, None, 51)).await;
        assert_walks(&plan, "contact_search_idx");
    }
    let bounced = ContactFilter {
        status: Some(ContactStatus::Bounced),
        ..ContactFilter::default()
    };
    let plan = world
        .plan(search(&bounced, newest).plain(world.tenant, None, 51))
        .await;
    assert_walks(&plan, "contact_status_idx");
    let members = ContactFilter {
        list_id: Some(world.list),
        ..ContactFilter::default()
    };
    let plan = world
        .plan(search(&members, newest).plain(world.tenant, None, 51))
        .await;
    assert_walks(&plan, "subscription_pkey");
}

#[tokio::test]
async fn an_export_goes_along_the_key() {
    let world = World::new().await;
    let all = search(&ContactFilter::default(), ContactSort::OldestFirst);
    let after = Some(Uuid::from_u128(5_000));
    let plan = world.plan(all.through(world.tenant, after, 1_000)).await;
    assert_walks(&plan, "contact_pkey");
    assert!(!plan.contains("Sort"), "{plan}");
}
