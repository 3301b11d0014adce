//! What a person sends again goes out once more, and once.

use domain::campaign::resend::{Again, Group, count, resend};
use domain::delivery::read::{DeliveryDetail, DeliveryState};
use domain::delivery::resend as one;
use domain::ids::DeliveryId;
use domain::{Actor, DomainError, Result};

use crate::support::{Action, Counts, Fixture, Sink, addresses};
use crate::transactional::{confirmation, order, send_to};

#[tokio::test]
async fn mails_of_which_nobody_knows_go_out_again_to_them_alone() {
    // The first and the second are taken, and the line is cut instead of the answer.
    let sink = Sink::scripted(|to, attempt| {
        let doubtful = to.starts_with("person00000") || to.starts_with("person00001");
        if doubtful && attempt == 1 {
            Action::CutAfterDot
        } else {
            Action::Accept
        }
    })
    .await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(5)).await;
    fixture.mailer().drain().await.unwrap();
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 3,
            unknown: 2,
            ..Counts::default()
        }
    );
    // One of them leaves after the click.
    resend(db, &actor, campaign, Group::Unknown, 2)
        .await
        .unwrap();
    fixture
        .database
        .execute_as_owner(
            "UPDATE contact SET status = 'unsubscribed' WHERE email = 'person00001@example.jp'",
        )
        .await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 4,
            skipped: 1,
            ..Counts::default()
        }
    );
    assert!(fixture.state(campaign, "finished").await);
    assert_eq!(sink.duplicates(), vec!["person00000@example.jp"]);
    assert_eq!(sink.total(), 6);
    assert_eq!(count(db, &actor, campaign).await.unwrap(), Again::default());
}

fn code(result: Result<DeliveryDetail>) -> &'static str {
    result.unwrap_err().code()
}

/// The first attempt is in doubt, the second is refused.
async fn doubtful() -> (Sink, Fixture) {
    let sink = Sink::scripted(|_, attempt| match attempt {
        1 => Action::CutAfterDot,
        2 => Action::RefuseMail("552 5.2.2 Mailbox full"),
        _ => Action::Accept,
    })
    .await;
    let fixture = Fixture::new(&sink).await;
    (sink, fixture)
}

#[tokio::test]
async fn a_transactional_mail_in_doubt_or_failed_goes_out_once_more_for_each_asking() {
    let (sink, fixture) = doubtful().await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let mail = confirmation(&fixture, fixture.tenant).await;
    let sent = send_to(&fixture, &actor, mail, "taro@example.jp", order("A-1"))
        .await
        .unwrap();
    let id = sent.delivery.id;
    fixture.mailer().drain().await.unwrap();
    let counts = async || fixture.counts(sent.delivery.campaign_id).await;
    assert_eq!(counts().await.unknown, 1);
    for after in [DeliveryState::Failed, DeliveryState::Accepted] {
        let (first, second) =
            tokio::join!(one::resend(db, &actor, id), one::resend(db, &actor, id));
        assert_eq!(u8::from(first.is_ok()) + u8::from(second.is_ok()), 1);
        assert_eq!(code(first.and(second)), "wrong_state");
        fixture.mailer().drain().await.unwrap();
        let row = format!("id = '{id}' AND state = '{}'", after.as_str());
        assert_eq!(fixture.rows(&row).await, 1, "{after:?}");
    }
    assert_eq!(sink.total(), 2, "the one in doubt, and the last");
    let expected = Counts {
        accepted: 1,
        ..Counts::default()
    };
    assert_eq!(counts().await, expected);
    assert_eq!(code(one::resend(db, &actor, id).await), "wrong_state");
    let soft =
        "SELECT coalesce(sum(value), 0)::bigint FROM campaign_counter WHERE name = 'bounced_soft'";
    assert_eq!(fixture.database.count(soft).await, 0);
    let audited = "SELECT count(*) FROM audit_entry WHERE action = 'delivery.resent'";
    assert_eq!(fixture.database.count(audited).await, 2);
}

#[tokio::test]
async fn one_mail_is_not_sent_again_to_whom_it_must_not_go() {
    let (sink, fixture) = doubtful().await;
    let (db, actor) = (&fixture.database.db, Actor::operator(fixture.tenant));
    let mail = confirmation(&fixture, fixture.tenant).await;
    let sent = send_to(&fixture, &actor, mail, "taro@example.jp", order("A-1"))
        .await
        .unwrap();
    let id = sent.delivery.id;
    fixture.mailer().drain().await.unwrap();
    let t = fixture.tenant;
    for (sql, undo, expected) in [
        (
            format!(
                "INSERT INTO suppression (tenant_id, id, kind, value, reason) VALUES ('{t}', gen_random_uuid(), 'domain', 'example.jp', 'manual')"
            ),
            "DELETE FROM suppression",
            "not_wanted",
        ),
        (
            format!(
                "INSERT INTO suppression (tenant_id, id, kind, value, reason) VALUES ('{t}', gen_random_uuid(), 'address', 'taro@example.jp', 'manual')"
            ),
            "DELETE FROM suppression",
            "not_wanted",
        ),
        (
            "UPDATE delivery SET opened_at = now()".to_owned(),
            "UPDATE delivery SET opened_at = NULL",
            "has_it",
        ),
        (
            "UPDATE delivery SET state = 'failed', accepted_at = now(), merge = '{}'".to_owned(),
            "UPDATE delivery SET state = 'unknown', accepted_at = NULL",
            "values_gone",
        ),
        (
            "UPDATE installation SET epoch = epoch + 1".to_owned(),
            "UPDATE installation SET epoch = epoch - 1",
            "restored",
        ),
    ] {
        fixture.database.execute_as_owner(&sql).await;
        assert_eq!(code(one::resend(db, &actor, id).await), expected);
        fixture.database.execute_as_owner(undo).await;
    }
    assert_eq!(
        fixture.rows("state = 'unknown'").await,
        1,
        "it stays as it was"
    );
    // Another tenant's, and a campaign's.
    let rival = fixture.another_tenant("rival", &sink).await;
    let foreign = one::resend(db, &Actor::operator(rival), id).await;
    assert!(matches!(foreign, Err(DomainError::NotFound { .. })));
    fixture.campaign(&addresses(1)).await;
    let of_campaign = "SELECT d.id::text FROM delivery d JOIN campaign c ON c.id = d.campaign_id WHERE c.kind = 'campaign'";
    let of_campaign = fixture.database.text(of_campaign).await;
    let of_campaign = DeliveryId(of_campaign.parse().unwrap());
    assert_eq!(
        code(one::resend(db, &actor, of_campaign).await),
        "campaigns_mail"
    );
}
