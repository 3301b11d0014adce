//! A tenant whose clock stands still, and its people.

use chrono::Utc;
use domain::Actor;
use domain::clock::Clock;
use domain::error::DomainError;
use domain::ids::UserId;
use domain::secret::Keys;
use domain::session::token::AccessTokens;
use domain::session::{self, Device, LoggedIn};
use domain::system_mail::{self, Due, Kind, Outcome};
use domain::tenant::{self, TenantChange};
use domain::testing::{TestDatabase, TestTenant};
use domain::user::link::Purpose;
use domain::user::{self, FirstPassword, NewUser, UserChange, reset};
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;

pub(crate) const NEW: &str = "gakubuchi no ura ni kakusu";

pub(crate) struct Setup {
    pub(crate) database: TestDatabase,
    pub(crate) tenant: TestTenant,
    pub(crate) tokens: AccessTokens,
    pub(crate) keys: Keys,
    pub(crate) owner: String,
}

pub(crate) fn here() -> Option<IpAddr> {
    Some("203.0.113.9".parse().unwrap())
}

pub(crate) async fn setup() -> Setup {
    let database = TestDatabase::with_clock(Clock::fixed(Utc::now())).await;
    let tenant = TestTenant::create(&database.db, "acme").await;
    let keys = Keys::from_master(&[1; 32]).unwrap();
    Setup {
        tokens: AccessTokens::new(&keys).unwrap(),
        owner: tenant.login_id("owner"),
        database,
        tenant,
        keys,
    }
}

pub(crate) fn code(result: domain::Result<impl Sized>) -> String {
    match result.map(|_| ()).unwrap_err() {
        DomainError::Invalid(errors) => errors
            .iter()
            .map(|e| format!("{} {}", e.pointer, e.code))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.code().to_owned(),
    }
}

impl Setup {
    pub(crate) async fn log_in(
        &self,
        id: &str,
        password: &str,
        ip: Option<IpAddr>,
    ) -> domain::Result<LoggedIn> {
        let device = Device {
            ip,
            user_agent: "test".into(),
            known: None,
            cookie: String::new(),
        };
        let db = &self.database.db;
        TestTenant::log_in(db, &self.tokens, id, password, device).await
    }

    pub(crate) async fn actor(
        &self,
        opened: &LoggedIn,
        ip: Option<IpAddr>,
    ) -> domain::Result<Actor> {
        let db = &self.database.db;
        let claims = self
            .tokens
            .check(opened.access_token.expose_secret(), db.now())?;
        session::authenticate(db, &claims, ip, true).await
    }

    pub(crate) async fn settings(&self, change: TenantChange) {
        let actor = self.tenant.owner();
        let db = &self.database.db;
        let version = tenant::get(db, &actor).await.unwrap().version;
        tenant::update(db, &actor, version, change).await.unwrap();
    }

    pub(crate) async fn change(&self, actor: &Actor, from: &str, to: &str) -> domain::Result<()> {
        let db = &self.database.db;
        session::change_password(db, &TestTenant::hasher(), actor, from.into(), to.into()).await
    }

    /// The product's mails that are due, as sent.
    pub(crate) async fn mails(&self) -> Vec<Due> {
        let db = &self.database.db;
        let due = system_mail::claim(db, &self.keys, 100).await.unwrap();
        for mail in &due {
            system_mail::settle(db, mail.tenant, mail.id, 1, &Outcome::Sent)
                .await
                .unwrap();
        }
        due
    }

    pub(crate) async fn ask(&self, who: &str) -> Option<SecretString> {
        reset::request(&self.database.db, &self.keys, who, here())
            .await
            .unwrap();
        let mut mails = self.mails().await;
        mails.retain(|mail| mail.kind == Kind::PasswordReset);
        assert!(mails.len() <= 1, "one mail a request");
        mails.pop().and_then(|mail| mail.secret)
    }

    pub(crate) async fn reset(&self, token: &SecretString, new: &str) -> domain::Result<String> {
        let device = Device {
            ip: here(),
            ..Device::default()
        };
        let (db, hasher) = (&self.database.db, TestTenant::hasher());
        reset::set_password(
            db,
            &hasher,
            &device,
            Purpose::PasswordReset,
            token,
            new.into(),
        )
        .await
    }

    pub(crate) async fn invite(&self) -> (UserId, SecretString) {
        let new = NewUser {
            login_id: "newcomer".into(),
            display_name: "新人".into(),
            email: "newcomer@acme.example.jp".into(),
            locale: Some("en".into()),
            password: FirstPassword::Invitation,
        };
        let (db, hasher, actor) = (&self.database.db, TestTenant::hasher(), self.tenant.owner());
        let user = user::create(db, &hasher, &self.keys, &actor, "editor", new)
            .await
            .unwrap();
        (user.id, self.invitation().await)
    }

    pub(crate) async fn invitation(&self) -> SecretString {
        let mail = self.mails().await.pop().expect("a mail");
        assert_eq!((mail.kind, mail.locale.as_str()), (Kind::Invitation, "en"));
        mail.secret.expect("a link")
    }

    pub(crate) async fn accept(&self, token: &SecretString) -> domain::Result<String> {
        let (db, hasher) = (&self.database.db, TestTenant::hasher());
        let device = Device::default();
        reset::set_password(db, &hasher, &device, Purpose::Invitation, token, NEW.into()).await
    }

    /// What an administrator changes of the person.
    pub(crate) async fn administer(&self, login_id: &str, password: &str, change: UserChange) {
        let opened = self.log_in(login_id, password, here()).await.unwrap();
        let (db, hasher, owner) = (&self.database.db, TestTenant::hasher(), self.tenant.owner());
        let user = opened.me.user;
        user::update(db, &hasher, &owner, user.id, user.version, change)
            .await
            .unwrap();
    }
}
