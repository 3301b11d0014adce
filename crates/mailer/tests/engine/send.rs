//! A campaign goes out.

use crate::support::{Action, Counts, Fixture, Sink, addresses};

#[tokio::test]
async fn ten_people_get_one_mail_each_and_the_campaign_is_finished() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(10)).await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 10,
            ..Counts::default()
        }
    );
    assert_eq!(sink.taken().len(), 10);
    assert_eq!(sink.duplicates(), Vec::<String>::new());
    assert!(fixture.state(campaign, "finished").await);
    assert_eq!(
        fixture
            .database
            .count("SELECT count(*) FROM send_queue")
            .await,
        0
    );
    assert_eq!(
        fixture
            .rows("message_id IS NOT NULL AND reply_code = 250 AND attempts = 1")
            .await,
        10
    );
}
