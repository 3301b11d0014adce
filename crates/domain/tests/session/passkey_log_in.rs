//! A passkey alone, in place of login id, password and second factor.

use chrono::TimeDelta;
use domain::error::DomainError;
use domain::factor::passkey::OpenQuestion;
use domain::session::{self, Device, LoggedIn, PasskeyAnswer, device as browsers};
use domain::tenant::network::Networks;
use domain::tenant::{self, TenantChange};
use domain::testing::SoftAuthenticator;
use secrecy::{ExposeSecret, SecretString};

use crate::passkey::{SPOILT, mend};
use crate::{HERE, PUBLIC_URL, Setup, code, device, setup};

/// The authenticator of the owner, who has just added it.
struct Key {
    key: SoftAuthenticator,
    handle: Vec<u8>,
}

impl Key {
    fn answer(&mut self, challenge: &[u8; 32]) -> PasskeyAnswer {
        PasskeyAnswer {
            user_handle: self.handle.clone(),
            assertion: self.key.get(challenge),
        }
    }
}

impl Setup {
    async fn owners_key(&self) -> Key {
        let actor = self.actor(&self.owner().await).await;
        let mut key = SoftAuthenticator::new(PUBLIC_URL);
        let (_, handle) = self.add_with_handle(&actor, &mut key).await.unwrap();
        Key { key, handle }
    }

    async fn asked(&self) -> OpenQuestion {
        let ip = Some(HERE.parse().unwrap());
        session::ask_passkey(&self.database.db, &self.factors, ip)
            .await
            .unwrap()
    }

    async fn alone(
        &self,
        token: &SecretString,
        given: &PasskeyAnswer,
        from: Device,
    ) -> domain::Result<LoggedIn> {
        let (db, token) = (&self.database.db, token.expose_secret());
        session::log_in_with_passkey(db, &self.tokens, &self.factors, token, given, from).await
    }

    /// Asks and answers.
    async fn by_key(&self, key: &mut Key) -> domain::Result<LoggedIn> {
        let asked = self.asked().await;
        let given = key.answer(&asked.challenge);
        self.alone(&asked.token, &given, device(HERE)).await
    }

    async fn reasons(&self, reason: &str) -> i64 {
        let sql = format!(
            "SELECT count(*) FROM audit_entry WHERE action = 'session.refused' AND after->>'reason' = '{reason}'"
        );
        self.database.count(&sql).await
    }
}

#[tokio::test]
async fn a_passkey_alone_opens_a_session_that_is_asked_for_nothing_more() {
    let s = setup().await;
    let mut key = s.owners_key().await;
    let actor = s.actor(&s.by_key(&mut key).await.unwrap()).await;
    // With an app besides: the passkey was both factors already.
    s.enrol(&actor).await;
    let opened = s.by_key(&mut key).await.unwrap();
    assert_eq!(opened.me.user.login_id, s.tenant.login_id("owner"));
    let actor = s.actor(&opened).await;
    actor.require_step_up().unwrap();
    assert!(!actor.must_enrol && !actor.must_change_password);
    let alone = "SELECT count(*) FROM audit_entry WHERE action = 'session.opened' AND after->>'method' = 'passkey_alone'";
    assert_eq!(s.database.count(alone).await, 2);
    s.database.clock.advance(TimeDelta::minutes(31));
    let idle = s.refresh(&opened.refresh_token.unwrap()).await;
    assert_eq!(code(idle), "session_ended");
}

