//! Exports, and the way back.

use chrono::TimeDelta;
use domain::clock::Clock;
use domain::contact::ContactFilter;
use domain::contact::export::{self, Export, NewExport};
use domain::contact::import::Encoding;
use domain::contact_field::FieldType;
use domain::job::State;
use domain::page::PageRequest;
use domain::testing::{TestDatabase, TestTenant};
use domain::{Actor, DomainError, Permission};
use serde_json::json;

use crate::support::{World, assert_counts};

fn new(encoding: Encoding, columns: &[&str]) -> NewExport {
    NewExport {
        encoding,
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        filter: ContactFilter::default(),
    }
}

async fn export(world: &World, new: NewExport) -> (Export, Vec<u8>) {
    let db = &world.database.db;
    export::create(db, &world.actor, new).await.unwrap();
    world.drain().await;
    let page = export::list(db, &world.actor, &PageRequest::default())
        .await
        .unwrap();
    let row = page.items[0].clone();
    assert_eq!(row.state, State::Succeeded);
    let file = export::fetch(db, &world.actor, row.id).await.unwrap();
    let bytes = world.bytes(file.id).await;
    (row, bytes)
}

const ALL: [&str; 7] = [
    "email",
    "name",
    "field:memo",
    "field:age",
    "field:at",
    "field:yes",
    "field:tags",
];

async fn filled() -> World {
    let world = World::new().await;
    world.field("memo", FieldType::LongText).await;
    world.field("age", FieldType::Number).await;
    world.field("at", FieldType::DateTime).await;
    world.field("yes", FieldType::Boolean).await;
    world.field("tags", FieldType::MultiChoice).await;
    let hostile = [
        "=HYPERLINK(\"http://evil\")",
        "+81-3-1234",
        "-5",
        "@SUM(A1)",
        "\tタブ",
        "'=already",
        "''",
        "O'Brien",
        "改行\r\nと,カンマと\"引用符\"",
        ";セミコロン",
        "末尾 ",
        "①髙﨑ｻﾄｳ～",
    ];
    for (i, memo) in hostile.iter().enumerate() {
        let fields = [
            ("memo", json!(memo)),
            ("age", json!(-1.5)),
            ("at", json!("2026-01-05T00:30:00.25Z")),
            ("yes", json!(i % 2 == 0)),
            ("tags", json!(["金", "銀"])),
        ];
        world
            .contact(&format!("+p{i:02}@example.jp"), memo.trim(), &fields)
            .await;
    }
    world
}

#[tokio::test]
async fn what_is_exported_comes_back_through_an_import_as_it_was() {
    for encoding in [Encoding::Utf8Bom, Encoding::Utf8, Encoding::ShiftJis] {
        let world = filled().await;
        let before = world.contacts().await;
        let (row, bytes) = export(&world, new(encoding, &ALL)).await;
        assert_eq!(row.rows, Some(12));
        assert_eq!(row.replaced_characters, Some(0));
        assert_eq!(row.size, Some(i64::try_from(bytes.len()).unwrap()));
        world.database.execute_as_owner("DELETE FROM contact").await;
        let import = world.upload(&bytes).await;
        assert_eq!(import.detected.encoding, encoding);
        let done = world.run(&import).await;
        assert_counts(&done, [12, 12, 0, 0, 0]);
        let after = world.contacts().await;
        for (a, b) in before.iter().zip(&after) {
            assert_eq!(
                (&a.email, &a.name, &a.fields),
                (&b.email, &b.name, &b.fields)
            );
        }
    }
}

#[tokio::test]
async fn no_cell_of_a_file_is_a_formula() {
    let world = filled().await;
    let (_, bytes) = export(&world, new(Encoding::Utf8, &ALL)).await;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("'=HYPERLINK"), "{text}");
    assert!(text.contains("\r\n'+p00@example.jp,"), "{text}");
    let first: Vec<&str> = text.lines().take(2).collect();
    assert_eq!(first[0], "メールアドレス,氏名,MEMO,AGE,AT,YES,TAGS");
    assert!(
        first[1].ends_with(",'-1.5,2026-01-05T09:30:00.250+09:00,はい,\"金;銀\""),
        "{}",
        first[1]
    );
}

#[tokio::test]
async fn characters_that_shift_jis_does_not_have_are_references_and_counted() {
    let world = World::new().await;
    world.contact("a@example.jp", "花😀子 é", &[]).await;
    world.contact("b@example.jp", "〜−", &[]).await;
    let (row, bytes) = export(&world, new(Encoding::ShiftJis, &["name"])).await;
    assert_eq!(row.replaced_characters, Some(2));
    let (text, _, broken) = encoding_rs::SHIFT_JIS.decode(&bytes);
    assert!(!broken);
    assert_eq!(text, "氏名\r\n花&#128512;子 &#233;\r\n～－\r\n");
}

