//! Date mails: what they hold on to, and what is no date mail.

use domain::DomainError;
use domain::campaign::audience::Audience;
use domain::contact_field::{self, FieldType, NewContactField};
use domain::date_mail::day::Repeat;
use domain::date_mail::{self, Rule};
use domain::mail;

use crate::support::World;

pub(crate) async fn rule(world: &World) -> Rule {
    let field = NewContactField {
        key: "birthday".to_owned(),
        label: "誕生日".to_owned(),
        kind: FieldType::Date,
        required: false,
        unique: false,
        default_value: None,
        choices: Vec::new(),
        position: None,
    };
    contact_field::create(&world.database.db, &world.actor, field)
        .await
        .unwrap();
    Rule {
        name: "お誕生日".to_owned(),
        mail_id: world.mail,
        field_key: "birthday".to_owned(),
        offset_days: 0,
        repeat: Repeat::Yearly,
        send_at: "09:00:00".parse().unwrap(),
        time_zone: "Asia/Tokyo".to_owned(),
        audience: Audience {
            all: true,
            ..Audience::default()
        },
    }
}

#[tokio::test]
async fn a_mail_that_a_date_mail_sends_cannot_be_deleted_and_the_answer_says_why() {
    let world = World::new().await;
    let (db, actor) = (&world.database.db, &world.actor);
    let made = date_mail::create(db, actor, rule(&world).await)
        .await
        .unwrap();
    let version = mail::get(db, actor, world.mail).await.unwrap().version;
    let refused = mail::delete(db, actor, world.mail, version)
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, DomainError::Conflict { code: "in_use", detail } if detail.contains("date mail")),
        "{refused:?}"
    );
    date_mail::delete(db, actor, made.id, made.version)
        .await
        .unwrap();
    mail::delete(db, actor, world.mail, version).await.unwrap();
}

#[tokio::test]
async fn what_is_no_key_of_a_field_is_refused_as_input() {
    let world = World::new().await;
    let (db, actor) = (&world.database.db, &world.actor);
    let good = rule(&world).await;
    for key in ["", "\0", "birthday\0", "name", &"x".repeat(100_000)] {
        let bad = Rule {
            field_key: key.to_owned(),
            ..good.clone()
        };
        let refused = date_mail::create(db, actor, bad).await.unwrap_err();
        assert!(
            matches!(&refused, DomainError::Invalid(errors) if errors[0].pointer == "/field"),
            "{refused:?}"
        );
    }
}
