//! What goes out without another question is changed by who may send, and by
//! nobody else: campaigns that are scheduled, and the mails and blocks of all
//! that goes out by itself.

use chrono::TimeDelta;
use domain::campaign::ab_test::{Decision, Metric, Plan, Variant};
use domain::campaign::audience::Audience;
use domain::campaign::{self, CampaignChange, control};
use domain::mail::content::ContentChange;
use domain::mail::{self, MailChange, NewMail};
use domain::sequence::plan::{Condition, Delay, Unit};
use domain::sequence::{self, Entry, StepRule, steer};
use domain::{Actor, Permission, block, date_mail};

use crate::date_mail::rule;
use crate::support::{World, lists};

/// "May edit but not send."
fn editor(world: &World) -> Actor {
    let mut permissions = world.actor.permissions.clone();
    permissions.remove(&Permission::CampaignsSend);
    Actor {
        permissions,
        ..world.actor.clone()
    }
}

async fn scheduled(world: &World) -> campaign::Campaign {
    let list = world.list("A").await;
    for email in ["a@example.jp", "b@example.jp"] {
        world.contact(email, &[list]).await;
    }
    let draft = world.campaign(lists(&[list])).await;
    schedule(world, draft.id).await
}

async fn schedule(world: &World, id: domain::ids::CampaignId) -> campaign::Campaign {
    let (db, installation) = (&world.database.db, &world.installation);
    let at = db.now() + TimeDelta::hours(1);
    control::schedule(db, &world.actor, installation, id, at, "Asia/Tokyo")
        .await
        .unwrap()
}

/// Writes into the mail, and answers the refusal's code, or what was written.
async fn write(world: &World, by: &Actor, text: &str) -> &'static str {
    let db = &world.database.db;
    let now = mail::get(db, by, world.mail).await.unwrap();
    let change = MailChange {
        content: ContentChange {
            subject: Some(text.to_owned()),
            ..ContentChange::default()
        },
        ..MailChange::default()
    };
    match mail::update(db, by, world.mail, now.version, change).await {
        Ok(_) => "written",
        Err(error) => error.code(),
    }
}