#[tokio::test]
async fn an_export_holds_what_the_filter_of_the_list_shows_in_the_columns_asked_for() {
    let world = World::new().await;
    for (email, name) in [
        ("a@example.jp", "山田 花子"),
        ("b@example.jp", "佐藤"),
        ("c@example.jp", "山田 太郎"),
    ] {
        world.contact(email, name, &[]).await;
    }
    let mut wanted = new(Encoding::Utf8, &["name", "status"]);
    wanted.filter.q = Some("山田".to_owned());
    let (row, bytes) = export(&world, wanted).await;
    assert_eq!(row.rows, Some(2));
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "氏名,状態\r\n山田 花子,有効\r\n山田 太郎,有効\r\n"
    );
}

#[tokio::test]
async fn an_export_of_many_pages_holds_everybody_once() {
    let world = World::new().await;
    let mut text = "email\n".to_owned();
    for i in 0..11_000 {
        text.push_str(&format!("p{i}@example.jp\n"));
    }
    let import = world.upload(text.as_bytes()).await;
    world.run(&import).await;
    let (row, bytes) = export(&world, new(Encoding::Utf8, &["email"])).await;
    assert_eq!(row.rows, Some(11_000));
    let text = String::from_utf8(bytes).unwrap();
    let mut lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), 11_000);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 11_000);
}

#[tokio::test]
async fn unknown_columns_lists_and_encodings_are_refused_and_the_permission_is_its_own() {
    let world = World::new().await;
    let db = &world.database.db;
    let mut wrong = new(Encoding::EucJp, &["email", "nope", "field:nope", "email"]);
    let refused = export::create(db, &world.actor, wrong.clone())
        .await
        .unwrap_err();
    let DomainError::Invalid(errors) = refused else {
        panic!("{refused:?}");
    };
    let found: Vec<_> = errors
        .iter()
        .map(|e| (e.pointer.as_str(), e.code))
        .collect();
    assert_eq!(
        found,
        [
            ("/encoding", "unknown"),
            ("/columns/1", "unknown"),
            ("/columns/2", "unknown"),
            ("/columns/3", "duplicate")
        ]
    );
    wrong = new(Encoding::Utf8, &["email"]);
    wrong.filter.list_id = Some(domain::ids::ListId::new());
    let refused = export::create(db, &world.actor, wrong).await.unwrap_err();
    assert_eq!(refused.code(), "invalid");
    let reader = Actor {
        permissions: [Permission::ContactsRead, Permission::ContactsWrite].into(),
        ..world.actor.clone()
    };
    let refused = export::create(db, &reader, new(Encoding::Utf8, &["email"]))
        .await
        .unwrap_err();
    assert!(matches!(refused, DomainError::Forbidden { .. }));
}

#[tokio::test]
async fn a_file_can_be_fetched_for_a_day_and_each_fetch_is_in_the_audit_log() {
    let clock = Clock::fixed("2026-11-24T09:00:00Z".parse().unwrap());
    let database = TestDatabase::with_clock(clock.clone()).await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let actor = tenant.owner();
    let world = World {
        database,
        tenant,
        actor,
    };
    world.contact("a@example.jp", "山田", &[]).await;
    let (row, _) = export(&world, new(Encoding::Utf8, &["email"])).await;
    assert_eq!(row.filename, "連絡先_20261124-1800.csv");
    let actions = world
        .database
        .text("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_entry WHERE subject_kind = 'export'")
        .await;
    assert_eq!(actions, "export.created export.downloaded");
    clock.advance(TimeDelta::hours(25));
    let db = &world.database.db;
    let gone = export::fetch(db, &world.actor, row.id).await.unwrap_err();
    assert!(matches!(gone, DomainError::NotFound { .. }));
    let page = export::list(db, &world.actor, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!((page.items[0].size, page.items[0].rows), (None, Some(1)));
}

#[tokio::test]
async fn the_next_worker_writes_on_where_a_killed_one_was_and_nobody_stands_there_twice() {
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
    let mut text = "email\n".to_owned();
    for i in 0..22_000 {
        text.push_str(&format!("p{i}@example.jp\n"));
    }
    let import = world.upload(text.as_bytes()).await;
    world.run(&import).await;
    clock.advance(TimeDelta::seconds(1));
    let job = export::create(&db, &world.actor, new(Encoding::ShiftJis, &["email"]))
        .await
        .unwrap();
    let (_alive, ended) = tokio::sync::watch::channel(false);
    let worker = domain::job::worker::Worker::new(db.clone(), ended);
    let killed = tokio::spawn(async move { worker.run_once().await });
    while world.job(&job).await.progress_done == 0 {
        tokio::task::yield_now().await;
    }
    killed.abort();
    let _ = killed.await;
    assert_eq!(world.job(&job).await.state, State::Running);
    clock.advance(TimeDelta::seconds(31));
    world.drain().await;
    let page = export::list(&db, &world.actor, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(page.items[0].rows, Some(22_000));
    let file = export::fetch(&db, &world.actor, page.items[0].id)
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&world.bytes(file.id).await).into_owned();
    let mut lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines.len(), 22_000);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 22_000);
}
