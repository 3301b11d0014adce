//! A webhook is no way around the right to read, and whom it tells is changed
//! with a fresh proof only.

use domain::egress::Rules;
use domain::webhook::{self, NewWebhook, Topic, Webhook, WebhookChange, log};
use domain::{Actor, Permission};

use crate::support::World;

fn only(world: &World, permissions: &[Permission]) -> Actor {
    Actor {
        permissions: permissions.iter().copied().collect(),
        ..world.actor.clone()
    }
}

async fn create(world: &World, by: &Actor, events: &[Topic]) -> domain::Result<Webhook> {
    let new = NewWebhook {
        url: "https://example.jp/hook".to_owned(),
        description: String::new(),
        events: events.to_vec(),
        enabled: true,
    };
    let rules = Rules::default();
    webhook::create(world.db(), &world.keys, &rules, by, new)
        .await
        .map(|(made, _)| made)
}

async fn update(
    world: &World,
    by: &Actor,
    row: &Webhook,
    change: WebhookChange,
) -> domain::Result<Webhook> {
    let version = webhook::get(world.db(), &world.actor, row.id)
        .await?
        .version;
    webhook::update(world.db(), &Rules::default(), by, row.id, version, change).await
}

fn code(result: domain::Result<impl Sized>) -> &'static str {
    result.map_or_else(|error| error.code(), |_| "done")
}

#[tokio::test]
async fn each_event_is_subscribed_to_by_who_may_read_it() {
    use Permission as P;
    let w = World::new().await;
    let few = only(&w, &[P::WebhooksManage]);
    for topic in Topic::ALL {
        assert_eq!(
            code(create(&w, &few, &[*topic]).await),
            "forbidden",
            "{topic:?}"
        );
    }
    let table: [(Topic, &[P]); 6] = [
        (Topic::ContactCreated, &[P::ContactsRead]),
        (Topic::SignupConfirmed, &[P::ContactsRead]),
        (Topic::MessageClicked, &[P::ContactsRead, P::CampaignsRead]),
        (Topic::DeliveryFailed, &[P::ContactsRead, P::CampaignsRead]),
        (Topic::CampaignStarted, &[P::CampaignsRead]),
        (Topic::SenderDomainHealthChanged, &[P::SettingsRead]),
    ];
    for (topic, needed) in table {
        let mut permissions = needed.to_vec();
        permissions.push(P::WebhooksManage);
        let enough = create(&w, &only(&w, &permissions), &[topic]).await;
        assert_eq!(code(enough), "done", "{topic:?}");
        for lacking in needed {
            let fewer: Vec<P> = permissions
                .iter()
                .copied()
                .filter(|p| p != lacking)
                .collect();
            let refused = create(&w, &only(&w, &fewer), &[topic]).await;
            assert_eq!(code(refused), "forbidden", "{topic:?} without {lacking:?}");
        }
    }
}

#[tokio::test]
async fn who_may_not_read_an_event_neither_adds_nor_leads_nor_reads_nor_repeats_it() {
    let w = World::new().await;
    let few = only(&w, &[Permission::WebhooksManage, Permission::CampaignsRead]);
    let row = create(
        &w,
        &w.actor,
        &[Topic::ContactCreated, Topic::CampaignStarted],
    )
    .await
    .unwrap();
    w.contact("taro@example.jp").await;
    w.fan_out().await;
    let batch = w.claim().await.unwrap();
    let message = batch.messages[0].id;
    let more = WebhookChange {
        events: Some(vec![
            Topic::ContactCreated,
            Topic::CampaignStarted,
            Topic::ContactUpdated,
        ]),
        ..WebhookChange::default()
    };
    let elsewhere = || WebhookChange {
        url: Some("https://attacker.example/hook".to_owned()),
        ..WebhookChange::default()
    };
    let enabled = |enabled| WebhookChange {
        enabled: Some(enabled),
        ..WebhookChange::default()
    };
    assert_eq!(code(update(&w, &few, &row, more).await), "forbidden");
    assert_eq!(code(update(&w, &few, &row, elsewhere()).await), "forbidden");
    assert_eq!(
        code(log::get(w.db(), &few, row.id, message).await),
        "forbidden"
    );
    assert_eq!(
        code(log::get(w.db(), &w.actor, row.id, message).await),
        "done"
    );
    assert_eq!(
        code(log::replay(w.db(), &few, row.id, message).await),
        "forbidden"
    );
    w.database
        .execute_as_owner("UPDATE webhook_message SET state = 'failed', reason = 'given_up', due_at = NULL, finished_at = now()")
        .await;
    let since = w.db().now() - chrono::TimeDelta::hours(1);
    let again = log::replay_failed(w.db(), &few, row.id, since).await;
    assert_eq!(code(again), "forbidden");
    // A test event holds nobody.
    let test = log::send_test(w.db(), &few, row.id).await.unwrap();
    assert_eq!(code(log::get(w.db(), &few, row.id, test.id).await), "done");
    let told = format!(
        "SELECT count(*) FROM audit_entry WHERE action = 'webhook.tested' AND subject_id = '{}' AND after ->> 'message' = '{}'",
        row.id, test.id
    );
    assert_eq!(w.database.count(&told).await, 1);
    // Telling less is everybody's who manages webhooks; telling again is not.
    assert_eq!(code(update(&w, &few, &row, enabled(false)).await), "done");
    assert_eq!(
        code(update(&w, &few, &row, enabled(true)).await),
        "forbidden"
    );
    let less = WebhookChange {
        events: Some(vec![Topic::CampaignStarted]),
        ..WebhookChange::default()
    };
    assert_eq!(code(update(&w, &few, &row, less).await), "done");
    assert_eq!(code(update(&w, &few, &row, elsewhere()).await), "done");
    let again = log::replay_failed(w.db(), &few, row.id, since).await;
    assert_eq!(code(again), "webhook_off");
}

#[tokio::test]
async fn whom_a_webhook_tells_of_what_is_changed_with_a_fresh_proof() {
    let w = World::new().await;
    let row = create(&w, &w.actor, &[Topic::ContactCreated])
        .await
        .unwrap();
    let stale = Actor {
        stepped_up: false,
        ..w.actor.clone()
    };
    for change in [
        WebhookChange {
            url: Some("https://attacker.example/hook".to_owned()),
            ..WebhookChange::default()
        },
        WebhookChange {
            events: Some(vec![Topic::ContactUpdated]),
            ..WebhookChange::default()
        },
        WebhookChange {
            enabled: Some(false),
            ..WebhookChange::default()
        },
    ] {
        assert_eq!(
            code(update(&w, &stale, &row, change).await),
            "step_up_required"
        );
    }
    let words = WebhookChange {
        description: Some("CRM".to_owned()),
        url: Some("https://example.jp/hook".to_owned()),
        ..WebhookChange::default()
    };
    assert_eq!(code(update(&w, &stale, &row, words).await), "done");
}
