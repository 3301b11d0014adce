//! What becomes of mails stands in the trace, an entry a version.

use domain::job;
use domain::mail::content::ContentChange;
use domain::mail::{self, Mail, MailChange, NewMail};

use crate::support::World;

async fn change(world: &World, mail: &Mail, change: MailChange) -> Mail {
    mail::update(
        &world.database.db,
        &world.actor,
        mail.id,
        mail.version,
        change,
    )
    .await
    .unwrap()
}

fn text(text: &str) -> MailChange {
    MailChange {
        content: ContentChange {
            text: Some(text.to_owned()),
            ..ContentChange::default()
        },
        ..MailChange::default()
    }
}

/// Entries of mails in their order: action, and number before and after.
async fn told(world: &World) -> Vec<String> {
    let sql = "SELECT json_agg(action || ' ' || coalesce(before ->> 'number', '-') || ' ' || coalesce(after ->> 'number', '-') ORDER BY l.number)
               FROM audit_entry e JOIN audit_link l ON l.tenant_id = e.tenant_id AND l.entry_id = e.id WHERE subject_kind = 'mail'";
    serde_json::from_str(&world.database.text(sql).await).unwrap()
}

#[tokio::test]
async fn what_changes_in_a_mail_is_told_once_a_version() {
    let world = World::new().await;
    let new = NewMail {
        name: "案内".to_owned(),
        ..NewMail::default()
    };
    let mail = mail::create(&world.database.db, &world.actor, new)
        .await
        .unwrap();
    // The editor saves by itself into the version that there is.
    let mail = change(&world, &mail, text("一")).await;
    assert_eq!(mail.number, 1);
    assert_eq!(told(&world).await, ["mail.created - -"]);
    let age = "UPDATE mail_version SET created_at = created_at - interval '11 minutes'";
    world.tamper(age).await;
    let mail = change(&world, &mail, text("二")).await;
    let mail = change(&world, &mail, text("三")).await;
    let rename = MailChange {
        name: Some("お知らせ".to_owned()),
        ..MailChange::default()
    };
    let mail = change(&world, &mail, rename).await;
    let archive = |archived| MailChange {
        archived: Some(archived),
        ..MailChange::default()
    };
    let mail = change(&world, &mail, archive(true)).await;
    let mail = change(&world, &mail, archive(true)).await;
    let mail = change(&world, &mail, archive(false)).await;
    mail::restore(&world.database.db, &world.actor, mail.id, 1)
        .await
        .unwrap();
    let expected = [
        "mail.created - -",
        "mail.updated 1 2",
        "mail.updated 2 2",
        "mail.archived - -",
        "mail.unarchived - -",
        "mail.restored 2 3",
    ];
    assert_eq!(told(&world).await, expected);
    // The hash says which content: what is restored is what was.
    let sql = "SELECT (SELECT before ->> 'hash' FROM audit_entry WHERE action = 'mail.updated' AND before ->> 'number' = '1')
                    = (SELECT after ->> 'hash' FROM audit_entry WHERE action = 'mail.restored')";
    assert_eq!(world.database.text(sql).await, "true");
    let names = "SELECT (before ->> 'name') || ' ' || (after ->> 'name') FROM audit_entry
                 WHERE action = 'mail.updated' AND before ->> 'number' = '2'";
    assert_eq!(world.database.text(names).await, "案内 お知らせ");
}

#[tokio::test]
async fn a_cancelled_job_is_told_once() {
    let world = World::new().await;
    let db = &world.database.db;
    let job = domain::audit::start_verification(db, &world.actor)
        .await
        .unwrap();
    job::cancel(db, &world.actor, job.id).await.unwrap();
    job::cancel(db, &world.actor, job.id).await.unwrap_err();
    let sql = "SELECT string_agg((subject_id::text) || ' ' || (after ->> 'kind'), ',') FROM audit_entry WHERE action = 'job.cancelled'";
    let expected = format!("{} audit_verify", job.id);
    assert_eq!(world.database.text(sql).await, expected);
}
