//! Passkeys: registered, used, spoilt.

use domain::Actor;
use domain::factor::passkey::{self, Passkey};
use domain::factor::{Method, Proof, Question};
use domain::testing::{Kind, SoftAuthenticator};
use secrecy::{ExposeSecret, SecretString};

use crate::{PUBLIC_URL, Setup, code, setup};

impl Setup {
    async fn add(
        &self,
        actor: &Actor,
        key: &mut SoftAuthenticator,
    ) -> domain::Result<(Passkey, Vec<SecretString>)> {
        let (row, codes, _) = self.registered(actor, key).await?;
        Ok((row, codes))
    }

    /// As [`Setup::add`]; answers the user handle that the authenticator keeps.
    pub(crate) async fn add_with_handle(
        &self,
        actor: &Actor,
        key: &mut SoftAuthenticator,
    ) -> domain::Result<(Passkey, Vec<u8>)> {
        let (row, _, handle) = self.registered(actor, key).await?;
        Ok((row, handle))
    }

    async fn registered(
        &self,
        actor: &Actor,
        key: &mut SoftAuthenticator,
    ) -> domain::Result<(Passkey, Vec<SecretString>, Vec<u8>)> {
        let db = &self.database.db;
        let options = passkey::begin(db, &self.factors, actor).await?;
        let answer = key.create(&options.challenge);
        let token = options.token.expose_secret();
        let made = passkey::register(db, &self.factors, actor, token, "ノートPC", &answer);
        let (row, codes) = made.await?;
        Ok((row, codes, options.user_handle.to_vec()))
    }

    async fn with_key(&self, kind: Kind) -> (Actor, SoftAuthenticator, Passkey) {
        let actor = self.actor(&self.owner().await).await;
        let mut key = SoftAuthenticator::of_kind(PUBLIC_URL, kind);
        let (row, codes) = self.add(&actor, &mut key).await.unwrap();
        assert_eq!(codes.len(), 10, "recovery codes come with the first factor");
        (actor, key, row)
    }
}

fn challenge(question: &Question) -> [u8; 32] {
    question.passkey.as_ref().unwrap().challenge
}

#[tokio::test]
async fn a_passkey_of_each_kind_opens_a_session() {
    for kind in [Kind::Es256, Kind::Ed25519, Kind::Rs256] {
        let s = setup().await;
        let (actor, mut key, row) = s.with_key(kind).await;
        let question = s.question().await;
        assert_eq!(question.methods, [Method::Passkey, Method::RecoveryCode]);
        let asked = question.passkey.as_ref().unwrap();
        assert_eq!(asked.party, "mail.example.jp");
        assert_eq!(asked.credentials, [key.credential_id.clone()]);
        let proof = Proof::Passkey(key.get(&challenge(&question)));
        s.second_step(&question.token, &proof).await.unwrap();
        let db = &s.database.db;
        let renamed = passkey::rename(db, &actor, row.id, " 鍵 ").await.unwrap();
        assert_eq!((renamed.name.as_str(), renamed.sign_count), ("鍵", 2));
        assert_eq!(renamed.last_used_at, Some(db.now()));
        let told = "SELECT count(*) FROM audit_entry WHERE action = 'user.passkey_renamed' AND after ->> 'name' = '鍵'";
        assert_eq!(s.database.count(told).await, 1);
        passkey::remove(db, &actor, row.id).await.unwrap();
        s.owner().await;
        assert_eq!(
            s.database.count("SELECT count(*) FROM recovery_code").await,
            0
        );
    }
}

