//! What is told, and what is not.

use diesel_async::RunQueryDsl;
use domain::contact::{self, ContactChange};
use domain::egress::Rules;
use domain::list::{self, NewList};
use domain::sender_domain;
use domain::testing::{TestTenant, sent_campaign};
use domain::webhook::{self, Topic, WebhookChange, log, outbox};

use crate::support::World;

const ALL_OF_CONTACTS: [Topic; 5] = [
    Topic::ContactCreated,
    Topic::ContactUpdated,
    Topic::ContactDeleted,
    Topic::ContactUnsubscribed,
    Topic::ContactResubscribed,
];

#[tokio::test]
async fn what_happens_with_contacts_is_told_once_and_in_its_order() {
    let w = World::new().await;
    let before = w.contact("before@example.jp").await;
    w.webhook(&ALL_OF_CONTACTS).await;
    let taro = w.contact("taro@example.jp").await;
    let change = ContactChange {
        name: Some("太郎".to_owned()),
        ..ContactChange::default()
    };
    contact::update(w.db(), &w.actor, taro.id, 1, change)
        .await
        .unwrap();
    for (version, status) in [
        (2, contact::ContactStatus::Unsubscribed),
        (3, contact::ContactStatus::Active),
        (4, contact::ContactStatus::Disabled),
    ] {
        let change = ContactChange {
            status: Some(status),
            ..ContactChange::default()
        };
        contact::update(w.db(), &w.actor, taro.id, version, change)
            .await
            .unwrap();
    }
    contact::delete(w.db(), &w.actor, before.id, 1)
        .await
        .unwrap();
    let mut told = w.told().await;
    told.sort();
    let mut expected = vec![
        "contact.created taro@example.jp",
        "contact.updated taro@example.jp",
        "contact.unsubscribed taro@example.jp",
        "contact.resubscribed taro@example.jp",
        "contact.updated taro@example.jp",
        "contact.deleted before@example.jp",
    ];
    expected.sort_unstable();
    assert_eq!(told, expected);
    w.fan_out().await;
    assert_eq!(w.database.count("SELECT count(*) FROM outbox").await, 0);
    assert_eq!(
        w.database.count("SELECT count(*) FROM outbox_queue").await,
        0
    );
}