#[tokio::test]
async fn a_passkey_that_is_wrong_here_unknown_or_a_disabled_persons_opens_nothing_and_answers_alike()
 {
    let s = setup().await;
    let mut key = s.owners_key().await;
    let mut told = Vec::new();
    for (what, spoil) in SPOILT {
        spoil(&mut key.key);
        let refused = s.by_key(&mut key).await.map(|_| what).unwrap_err();
        mend(&mut key.key);
        told.push((what, refused));
    }
    let asked = s.asked().await;
    let mut forged = SoftAuthenticator::new(PUBLIC_URL);
    forged.credential_id.clone_from(&key.key.credential_id);
    forged.counter = 90;
    let forged = PasskeyAnswer {
        user_handle: key.handle.clone(),
        assertion: forged.get(&asked.challenge),
    };
    let refused = s.alone(&asked.token, &forged, device(HERE)).await;
    told.push(("signed with another key", refused.unwrap_err()));
    let mut stranger = Key {
        key: SoftAuthenticator::new(PUBLIC_URL),
        handle: key.handle.clone(),
    };
    told.push(("unknown", s.by_key(&mut stranger).await.unwrap_err()));
    assert_eq!(s.reasons("wrong_passkey").await, 8, "in the person's trail");
    for (what, handle) in [
        ("of a person of no tenant", vec![7; 32]),
        ("of nobody", vec![]),
        ("named too long", [key.handle.clone(), vec![0]].concat()),
    ] {
        let mut other = Key {
            key: SoftAuthenticator::new(PUBLIC_URL),
            handle,
        };
        told.push((what, s.by_key(&mut other).await.unwrap_err()));
    }
    assert_eq!(s.reasons("wrong_passkey").await, 8, "nobody's trail");
    let mut handle = key.handle.clone();
    let colleague = s.tenant.add(&s.database.db, "analyst").await;
    handle[16..].copy_from_slice(colleague.0.as_bytes());
    let own = std::mem::replace(&mut key.handle, handle);
    told.push((
        "under a colleague's name",
        s.by_key(&mut key).await.unwrap_err(),
    ));
    key.handle = own;
    s.by_key(&mut key).await.unwrap();
    let disable = format!(
        "UPDATE user_account SET disabled_at = now() WHERE login_id = '{}'",
        s.tenant.login_id("owner")
    );
    s.database.execute_as_owner(&disable).await;
    told.push((
        "of a disabled person",
        s.by_key(&mut key).await.unwrap_err(),
    ));
    assert_eq!(s.reasons("disabled").await, 1);
    for (what, refused) in &told {
        assert_eq!(refused.code(), "wrong_passkey", "{what}");
        assert_eq!(refused.to_string(), told[0].1.to_string(), "{what}");
    }
}

#[tokio::test]
async fn a_passkey_that_is_not_known_to_be_discoverable_is_for_the_second_step_only() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let mut key = SoftAuthenticator::new(PUBLIC_URL);
    key.discoverable = false;
    let (row, handle) = s.add_with_handle(&actor, &mut key).await.unwrap();
    assert!(!row.discoverable);
    let mut key = Key { key, handle };
    assert_eq!(code(s.by_key(&mut key).await), "wrong_passkey");
    let question = s.question().await;
    let challenge = question.passkey.as_ref().unwrap().challenge;
    let proof = domain::factor::Proof::Passkey(key.key.get(&challenge));
    s.second_step(&question.token, &proof).await.unwrap();
}

#[tokio::test]
async fn a_challenge_is_good_for_one_answer_of_anybody_and_for_five_minutes() {
    let s = setup().await;
    let mut key = s.owners_key().await;
    let over = async |token: &SecretString, given: &PasskeyAnswer, what: &str| {
        let refused = s.alone(token, given, device(HERE)).await;
        assert_eq!(code(refused), "challenge_over", "{what}");
    };
    let asked = s.asked().await;
    let given = key.answer(&asked.challenge);
    s.alone(&asked.token, &given, device(HERE)).await.unwrap();
    over(&asked.token, &given, "replayed").await;
    let again = key.answer(&asked.challenge);
    over(&asked.token, &again, "signed once more").await;
    let asked = s.asked().await;
    let wrong = key.answer(&[0; 32]);
    let refused = s.alone(&asked.token, &wrong, device(HERE)).await;
    assert_eq!(code(refused), "wrong_passkey");
    let right = key.answer(&asked.challenge);
    over(&asked.token, &right, "after a wrong answer").await;
    let asked = s.asked().await;
    let (one, two) = (key.answer(&asked.challenge), key.answer(&asked.challenge));
    let (first, second) = tokio::join!(
        s.alone(&asked.token, &one, device(HERE)),
        s.alone(&asked.token, &two, device(HERE)),
    );
    assert!(
        first.is_ok() != second.is_ok(),
        "of two at once one gets in"
    );
    let asked = s.asked().await;
    let late = key.answer(&asked.challenge);
    s.database.clock.advance(TimeDelta::minutes(5));
    over(&asked.token, &late, "after five minutes").await;
    // The question of a second step is another one.
    let question = s.question().await;
    let given = key.answer(&question.passkey.as_ref().unwrap().challenge);
    over(&question.token, &given, "of a second step").await;
    let made_up = "A".repeat(75).into();
    over(&made_up, &given, "made up").await;
    domain::housekeeping::run_once(&s.database.db)
        .await
        .unwrap();
    let kept = "SELECT count(*) FROM used_challenge";
    assert_eq!(s.database.count(kept).await, 0, "forgotten when over");
}

