//! What a person is told by mail of their second factors.

use domain::Actor;
use domain::factor::{self, passkey, recovery, totp};
use domain::system_mail::{self, Due, Kind, Outcome, render::render};
use domain::testing::SoftAuthenticator;

use crate::{HERE, PUBLIC_URL, Setup, setup};

impl Setup {
    /// The product's mails that are due, as sent.
    async fn mails(&self) -> Vec<Due> {
        let (db, keys) = (
            &self.database.db,
            domain::secret::Keys::from_master(&[1; 32]).unwrap(),
        );
        let due = system_mail::claim(db, &keys, 100).await.unwrap();
        for mail in &due {
            system_mail::settle(db, mail.tenant, mail.id, 1, &Outcome::Sent)
                .await
                .unwrap();
        }
        due
    }

    /// The one mail that is due: what it is about, and its text.
    async fn told(&self) -> (Kind, String) {
        let mails = self.mails().await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        (mails[0].kind, render(&mails[0], PUBLIC_URL).text)
    }
}

#[tokio::test]
async fn each_factor_that_comes_or_goes_and_new_recovery_codes_are_told_to_their_person() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (db, login_id) = (&s.database.db, s.tenant.login_id("owner"));
    let holds = |(kind, text): (Kind, String), expected: Kind, words: &[&str]| {
        assert_eq!(kind, expected, "{text}");
        for word in [login_id.as_str()].iter().chain(words) {
            assert!(text.contains(word), "{word}: {text}");
        }
    };
    s.enrol(&actor).await;
    holds(
        s.told().await,
        Kind::FactorAdded,
        &["追加された方法：認証アプリ", HERE],
    );
    let mut key = SoftAuthenticator::new(PUBLIC_URL);
    let (row, _) = s.add_with_handle(&actor, &mut key).await.unwrap();
    holds(
        s.told().await,
        Kind::FactorAdded,
        &["パスキー「ノートPC」", HERE],
    );
    recovery::renew(db, &actor).await.unwrap();
    holds(
        s.told().await,
        Kind::RecoveryCodesMade,
        &["以前のコードは、もう使えません", HERE],
    );
    passkey::remove(db, &actor, row.id).await.unwrap();
    holds(
        s.told().await,
        Kind::FactorRemoved,
        &["解除された方法：パスキー「ノートPC」", HERE],
    );
    totp::remove(db, &actor).await.unwrap();
    holds(
        s.told().await,
        Kind::FactorRemoved,
        &["解除された方法：認証アプリ", HERE],
    );
    // A set-up that was begun and given up was never a factor.
    totp::enrol(db, &s.factors, &actor).await.unwrap();
    totp::remove(db, &actor).await.unwrap();
    assert_eq!(s.mails().await.len(), 0);
}

#[tokio::test]
async fn a_removal_that_is_refused_tells_nobody() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    s.enrol(&actor).await;
    s.mails().await;
    let wanted = "UPDATE tenant SET second_factor_required = true";
    s.database.execute_as_owner(wanted).await;
    let kept = totp::remove(&s.database.db, &actor).await;
    assert_eq!(crate::code(kept), "last_factor");
    assert_eq!(s.mails().await.len(), 0);
}

#[tokio::test]
async fn who_loses_their_factors_by_another_hand_is_told_by_whose_and_not_from_where() {
    let s = setup().await;
    let db = &s.database.db;
    let actor = s.actor(&s.owner().await).await;
    let manager = Actor {
        user_id: Some(s.tenant.add(db, "admin").await),
        ip: Some("198.51.100.7".parse().unwrap()),
        ..s.tenant.owner()
    };
    s.enrol(&actor).await;
    s.mails().await;
    factor::reset(db, &manager, s.tenant.owner_id)
        .await
        .unwrap();
    let (kind, text) = s.told().await;
    assert_eq!(kind, Kind::FactorsReset);
    assert!(
        text.contains("社内の管理者が") && !text.contains("198.51.100.7"),
        "{text}"
    );
    let actor = s.actor(&s.owner().await).await;
    s.enrol(&actor).await;
    s.mails().await;
    factor::reset_by_login_id(db, &s.tenant.login_id("owner"))
        .await
        .unwrap();
    let (kind, text) = s.told().await;
    assert_eq!(kind, Kind::FactorsReset);
    assert!(text.contains("サービスの運営者が"), "{text}");
}
