//! A person's time line.

use domain::campaign::freeze::freeze_next_chunk;
use domain::contact::timeline;
use domain::ids::{CampaignId, WorkerId};
use domain::page::PageRequest;

use crate::support::{World, lists};

#[tokio::test]
async fn a_transactional_mail_names_no_campaign_since_there_is_none_to_look_at() {
    let world = World::new().await;
    let list = world.list("全員").await;
    let person = world.contact("one@example.jp", &[list]).await;
    let sent = world.send(lists(&[list])).await;
    let (db, actor) = (&world.database.db, &world.actor);
    freeze_next_chunk(db, WorkerId::new()).await.unwrap();
    world
        .database
        .execute_as_owner(
            "INSERT INTO event (tenant_id, period, id, kind, campaign_id, delivery_id, contact_id, machine, at)
             SELECT tenant_id, period, gen_random_uuid(), 'open', campaign_id, id, contact_id, false, now() FROM delivery",
        )
        .await;
    let campaigns = async || -> Vec<CampaignId> {
        let page = timeline::list(db, actor, person, &PageRequest::default()).await;
        let entries = page.unwrap().items.into_iter();
        entries.filter_map(|entry| entry.campaign_id).collect()
    };
    assert_eq!(campaigns().await, [sent.id, sent.id]);
    world
        .database
        .execute_as_owner("UPDATE campaign SET kind = 'transactional'")
        .await;
    assert_eq!(campaigns().await, []);
}
