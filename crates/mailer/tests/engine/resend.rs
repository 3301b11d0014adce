//! What a person sends again goes out once more, and once.

use domain::Actor;
use domain::campaign::resend::{Again, Group, count, resend};

use crate::support::{Action, Counts, Fixture, Sink, addresses};

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