#[tokio::test]
async fn answers_that_are_wrong_slow_down_their_address_and_nobody_else() {
    let s = setup().await;
    let mut key = s.owners_key().await;
    let mut stranger = Key {
        key: SoftAuthenticator::new(PUBLIC_URL),
        handle: key.handle.clone(),
    };
    for _ in 0..51 {
        assert_eq!(code(s.by_key(&mut stranger).await), "wrong_passkey");
    }
    let ip = Some(HERE.parse().unwrap());
    let asked = session::ask_passkey(&s.database.db, &s.factors, ip).await;
    assert!(matches!(asked, Err(DomainError::TooManyRequests { .. })));
    let there = Some("198.51.100.7".parse().unwrap());
    let asked = session::ask_passkey(&s.database.db, &s.factors, there)
        .await
        .unwrap();
    let given = key.answer(&asked.challenge);
    let refused = s.alone(&asked.token, &given, device(HERE)).await;
    assert!(matches!(refused, Err(DomainError::TooManyRequests { .. })));
    s.alone(&asked.token, &given, device("198.51.100.7"))
        .await
        .unwrap();
    s.question().await;
    s.database.clock.advance(TimeDelta::seconds(2));
    s.by_key(&mut key).await.unwrap();
}

#[tokio::test]
async fn networks_suspension_and_a_given_password_hold_for_a_passkey_as_well() {
    let s = setup().await;
    let mut key = s.owners_key().await;
    let given = "UPDATE user_account SET password_temporary = true";
    s.database.execute_as_owner(given).await;
    let opened = s.by_key(&mut key).await.unwrap();
    assert!(opened.me.password.must_change);
    let over =
        "UPDATE user_account SET password_changed_at = password_changed_at - interval '73 hours'";
    s.database.execute_as_owner(over).await;
    assert_eq!(code(s.by_key(&mut key).await), "given_password_over");
    assert_eq!(s.reasons("given_password_over").await, 1);
    let own = "UPDATE user_account SET password_temporary = false";
    s.database.execute_as_owner(own).await;
    let networks = Networks::parse(&["198.51.100.0/24".to_owned()]).unwrap();
    let change = TenantChange {
        allowed_networks: Some(networks),
        ..TenantChange::default()
    };
    let there = domain::Actor {
        ip: Some("198.51.100.7".parse().unwrap()),
        ..s.tenant.owner()
    };
    let db = &s.database.db;
    let version = tenant::get(db, &there).await.unwrap().version;
    tenant::update(db, &there, version, change).await.unwrap();
    assert_eq!(code(s.by_key(&mut key).await), "address_not_allowed");
    let noted = "SELECT count(*) FROM audit_entry WHERE action = 'session.network_refused'";
    assert_eq!(s.database.count(noted).await, 1);
    let asked = s.asked().await;
    let given = key.answer(&asked.challenge);
    let inside = device("198.51.100.7");
    s.alone(&asked.token, &given, inside.clone()).await.unwrap();
    let suspend = "UPDATE tenant SET state = 'suspended'";
    s.database.execute_as_owner(suspend).await;
    let asked = s.asked().await;
    let given = key.answer(&asked.challenge);
    let refused = s.alone(&asked.token, &given, inside).await;
    assert_eq!(code(refused), "tenant_suspended");
}

#[tokio::test]
async fn a_log_in_by_passkey_from_a_new_place_is_told_and_one_by_a_known_browser_is_not() {
    let s = setup().await;
    let mut key = s.owners_key().await;
    let told = "SELECT count(*) FROM system_mail WHERE kind = 'new_device'";
    s.by_key(&mut key).await.unwrap();
    assert_eq!(
        s.database.count(told).await,
        0,
        "the same browser, same place"
    );
    let keys = domain::secret::Keys::from_master(&[1; 32]).unwrap();
    let id = s.tenant.login_id("owner");
    let cookie = browsers::remember(&keys, &id, "", s.database.db.now()).unwrap();
    for (cookie, mails) in [(cookie, 0), (String::new(), 1)] {
        let asked = s.asked().await;
        let given = key.answer(&asked.challenge);
        let from = Device {
            cookie,
            ..device("198.51.100.7")
        };
        let from = Device {
            user_agent: format!("another {mails}"),
            ..from
        };
        s.alone(&asked.token, &given, from).await.unwrap();
        assert_eq!(s.database.count(told).await, mails);
    }
}