/// What is wrong, and how.
pub(crate) type Spoil = (&'static str, fn(&mut SoftAuthenticator));

pub(crate) const SPOILT: [Spoil; 6] = [
    ("another origin", |key| {
        key.origin = "https://evil.example".to_owned();
    }),
    ("in a frame of another site", |key| key.cross_origin = true),
    ("another relying party", |key| {
        key.party = "example.jp".to_owned();
    }),
    ("nobody present", |key| key.flags = 0x04),
    ("nobody verified", |key| key.flags = 0x01),
    ("another ceremony", |key| key.ceremony = Some("payment.get")),
];

pub(crate) fn mend(key: &mut SoftAuthenticator) {
    PUBLIC_URL.clone_into(&mut key.origin);
    "mail.example.jp".clone_into(&mut key.party);
    (key.flags, key.ceremony, key.cross_origin) = (0x05, None, false);
}

#[tokio::test]
async fn an_assertion_that_is_not_the_persons_own_here_and_now_opens_nothing() {
    let s = setup().await;
    let (_, mut key, _) = s.with_key(Kind::Es256).await;
    let refused = async |question: &Question, proof: Proof, what: &str| {
        let opened = s.second_step(&question.token, &proof).await;
        assert_eq!(code(opened), "wrong_second_factor", "{what}");
    };
    for (what, spoil) in SPOILT {
        let question = s.question().await;
        spoil(&mut key);
        let proof = Proof::Passkey(key.get(&challenge(&question)));
        mend(&mut key);
        refused(&question, proof, what).await;
    }
    let (one, two) = (s.question().await, s.question().await);
    let mut other = SoftAuthenticator::new(PUBLIC_URL);
    other.credential_id.clone_from(&key.credential_id);
    other.counter = key.counter;
    let proof = Proof::Passkey(other.get(&challenge(&two)));
    refused(&two, proof, "signed with another key").await;
    let proof = Proof::Passkey(key.get(&challenge(&one)));
    refused(&two, proof, "of another question").await;
    let mut changed = key.get(&challenge(&two));
    changed.authenticator_data[33] ^= 1;
    refused(&two, Proof::Passkey(changed), "a changed bit").await;
    let good = Proof::Passkey(key.get(&challenge(&two)));
    s.second_step(&two.token, &good).await.unwrap();
}

#[tokio::test]
async fn a_copied_authenticator_is_found_out_by_its_counter() {
    let s = setup().await;
    let (_, mut key, _) = s.with_key(Kind::Es256).await;
    let question = s.question().await;
    key.counter = 40;
    let proof = Proof::Passkey(key.get(&challenge(&question)));
    s.second_step(&question.token, &proof).await.unwrap();
    key.counter = 20;
    let question = s.question().await;
    let proof = Proof::Passkey(key.get(&challenge(&question)));
    assert_eq!(
        code(s.second_step(&question.token, &proof).await),
        "wrong_second_factor"
    );
}

#[tokio::test]
async fn a_registration_counts_for_its_own_question_once_and_verified() {
    let s = setup().await;
    let actor = s.actor(&s.owner().await).await;
    let (db, factors) = (&s.database.db, &s.factors);
    for (what, spoil) in SPOILT {
        let mut key = SoftAuthenticator::new(PUBLIC_URL);
        spoil(&mut key);
        assert_eq!(code(s.add(&actor, &mut key).await), "invalid", "{what}");
    }
    let mut key = SoftAuthenticator::new(PUBLIC_URL);
    let options = passkey::begin(db, factors, &actor).await.unwrap();
    let token = options.token.expose_secret();
    let answer = key.create(&options.challenge);
    let mut cut = answer.clone();
    cut.attestation_object.truncate(90);
    let refused = passkey::register(db, factors, &actor, token, "鍵", &cut).await;
    assert_eq!(code(refused), "invalid");
    passkey::register(db, factors, &actor, token, "鍵", &answer)
        .await
        .unwrap();
    let again = passkey::register(db, factors, &actor, token, "鍵", &answer).await;
    assert_eq!(code(again), "challenge_over");
    assert_eq!(code(s.add(&actor, &mut key).await), "passkey_exists");
    // A question of a log-in is none of a registration.
    let question = s.question().await;
    let answer = SoftAuthenticator::new(PUBLIC_URL).create(&challenge(&question));
    let token = question.token.expose_secret();
    let borrowed = passkey::register(db, factors, &actor, token, "鍵", &answer).await;
    assert_eq!(code(borrowed), "challenge_over");
}

#[tokio::test]
async fn a_service_without_a_name_of_its_own_has_no_passkeys() {
    for (url, id) in [
        ("https://mail.example.jp", Some("mail.example.jp")),
        ("https://mail.example.jp:8443", Some("mail.example.jp")),
        ("http://localhost:8080", Some("localhost")),
        ("http://mail.example.jp", None),
        ("http://127.0.0.1:8080", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]", None),
        ("https://intranet", None),
    ] {
        let party = passkey::RelyingParty::of(url);
        assert_eq!(party.as_ref().map(|party| party.id.as_str()), id, "{url}");
    }
}
