use domain::campaign::audience::Audience;
use domain::campaign::preflight::{Level, Preflight};
use domain::campaign::{self, control};
use domain::ids::{ListId, MailId, RouteId};
use domain::mail::content::ContentChange;
use domain::mail::{self, MailChange};
use domain::tenant::{self, TenantChange};
use domain::testing::TestTenant;
use domain::{Actor, DomainError};

use crate::support::{World, lists};

async fn run(world: &World, audience: Audience) -> Preflight {
    let campaign = world.campaign(audience).await;
    campaign::preflight::run(
        &world.database.db,
        &world.actor,
        &world.installation,
        campaign.id,
    )
    .await
    .unwrap()
}

fn blocks(found: &Preflight) -> Vec<&str> {
    found
        .checks
        .iter()
        .filter(|c| c.level == Level::Block)
        .map(|c| c.code)
        .collect()
}

async fn change(world: &World, content: ContentChange) {
    let db = &world.database.db;
    let version = mail::get(db, &world.actor, world.mail)
        .await
        .unwrap()
        .version;
    let change = MailChange {
        content,
        ..MailChange::default()
    };
    mail::update(db, &world.actor, world.mail, version, change)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_complete_campaign_passes_and_a_number_of_over_a_minute_ago_is_counted_anew() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.contact("a@example.jp", &[list]).await;
    let campaign = world.campaign(lists(&[list])).await;
    let (db, actor) = (&world.database.db, &world.actor);
    let found = campaign::preflight::run(db, actor, &world.installation, campaign.id)
        .await
        .unwrap();
    assert_eq!(blocks(&found), Vec::<&str>::new());
    assert!(found.can_send());
    assert_eq!((found.people.selected, found.people.will_receive), (1, 1));

    world.contact("b@example.jp", &[list]).await;
    world
        .database
        .execute_as_owner(
            "UPDATE campaign_confirmation SET counted_at = counted_at - interval '61 s'",
        )
        .await;
    let refused = control::send(db, actor, &world.installation, campaign.id, 1)
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, DomainError::Conflict { code: "people_changed", detail } if detail.starts_with("2 people"))
    );
    control::send(db, actor, &world.installation, campaign.id, 2)
        .await
        .unwrap();
    let again = control::send(db, actor, &world.installation, campaign.id, 2)
        .await
        .unwrap_err();
    assert!(matches!(
        again,
        DomainError::Conflict {
            code: "wrong_state",
            ..
        }
    ));
}

#[tokio::test]
async fn sending_to_more_people_than_the_tenant_set_wants_a_fresh_proof() {
    let world = World::new().await;
    let list = world.list("A").await;
    for email in ["a@example.jp", "b@example.jp"] {
        world.contact(email, &[list]).await;
    }
    let (db, installation) = (&world.database.db, &world.installation);
    let stale = Actor {
        stepped_up: false,
        ..world.actor.clone()
    };
    let few = world.campaign(lists(&[list])).await;
    control::send(db, &stale, installation, few.id, 2)
        .await
        .unwrap();
    world
        .database
        .execute_as_owner("UPDATE tenant SET step_up_people = 1")
        .await;
    let many = world.campaign(lists(&[list])).await;
    let at = db.now() + chrono::TimeDelta::hours(1);
    for refused in [
        control::send(db, &stale, installation, many.id, 2).await,
        control::schedule(db, &stale, installation, many.id, at, "Asia/Tokyo").await,
    ] {
        assert_eq!(refused.unwrap_err().code(), "step_up_required");
    }
    control::send(db, &world.actor, installation, many.id, 2)
        .await
        .unwrap();
}

