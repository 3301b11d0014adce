//! People of a file join lists, and nobody who left is brought back.

use domain::contact::import::Mode;
use domain::contact::{self, ContactChange, ContactStatus};
use domain::list::subscription::{self, Status};
use domain::suppression::{self, Kind, NewSuppression, Reason};

use crate::support::{World, assert_counts};

#[tokio::test]
async fn people_join_the_lists_with_history_and_an_entry_in_the_consent_ledger() {
    let world = World::new().await;
    let list = world.list("会員").await;
    world.contact("old@example.jp", "", &[]).await;
    let text = "email\nold@example.jp\nnew@example.jp\n";
    let done = world.bring(text, Mode::Overwrite, &[list]).await;
    assert_counts(&done, [2, 1, 0, 1, 0]);
    assert_eq!(done.counts.unwrap().subscribed, 2);
    let source = format!("import:{}", done.id);
    for (sql, expected) in [
        (
            "SELECT count(*) FROM subscription WHERE status = 'subscribed' AND source = '$'",
            2,
        ),
        (
            "SELECT count(*) FROM subscription_event WHERE status = 'subscribed' AND source = '$'",
            2,
        ),
        (
            "SELECT count(*) FROM consent WHERE kind = 'given' AND source = '$'",
            2,
        ),
        ("SELECT member_count FROM list", 2),
    ] {
        assert_eq!(
            world.database.count(&sql.replace('$', &source)).await,
            expected,
            "{sql}"
        );
    }
    // Once more: nothing changes, nothing is written twice.
    let again = world.bring(text, Mode::Overwrite, &[list]).await;
    assert_counts(&again, [2, 0, 0, 2, 0]);
    assert_eq!(again.counts.unwrap().subscribed, 0);
    assert_eq!(
        world.database.count("SELECT count(*) FROM consent").await,
        2
    );
}

#[tokio::test]
async fn who_left_a_list_or_all_mailing_or_is_blocked_stays_out_and_is_counted() {
    let world = World::new().await;
    let (db, actor) = (&world.database.db, &world.actor);
    let (list, other) = (world.list("会員").await, world.list("別").await);
    let left = world.contact("left@example.jp", "", &[]).await;
    for status in [Status::Subscribed, Status::Unsubscribed] {
        subscription::set(db, actor, left.id, list, status)
            .await
            .unwrap();
    }
    for (email, status) in [
        ("gone@example.jp", ContactStatus::Unsubscribed),
        ("angry@example.jp", ContactStatus::Complained),
    ] {
        let contact = world.contact(email, "", &[]).await;
        let change = ContactChange {
            status: Some(status),
            ..ContactChange::default()
        };
        contact::update(db, actor, contact.id, 1, change)
            .await
            .unwrap();
    }
    for (kind, value) in [
        (Kind::Address, "blocked@example.jp"),
        (Kind::Domain, "never.example"),
    ] {
        let new = NewSuppression {
            kind,
            value: value.to_owned(),
            reason: Reason::Cancelled,
            note: String::new(),
        };
        suppression::create(db, actor, new).await.unwrap();
    }
    let text = "email\nleft@example.jp\ngone@example.jp\nangry@example.jp\nblocked@example.jp\nx@NEVER.example\nfine@example.jp\n";
    let done = world.bring(text, Mode::Overwrite, &[list, other]).await;
    let counts = done.counts.unwrap();
    assert_counts(&done, [6, 3, 0, 3, 0]);
    assert_eq!(
        (
            counts.subscribed,
            counts.kept_unsubscribed,
            counts.suppressed
        ),
        (2, 3, 2)
    );
    let members = world
        .database
        .text(
            "SELECT string_agg(l.name || ':' || c.email, ' ' ORDER BY l.name, c.email) FROM subscription s
             JOIN contact c ON c.id = s.contact_id JOIN list l ON l.id = s.list_id WHERE s.status = 'subscribed'",
        )
        .await;
    assert_eq!(
        members,
        "会員:fine@example.jp 別:fine@example.jp 別:left@example.jp"
    );
    let statuses = world
        .database
        .text("SELECT string_agg(status, ' ' ORDER BY email) FROM contact WHERE status <> 'active'")
        .await;
    assert_eq!(
        statuses, "complained unsubscribed",
        "nobody is made active again"
    );
}

#[tokio::test]
async fn the_mode_that_leaves_known_people_alone_joins_only_new_ones() {
    let world = World::new().await;
    let list = world.list("会員").await;
    world.contact("old@example.jp", "", &[]).await;
    let done = world
        .bring(
            "email\nold@example.jp\nnew@example.jp\n",
            Mode::Add,
            &[list],
        )
        .await;
    assert_eq!(done.counts.unwrap().subscribed, 1);
    let members = world
        .database
        .text("SELECT string_agg(c.email, ' ') FROM subscription s JOIN contact c ON c.id = s.contact_id")
        .await;
    assert_eq!(members, "new@example.jp");
}
