//! Who is told by mail that an API token ends soon, and when.

use chrono::TimeDelta;
use domain::api_token::{self, ApiToken, NewApiToken, Rotation};
use domain::ids::UserId;
use domain::system_mail::{Due, Kind, render::render};
use domain::{Actor, housekeeping};

use crate::support::{Setup, setup};

impl Setup {
    async fn token(&self, maker: UserId, days: i64) -> ApiToken {
        let actor = Actor {
            user_id: Some(maker),
            ..self.tenant.owner()
        };
        let new = NewApiToken {
            name: "基幹システム連携".into(),
            scopes: vec!["contacts.read".into()],
            allowed_ips: Vec::new(),
            lifetime_days: Some(days),
        };
        let made = api_token::create(&self.database.db, &actor, new).await;
        made.unwrap().token
    }

    /// Whom the sweep mails now, by address.
    async fn swept(&self) -> Vec<String> {
        let mails = self.sweep().await;
        let mut to: Vec<String> = mails.into_iter().map(|mail| mail.address).collect();
        to.sort();
        to
    }

    async fn sweep(&self) -> Vec<Due> {
        housekeeping::run_once(&self.database.db).await.unwrap();
        let mut mails = self.mails().await;
        mails.retain(|mail| mail.kind == Kind::ApiTokenEnds);
        mails
    }

    fn days(&self, days: i64) {
        self.database.clock.advance(TimeDelta::days(days));
    }
}

#[tokio::test]
async fn who_made_a_token_is_told_a_week_and_a_day_before_its_end_once_each() {
    let s = setup().await;
    s.token(s.tenant.owner_id, 30).await;
    s.days(22);
    assert_eq!(s.sweep().await.len(), 0, "eight days before");
    s.days(1);
    let mails = s.sweep().await;
    assert_eq!(mails.len(), 1);
    let letter = render(&mails[0], "https://mail.example.jp");
    assert_eq!(
        letter.subject,
        "APIトークン「基幹システム連携」の有効期限が近づいています"
    );
    assert!(letter.text.contains("株式会社acme"), "{}", letter.text);
    assert_eq!(s.sweep().await.len(), 0, "once");
    s.days(5);
    assert_eq!(s.sweep().await.len(), 0, "two days before");
    s.days(1);
    assert_eq!(s.swept().await, ["owner@acme.example.jp"]);
    assert_eq!(s.sweep().await.len(), 0, "once");
    s.days(2);
    assert_eq!(s.sweep().await.len(), 0, "it is over");
}

#[tokio::test]
async fn where_the_maker_is_gone_those_are_told_who_may_manage_tokens() {
    let s = setup().await;
    let db = &s.database.db;
    let maker = s.tenant.add(db, "admin").await;
    s.token(maker, 30).await;
    let disable = format!("UPDATE user_account SET disabled_at = now() WHERE id = '{maker}'");
    s.database.execute_as_owner(&disable).await;
    s.days(23);
    assert_eq!(
        s.swept().await,
        ["owner@acme.example.jp"],
        "no editor, no viewer"
    );
    s.tenant.add(db, "approver").await;
    let enable = format!("UPDATE user_account SET disabled_at = NULL WHERE id = '{maker}'");
    s.database.execute_as_owner(&enable).await;
    s.days(6);
    assert_eq!(s.swept().await, ["admin@acme.example.jp"], "back again");
    let unknown = "UPDATE api_token SET created_by = NULL, end_notice = 7";
    s.database.execute_as_owner(unknown).await;
    let managers = ["admin@acme.example.jp", "owner@acme.example.jp"];
    assert_eq!(s.swept().await, managers, "made by nobody that is known");
}

#[tokio::test]
async fn a_token_that_was_revoked_or_given_another_end_is_not_spoken_of() {
    let s = setup().await;
    let (db, owner) = (&s.database.db, s.tenant.owner());
    let revoked = s.token(s.tenant.owner_id, 30).await;
    let rotated = s.token(s.tenant.owner_id, 30).await;
    s.days(22);
    api_token::revoke(db, &owner, revoked.id).await.unwrap();
    let longer = Rotation {
        overlap_days: 0,
        lifetime_days: Some(90),
    };
    api_token::rotate(db, &owner, rotated.id, longer)
        .await
        .unwrap();
    s.days(7);
    assert_eq!(s.sweep().await.len(), 0);
    s.days(76);
    assert_eq!(s.sweep().await.len(), 1, "a week before its new end");
    // Another secret and the same end: it ends all the same.
    api_token::rotate(db, &owner, rotated.id, Rotation::default())
        .await
        .unwrap();
    assert_eq!(s.sweep().await.len(), 0);
    s.days(6);
    assert_eq!(s.sweep().await.len(), 1, "a day before it");
}

#[tokio::test]
async fn a_token_of_a_few_days_and_one_that_nothing_looked_at_in_time_are_told_of_once() {
    let s = setup().await;
    s.token(s.tenant.owner_id, 1).await;
    s.token(s.tenant.owner_id, 3).await;
    assert_eq!(s.sweep().await.len(), 0, "they were made just now");
    s.token(s.tenant.owner_id, 30).await;
    s.days(2);
    assert_eq!(s.sweep().await.len(), 1, "the one of three days");
    s.database.clock.advance(TimeDelta::hours(27 * 24 + 12));
    assert_eq!(
        s.sweep().await.len(),
        1,
        "half a day before, for the first time"
    );
    assert_eq!(s.sweep().await.len(), 0);
}