#[tokio::test]
async fn each_legal_item_that_is_missing_blocks() {
    let world = World::new().await;
    let list = world.list("A").await;
    world.contact("a@example.jp", &[list]).await;
    let db = &world.database.db;
    let content = mail::get(db, &world.actor, world.mail)
        .await
        .unwrap()
        .content;
    for (code, field) in [
        ("legal_sender_name", "{{ company_name }}"),
        ("legal_postal_address", "{{ company_address }}"),
        ("legal_contact", "{{ company_contact }}"),
        ("legal_refusal_text", "配信停止"),
        ("legal_refusal_link", "{{ cancel_url }}"),
    ] {
        let html = content.html.replace(field, "お手続き");
        change(
            &world,
            ContentChange {
                html: Some(html),
                ..ContentChange::default()
            },
        )
        .await;
        let found = run(&world, lists(&[list])).await;
        assert_eq!(blocks(&found), [code]);
        assert!(!found.can_send());
        let campaign = world.campaign(lists(&[list])).await;
        let refused = control::send(db, &world.actor, &world.installation, campaign.id, 1)
            .await
            .unwrap_err();
        assert!(matches!(
            refused,
            DomainError::Conflict {
                code: "not_ready",
                ..
            }
        ));
    }
    change(
        &world,
        ContentChange {
            html: Some(content.html),
            ..ContentChange::default()
        },
    )
    .await;
    let empty = TenantChange {
        legal_contact: Some(String::new()),
        ..TenantChange::default()
    };
    let version = tenant::get(db, &world.actor).await.unwrap().version;
    tenant::update(db, &world.actor, version, empty)
        .await
        .unwrap();
    assert_eq!(
        blocks(&run(&world, lists(&[list])).await),
        ["legal_contact"]
    );
}

#[tokio::test]
async fn what_cannot_go_out_blocks_and_what_looks_wrong_warns_with_its_count() {
    let world = World::new().await;
    let list = world.list("A").await;
    for n in 0..3 {
        world.contact(&format!("a{n}@example.jp"), &[list]).await;
    }
    world
        .database
        .execute_as_owner("UPDATE contact SET name = '' WHERE email <> 'a0@example.jp'")
        .await;
    let content = mail::get(&world.database.db, &world.actor, world.mail)
        .await
        .unwrap()
        .content;
    let html = content
        .html
        .replace("{{ name | sama }}", "{{ name }} {{ nmae }} <img src=x>")
        + &"<!-- -->".repeat(13_000);
    change(
        &world,
        ContentChange {
            html: Some(html),
            sender_address: Some("x@other.example".to_owned()),
            ..ContentChange::default()
        },
    )
    .await;
    world
        .database
        .execute_as_owner("UPDATE route SET enabled = false")
        .await;
    let found = run(&world, lists(&[list])).await;
    assert_eq!(blocks(&found), ["route", "sender_domain", "unknown_fields"]);
    let warns: Vec<_> = found
        .checks
        .iter()
        .filter(|c| c.level == Level::Warn)
        .map(|c| (c.code, c.detail.as_str(), c.count))
        .collect();
    assert_eq!(
        warns,
        [
            ("size", "104 kB", None),
            ("alt_text", "", Some(1)),
            ("empty_values", "name", Some(2))
        ]
    );
    assert_eq!(blocks(&run(&world, Audience::default()).await)[0], "people");
}

#[tokio::test]
async fn ids_of_another_tenant_or_of_nothing_are_refused() {
    let world = World::new().await;
    let db = &world.database.db;
    let other = TestTenant::create(db, "rival").await;
    let foreign_mail = mail::create(
        db,
        &other.owner(),
        mail::NewMail {
            name: "x".to_owned(),
            ..mail::NewMail::default()
        },
    )
    .await
    .unwrap()
    .id;
    let new =
        |mail_id: MailId, list: Option<ListId>, route_id: Option<RouteId>| campaign::NewCampaign {
            name: "x".to_owned(),
            mail_id: Some(mail_id),
            audience: Audience {
                list_ids: list.into_iter().collect(),
                ..Audience::default()
            },
            route_id,
            hours: None,
            best_hour: false,
            ab_test: None,
        };
    for (new, pointer) in [
        (new(foreign_mail, None, None), "/mail_id"),
        (
            new(world.mail, Some(ListId::new()), None),
            "/audience/list_ids/0",
        ),
        (new(world.mail, None, Some(RouteId::new())), "/route_id"),
    ] {
        let refused = campaign::create(db, &world.actor, new).await.unwrap_err();
        assert!(
            matches!(&refused, DomainError::Invalid(fields) if fields[0].pointer == pointer),
            "{pointer}: {refused:?}"
        );
    }
}
