//! Mails that the server refuses while it is spoken to.

use domain::ids::CampaignId;

use crate::support::{Action, Fixture, Sink, addresses};

/// A server that knows some, and says about the others what their names say.
async fn server() -> (Sink, Fixture) {
    let sink = Sink::scripted(|to, _| match to.split('@').next().unwrap() {
        "gone" => Action::Refuse("550 5.1.1 User unknown"),
        "gone-late" => Action::RefuseMail("550 5.1.1 User unknown"),
        "full" => Action::Refuse("552 5.2.2 Mailbox full"),
        "policy" => {
            Action::Refuse("550 5.7.1 Rejected by policy: user unknown to our reputation list")
        }
        "spf" => Action::RefuseMail("550 5.7.26 Unauthenticated mail"),
        "dns" => Action::Refuse("553 sorry, your domain does not exist"),
        "unread" => Action::Refuse("550 no"),
        name if name.starts_with("person") => Action::Refuse("550 5.1.1 User unknown"),
        _ => Action::Accept,
    })
    .await;
    let fixture = Fixture::new(&sink).await;
    (sink, fixture)
}

fn people(names: &[&str]) -> Vec<String> {
    names
        .iter()
        .map(|name| format!("{name}@example.jp"))
        .collect()
}

async fn contact(fixture: &Fixture, name: &str) -> String {
    let sql = format!(
        "SELECT concat_ws(' ', status, soft_bounces) FROM contact WHERE email = '{name}@example.jp'"
    );
    fixture.database.text(&sql).await
}

async fn counter(fixture: &Fixture, campaign: CampaignId, name: &str) -> i64 {
    let sql = format!(
        "SELECT coalesce(sum(value), 0)::bigint FROM campaign_counter WHERE campaign_id = '{campaign}' AND name = '{name}'"
    );
    fixture.database.count(&sql).await
}

#[tokio::test]
async fn who_is_unknown_is_stopped_at_once_and_our_own_faults_stop_nobody() {
    let (sink, fixture) = server().await;
    let names = [
        "gone",
        "gone-late",
        "full",
        "policy",
        "spf",
        "dns",
        "unread",
        "taro",
    ];
    let campaign = fixture.campaign(&people(&names)).await;
    fixture.mailer().drain().await.unwrap();
    for (name, expected) in [
        ("gone", "bounced 0"),
        ("gone-late", "bounced 0"),
        ("full", "active 1"),
        ("policy", "active 0"),
        ("spf", "active 0"),
        ("dns", "active 0"),
        ("unread", "active 0"),
        ("taro", "active 0"),
    ] {
        assert_eq!(contact(&fixture, name).await, expected, "{name}");
    }
    let counts = fixture.counts(campaign).await;
    assert_eq!((counts.accepted, counts.failed), (1, 7));
    assert_eq!(counter(&fixture, campaign, "bounced_hard").await, 2);
    assert_eq!(counter(&fixture, campaign, "bounced_soft").await, 1);
    // The reply stays, and why.
    let said = "SELECT concat_ws(' ', d.reason, d.bounce, d.reply_code, d.reply_text, e.detail ->> 'reason', e.detail ->> 'contact')
                FROM delivery d JOIN event e ON e.delivery_id = d.id WHERE d.address = 'gone@example.jp'";
    assert_eq!(
        fixture.database.text(said).await,
        "rejected hard 550 5.1.1 User unknown user_unknown stopped"
    );
    let next = fixture.campaign(&people(&names)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.counts(next).await.skipped, 2);
    assert_eq!(sink.total(), 2);
}

#[tokio::test]
async fn a_full_mailbox_stops_the_contact_at_the_tenants_limit() {
    let (_sink, fixture) = server().await;
    for expected in ["active 1", "active 2", "bounced 3"] {
        fixture.campaign(&people(&["full"])).await;
        fixture.mailer().drain().await.unwrap();
        assert_eq!(contact(&fixture, "full").await, expected);
    }
}

#[tokio::test]
async fn a_whole_batch_of_unknown_people_is_stopped_and_counted_exactly() {
    let (_sink, fixture) = server().await;
    let campaign = fixture.campaign(&addresses(500)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(fixture.counts(campaign).await.failed, 500);
    assert_eq!(counter(&fixture, campaign, "bounced_hard").await, 500);
    let stopped = "SELECT count(*) FROM contact WHERE status = 'bounced'";
    assert_eq!(fixture.database.count(stopped).await, 500);
}

#[tokio::test]
async fn who_has_another_address_by_now_is_left_alone() {
    let (_sink, fixture) = server().await;
    fixture.campaign(&people(&["gone"])).await;
    // Mended between the claim and the refusal: as if it had been claimed before.
    fixture
        .database
        .execute_as_owner(
            "CREATE FUNCTION mended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 UPDATE contact SET email = 'new@example.jp', email_key = 'new@example.jp' WHERE email_key = 'gone@example.jp';
                 RETURN NEW; END $$;
             CREATE TRIGGER mended BEFORE UPDATE ON delivery FOR EACH ROW WHEN (NEW.state = 'failed') EXECUTE FUNCTION mended()",
        )
        .await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(contact(&fixture, "new").await, "active 0");
}