#[tokio::test]
async fn a_campaign_that_is_scheduled_is_changed_by_who_may_send_it() {
    let world = World::new().await;
    let (db, editor) = (&world.database.db, editor(&world));
    let found = scheduled(&world).await;
    let everybody = || CampaignChange {
        audience: Some(Audience {
            all: true,
            ..Audience::default()
        }),
        ..CampaignChange::default()
    };
    let refused = campaign::update(db, &editor, found.id, found.version, everybody()).await;
    assert_eq!(refused.unwrap_err().code(), "forbidden");
    let stale = Actor {
        stepped_up: false,
        ..world.actor.clone()
    };
    let changed = campaign::update(db, &stale, found.id, found.version, everybody())
        .await
        .unwrap();
    world
        .database
        .execute_as_owner("UPDATE tenant SET step_up_people = 1")
        .await;
    let refused = campaign::update(db, &stale, found.id, changed.version, everybody()).await;
    assert_eq!(refused.unwrap_err().code(), "step_up_required");
    campaign::update(db, &world.actor, found.id, changed.version, everybody())
        .await
        .unwrap();
    let draft = control::unschedule(db, &world.actor, found.id)
        .await
        .unwrap();
    campaign::update(db, &editor, draft.id, draft.version, everybody())
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_on_its_way_is_deleted_by_who_may_send_it() {
    let world = World::new().await;
    let (db, actor, editor) = (&world.database.db, &world.actor, editor(&world));
    let found = scheduled(&world).await;
    let refused = campaign::delete(db, &editor, found.id, found.version).await;
    assert_eq!(refused.unwrap_err().code(), "forbidden");
    let draft = control::unschedule(db, actor, found.id).await.unwrap();
    campaign::delete(db, &editor, draft.id, draft.version)
        .await
        .unwrap();
    let birthday = rule(&world).await;
    let made = date_mail::create(db, &editor, birthday).await.unwrap();
    let active = date_mail::activate(db, actor, made.id).await.unwrap();
    let refused = date_mail::delete(db, &editor, active.id, active.version).await;
    assert_eq!(refused.unwrap_err().code(), "forbidden");
    let paused = date_mail::pause(db, actor, made.id).await.unwrap();
    date_mail::delete(db, &editor, paused.id, paused.version)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_mail_of_what_is_scheduled_is_changed_by_who_may_send_it() {
    let world = World::new().await;
    let (db, editor) = (&world.database.db, editor(&world));
    assert_eq!(write(&world, &editor, "下書き").await, "written");
    let found = scheduled(&world).await;
    assert_eq!(write(&world, &editor, "差し替え").await, "goes_out");
    let refused = mail::restore(db, &editor, world.mail, 1).await;
    assert_eq!(refused.unwrap_err().code(), "goes_out");
    // What nobody gets may be changed, and a copy is another mail.
    let version = mail::get(db, &editor, world.mail).await.unwrap().version;
    let name = MailChange {
        name: Some("改名".to_owned()),
        ..MailChange::default()
    };
    mail::update(db, &editor, world.mail, version, name)
        .await
        .unwrap();
    mail::copy(db, &editor, world.mail, None, None)
        .await
        .unwrap();
    assert_eq!(write(&world, &world.actor, "最後の手直し").await, "written");
    control::unschedule(db, &world.actor, found.id)
        .await
        .unwrap();
    assert_eq!(write(&world, &editor, "また下書き").await, "written");
}

#[tokio::test]
async fn the_mail_of_a_variant_goes_out_too() {
    let world = World::new().await;
    let (db, actor) = (&world.database.db, &world.actor);
    let other = mail::copy(db, actor, world.mail, None, None).await.unwrap();
    let list = world.list("A").await;
    for email in ["a@example.jp", "b@example.jp"] {
        world.contact(email, &[list]).await;
    }
    let draft = world.campaign(lists(&[list])).await;
    let variant = |mail_id| Variant {
        mail_id,
        subject: None,
        sender_name: None,
        sender_address: None,
    };
    let plan = Plan {
        share: 100,
        metric: Metric::Opens,
        decision: Decision::Manual,
        wait_minutes: 60,
        variants: vec![variant(Some(other.id)), variant(Some(world.mail))],
    };
    let change = CampaignChange {
        mail_id: Some(Some(other.id)),
        ab_test: Some(Some(plan)),
        ..CampaignChange::default()
    };
    campaign::update(db, actor, draft.id, draft.version, change)
        .await
        .unwrap();
    schedule(&world, draft.id).await;
    assert_eq!(write(&world, &editor(&world), "差し替え").await, "goes_out");
}

#[tokio::test]
async fn mails_of_date_mails_sequences_and_signup_addresses_go_out_while_those_are_on() {
    let world = World::new().await;
    let (db, actor) = (&world.database.db, &world.actor);
    let editor = editor(&world);
    let made = date_mail::create(db, actor, rule(&world).await)
        .await
        .unwrap();
    assert_eq!(write(&world, &editor, "一").await, "written");
    date_mail::activate(db, actor, made.id).await.unwrap();
    assert_eq!(write(&world, &editor, "二").await, "goes_out");
    date_mail::pause(db, actor, made.id).await.unwrap();
    assert_eq!(write(&world, &editor, "三").await, "written");

    let step = StepRule {
        id: None,
        mail_id: world.mail,
        delay: Delay {
            value: 0,
            unit: Unit::Minutes,
            at: None,
        },
        condition: Condition::default(),
    };
    let sequence = sequence::Rule {
        name: "ご案内".to_owned(),
        time_zone: "Asia/Tokyo".to_owned(),
        entry: Entry::Manual,
        leave_with_list: false,
        reenter: false,
        cap_exempt: true,
        steps: vec![step],
    };
    sequence::create(db, actor, sequence).await.unwrap();
    assert_eq!(write(&world, &editor, "四").await, "written");
    for (state, expected) in [
        ("active", "goes_out"),
        ("paused", "goes_out"),
        ("finished", "goes_out"),
        ("stopped", "written"),
    ] {
        let sql = format!("UPDATE sequence SET state = '{state}'");
        world.database.execute_as_owner(&sql).await;
        assert_eq!(write(&world, &editor, state).await, expected, "{state}");
    }

    let (tenant, id) = (world.tenant.id, world.mail);
    for (enabled, expected) in [(true, "goes_out"), (false, "written")] {
        let sql = format!(
            "DELETE FROM signup_address;
             INSERT INTO signup_address (tenant_id, id, name, local_part, mail_id, enabled, hourly_limit, valid_hours)
             VALUES ('{tenant}', gen_random_uuid(), '店頭', 'store', '{id}', {enabled}, 100, 24)"
        );
        world.database.execute_as_owner(&sql).await;
        let text = format!("申し込み {enabled}");
        assert_eq!(write(&world, &editor, &text).await, expected);
    }
}

#[tokio::test]
async fn a_block_in_a_mail_that_goes_out_is_changed_by_who_may_send() {
    let world = World::new().await;
    let (db, actor) = (&world.database.db, &world.actor);
    let editor = editor(&world);
    let make = async |key: &str, html: &str| {
        let new = block::NewBlock {
            key: key.to_owned(),
            name: key.to_owned(),
            text: String::new(),
            html: html.to_owned(),
        };
        block::create(db, actor, new).await.unwrap()
    };
    let inner = make("qz_inner", "<p>住所</p>").await;
    make("qz_outer", r#"{{ block("qz_inner") }}"#).await;
    let unused = make("qz_unused", "<p>予備</p>").await;
    let before = mail::get(db, actor, world.mail).await.unwrap();
    let html = &before.content.html;
    let content = ContentChange {
        html: Some(format!(r#"{html}{{{{ block("qz_outer") }}}}"#)),
        ..ContentChange::default()
    };
    let change = MailChange {
        content,
        ..MailChange::default()
    };
    mail::update(db, actor, world.mail, before.version, change)
        .await
        .unwrap();
    let code = async |by: &Actor, block: &block::Block| {
        let now = block::get(db, by, block.id).await.unwrap();
        let change = block::BlockChange {
            html: Some(format!("<p>{}</p>", now.version)),
            ..block::BlockChange::default()
        };
        match block::update(db, by, block.id, now.version, change).await {
            Ok(_) => "written",
            Err(error) => error.code(),
        }
    };
    assert_eq!(code(&editor, &inner).await, "written");
    let found = scheduled(&world).await;
    assert_eq!(code(&editor, &inner).await, "goes_out");
    assert_eq!(code(&editor, &unused).await, "written");
    assert_eq!(code(actor, &inner).await, "written");
    let name = block::BlockChange {
        name: Some("改名".to_owned()),
        ..block::BlockChange::default()
    };
    let now = block::get(db, &editor, inner.id).await.unwrap();
    block::update(db, &editor, inner.id, now.version, name)
        .await
        .unwrap();
    // Blocks are read while mails go out.
    let now = world.get(found.id).await;
    assert!(now.mail_number.is_none());
    control::unschedule(db, actor, found.id).await.unwrap();
    assert_eq!(code(&editor, &inner).await, "written");
    control::send(db, actor, &world.installation, found.id, 2)
        .await
        .unwrap();
    assert_eq!(code(&editor, &inner).await, "goes_out");
    control::stop(db, actor, found.id).await.unwrap();
    assert_eq!(code(&editor, &inner).await, "written");
    let hidden = NewMail {
        name: "文字参照".to_owned(),
        content: ContentChange {
            html: Some("{{ block(&#34;&#113;z_unused&#34;) }}".to_owned()),
            ..ContentChange::default()
        },
        ..NewMail::default()
    };
    let hidden = mail::create(db, &editor, hidden).await.unwrap();
    let sql = format!(
        "UPDATE campaign SET state = 'scheduled', mail_id = '{}'",
        hidden.id
    );
    world.database.execute_as_owner(&sql).await;
    assert_eq!(code(&editor, &unused).await, "goes_out");
}

#[tokio::test]
async fn what_goes_out_by_dates_is_let_go_and_led_elsewhere_with_a_fresh_proof() {
    let world = World::new().await;
    let (db, actor) = (&world.database.db, &world.actor);
    let stale = Actor {
        stepped_up: false,
        ..actor.clone()
    };
    let needed = "step_up_required";
    let birthday = rule(&world).await;
    let made = date_mail::create(db, &stale, birthday.clone())
        .await
        .unwrap();
    let refused = date_mail::activate(db, &stale, made.id).await;
    assert_eq!(refused.unwrap_err().code(), needed);
    let active = date_mail::activate(db, actor, made.id).await.unwrap();
    let everybody = date_mail::Rule {
        audience: Audience {
            all: true,
            ..Audience::default()
        },
        offset_days: birthday.offset_days + 1,
        ..birthday.clone()
    };
    let change = async |by: &Actor, version, rule: &date_mail::Rule| {
        date_mail::update(db, by, made.id, version, rule.clone()).await
    };
    let refused = change(&stale, active.version, &everybody).await;
    assert_eq!(refused.unwrap_err().code(), needed);
    let renamed = date_mail::Rule {
        name: "改名".to_owned(),
        ..birthday.clone()
    };
    let renamed = change(&stale, active.version, &renamed).await.unwrap();
    change(actor, renamed.version, &everybody).await.unwrap();
    date_mail::pause(db, &stale, made.id).await.unwrap();

    let by_date = |offset_days| sequence::Rule {
        name: "ご案内".to_owned(),
        time_zone: "Asia/Tokyo".to_owned(),
        entry: Entry::Date {
            field: birthday.field_key.clone(),
            offset_days,
            repeat: birthday.repeat,
        },
        leave_with_list: false,
        reenter: false,
        cap_exempt: true,
        steps: vec![StepRule {
            id: None,
            mail_id: world.mail,
            delay: Delay {
                value: 0,
                unit: Unit::Minutes,
                at: None,
            },
            condition: Condition::default(),
        }],
    };
    let made = sequence::create(db, &stale, by_date(0)).await.unwrap();
    let activate = async |by: &Actor| steer::activate(db, by, &world.installation, made.id).await;
    assert_eq!(activate(&stale).await.unwrap_err().code(), needed);
    let active = activate(actor).await.unwrap();
    let led = sequence::update(db, &stale, made.id, active.version, by_date(1)).await;
    assert_eq!(led.unwrap_err().code(), needed);
    steer::pause(db, &stale, made.id).await.unwrap();
    // Who wants no proof for sending is asked for none.
    world
        .database
        .execute_as_owner("UPDATE tenant SET step_up_people = NULL")
        .await;
    activate(&stale).await.unwrap();
}