#[tokio::test]
async fn lists_campaigns_events_and_checks_are_told() {
    let w = World::new().await;
    w.webhook(Topic::ALL).await;
    let contact = w.contact("taro@example.jp").await;
    let new = NewList {
        name: "月刊".to_owned(),
        description: String::new(),
        colour: "gray".to_owned(),
        folder_id: None,
    };
    let list = list::create(w.db(), &w.actor, new).await.unwrap();
    list::add_members(w.db(), &w.actor, list.id, &[contact.id])
        .await
        .unwrap();
    list::remove_member(w.db(), &w.actor, list.id, contact.id)
        .await
        .unwrap();
    let campaign = sent_campaign(&w.database, w.actor.tenant_id, 1).await;
    let sql = [
        format!("UPDATE campaign SET state = 'scheduled' WHERE id = '{campaign}'"),
        format!("UPDATE campaign SET state = 'preparing' WHERE id = '{campaign}'"),
        format!("UPDATE campaign SET state = 'sending' WHERE id = '{campaign}'"),
        format!("UPDATE campaign SET state = 'paused' WHERE id = '{campaign}'"),
        format!("UPDATE campaign SET state = 'sending' WHERE id = '{campaign}'"),
        format!("UPDATE campaign SET state = 'finished' WHERE id = '{campaign}'"),
        "INSERT INTO event (tenant_id, period, id, kind, campaign_id, delivery_id, contact_id, link_number, machine, at)
         SELECT d.tenant_id, d.period, gen_random_uuid(), k, d.campaign_id, d.id, d.contact_id, CASE k WHEN 'click' THEN 1 END, m, now()
         FROM delivery d, unnest(ARRAY['open', 'click', 'bounce', 'complaint', 'cancel', 'open'], ARRAY[false, false, false, false, false, true]) AS x (k, m)"
            .to_owned(),
        "UPDATE delivery SET state = 'accepted'".to_owned(),
        "SELECT tell_deliveries(period, array_agg(id)) FROM delivery GROUP BY period".to_owned(),
        "UPDATE sender_domain SET spf_state = 'ok', dmarc_state = 'unchecked', host_state = 'ok'".to_owned(),
        "UPDATE sender_domain SET return_path_state = 'missing'".to_owned(),
        "UPDATE sender_domain SET return_path_state = 'unchecked'".to_owned(),
        "UPDATE dkim_key SET checked_state = 'ok' WHERE algorithm = 'rsa-sha256'".to_owned(),
    ];
    sender_domain::create(w.db(), &w.keys, &w.actor, "example.co.jp")
        .await
        .unwrap();
    for sql in sql {
        w.db()
            .tenant(w.actor.tenant_id, async |tx| {
                diesel::sql_query(&sql).execute(tx).await?;
                Ok(())
            })
            .await
            .unwrap();
    }
    let mut told = w.told().await;
    told.sort();
    let person = "p1@site1.example.jp";
    let mut expected: Vec<String> = [
        "campaign.started 11月号",
        "campaign.paused 11月号",
        "campaign.resumed 11月号",
        "campaign.finished 11月号",
        "contact.created taro@example.jp",
        "list.subscribed taro@example.jp",
        "list.unsubscribed taro@example.jp",
        "sender_domain.health_changed example.co.jp",
        "sender_domain.health_changed example.co.jp",
        "sender_domain.health_changed example.co.jp",
        "sender_domain.health_changed example.co.jp",
    ]
    .map(str::to_owned)
    .into();
    for topic in [
        "message.opened",
        "message.clicked",
        "delivery.bounced",
        "delivery.complained",
        "delivery.accepted",
    ] {
        expected.push(format!("{topic} {person}"));
    }
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_is_rolled_back_is_not_told_and_what_nobody_wants_is_not_written() {
    let w = World::new().await;
    w.contact("a@example.jp").await;
    assert_eq!(w.database.count("SELECT count(*) FROM outbox").await, 0);
    let (id, _) = w.webhook(&[Topic::ContactCreated]).await;
    let broken = w
        .db()
        .tenant(w.actor.tenant_id, async |tx| {
            diesel::sql_query("INSERT INTO contact (tenant_id, id, email, email_key, created_at, updated_at) VALUES (current_tenant(), gen_random_uuid(), 'b@example.jp', 'b@example.jp', now(), now())")
                .execute(tx).await?;
            Err::<(), _>(domain::DomainError::internal("no"))
        })
        .await;
    assert!(broken.is_err());
    let off = WebhookChange {
        enabled: Some(false),
        ..WebhookChange::default()
    };
    webhook::update(w.db(), &Rules::default(), &w.actor, id, 1, off)
        .await
        .unwrap();
    w.contact("c@example.jp").await;
    assert_eq!(w.told().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_thousand_events_in_one_transaction_become_messages_of_a_hundred_once_although_two_take_them()
 {
    let w = World::new().await;
    w.webhook(&[Topic::ListSubscribed]).await;
    w.db()
        .tenant(w.actor.tenant_id, async |tx| {
            diesel::sql_query(
                "INSERT INTO subscription_event (tenant_id, id, list_id, contact_id, status, source)
                 SELECT current_tenant(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'subscribed', 'manual' FROM generate_series(1, 1050)",
            )
            .execute(tx)
            .await?;
            Ok(())
        })
        .await
        .unwrap();
    let (one, two) = tokio::join!(outbox::fan_out(w.db()), outbox::fan_out(w.db()));
    one.and(two).unwrap();
    assert_eq!(w.told().await.len(), 1050);
    let sizes = w
        .text("SELECT string_agg(event_count::text, ' ' ORDER BY event_count) FROM webhook_message")
        .await;
    assert_eq!(sizes, "50 100 100 100 100 100 100 100 100 100 100");
    let distinct = w
        .database
        .count("SELECT count(DISTINCT e->>'contact_id') FROM webhook_message m, jsonb_array_elements(m.body::jsonb->'data') e")
        .await;
    assert_eq!(distinct, 1050);
}

#[tokio::test]
async fn one_tenants_facts_go_to_no_other_tenants_webhook() {
    let w = World::new().await;
    let rival = TestTenant::create(w.db(), "rival").await.owner();
    let (theirs, _) = w.webhook_of(&rival, &ALL_OF_CONTACTS).await;
    w.webhook(&ALL_OF_CONTACTS).await;
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    assert_eq!(
        w.text("SELECT string_agg(tenant_id::text, ' ') FROM webhook_message")
            .await,
        w.actor.tenant_id.to_string()
    );
    assert!(webhook::get(w.db(), &w.actor, theirs).await.is_err());
    let page = log::list(
        w.db(),
        &rival,
        theirs,
        &log::Filter::default(),
        &Default::default(),
    )
    .await;
    assert_eq!(page.unwrap().items.len(), 0);
}
