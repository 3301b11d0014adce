//! What one company can do to others by way of its own people: hashes,
//! invitations, login ids, and mails of the installation.

use chrono::TimeDelta;
use domain::error::DomainError;
use domain::session::password::Who;
use domain::system_mail::{self, Kind};
use domain::tenant::{self, TenantChange};
use domain::testing::{TEST_PASSWORD, TestTenant};
use domain::user::invitation::{self, OF_A_COMPANY};
use domain::user::{self, FirstPassword, NewUser, UserChange};

use crate::support::{NEW, Setup, code, here, setup};

fn person(login_id: &str, password: FirstPassword) -> NewUser {
    NewUser {
        login_id: login_id.into(),
        display_name: "新人".into(),
        email: format!("{login_id}@acme.example.jp"),
        locale: None,
        password,
    }
}

impl Setup {
    async fn make(&self, role: &str, new: NewUser) -> domain::Result<user::User> {
        let (db, hasher, owner) = (&self.database.db, TestTenant::hasher(), self.tenant.owner());
        user::create(db, &hasher, &self.keys, &owner, role, new).await
    }
}

#[tokio::test]
async fn nothing_is_hashed_for_a_person_who_can_not_be_made() {
    let s = setup().await;
    let (db, owner, hasher) = (&s.database.db, s.tenant.owner(), TestTenant::hasher());
    let given = || FirstPassword::Temporary(NEW.into());
    let make = async |role: &str, login_id: &str| {
        let new = person(login_id, given());
        code(user::create(db, &hasher, &s.keys, &owner, role, new).await)
    };
    assert_eq!(make("bogus", "somebody").await, "/role unknown");
    assert_eq!(make("viewer", &s.owner).await, "login_id_taken");
    let people = s.database.count("SELECT count(*) FROM user_account").await;
    s.database
        .execute_as_owner(&format!(
            "INSERT INTO tenant_quota (tenant_id, users, updated_at) VALUES ('{}', {people}, now())",
            s.tenant.id
        ))
        .await;
    assert_eq!(make("viewer", "somebody").await, "quota_users");
    assert_eq!(hasher.worked(), 0);

    // The same for who is there already.
    let editor = s.tenant.login_id("editor");
    let editor = s.log_in(&editor, TEST_PASSWORD, here()).await.unwrap();
    let (id, version) = (editor.me.user.id, editor.me.user.version);
    let change = |role: Option<&str>| UserChange {
        role: role.map(str::to_owned),
        password: Some(NEW.into()),
        ..UserChange::default()
    };
    let update = async |version, role| {
        code(user::update(db, &hasher, &owner, id, version, change(role)).await)
    };
    assert_eq!(update(version + 1, None).await, "stale");
    assert_eq!(update(version, Some("bogus")).await, "/role unknown");
    assert_eq!(hasher.worked(), 0);
}

#[tokio::test]
async fn a_company_that_gives_passwords_waits_for_its_own_ones_and_for_the_people_at_the_door() {
    let s = setup().await;
    let (db, owner, hasher) = (&s.database.db, s.tenant.owner(), TestTenant::hasher());
    let make = async || {
        let new = person("somebody", FirstPassword::Temporary(NEW.into()));
        user::create(db, &hasher, &s.keys, &owner, "viewer", new).await
    };
    let under_way = hasher.enter(Who::Given(s.tenant.id)).unwrap();
    assert_eq!(code(make().await), "overloaded");
    let other = TestTenant::create(db, "rival").await;
    hasher.enter(Who::Given(other.id)).expect("another one's");
    let id = s.tenant.login_id("editor");
    let editor = s.log_in(&id, TEST_PASSWORD, here()).await.unwrap().me.user;
    let change = UserChange {
        password: Some(NEW.into()),
        ..UserChange::default()
    };
    let changed = user::update(db, &hasher, &owner, editor.id, editor.version, change).await;
    assert_eq!(code(changed), "overloaded");
    drop(under_way);
    let crowd: Vec<_> = std::iter::from_fn(|| hasher.enter(Who::Stranger).ok()).collect();
    assert_eq!(code(make().await), "overloaded");
    hasher.enter(Who::Known).expect("a place is kept");
    drop(crowd);
    make().await.unwrap();
}

#[tokio::test]
async fn a_company_mails_so_many_invitations_a_day_and_no_more() {
    let s = setup().await;
    let db = &s.database.db;
    let (id, _) = s.invite().await;
    // As if the others had been made an hour ago.
    let made = format!(
        "INSERT INTO user_link (tenant_id, hash, user_id, purpose, created_at, expires_at)
         SELECT '{}', sha256(n::text::bytea), '{id}', 'invitation', made_at, made_at + interval '72 hours'
         FROM generate_series(2, {OF_A_COMPANY}) n, (SELECT created_at - interval '1 hour' FROM user_link LIMIT 1) m (made_at)",
        s.tenant.id
    );
    s.database.execute_as_owner(&made).await;
    s.mails().await;
    let refused = s.make("viewer", person("somebody", FirstPassword::Invitation));
    let refused = refused.await.unwrap_err();
    assert!(
        matches!(&refused, DomainError::LimitReached { retry_after, .. } if retry_after.as_secs() == 23 * 3600),
        "{refused:?}"
    );
    assert_eq!(refused.code(), "invitation_limit");
    let there = "SELECT count(*) FROM user_account WHERE login_id = 'somebody'";
    assert_eq!(s.database.count(there).await, 0, "nobody is half made");
    assert!(s.mails().await.is_empty());
    let again = invitation::send_again(db, &s.keys, &s.tenant.owner(), id).await;
    assert!(again.is_err());
    // With a password, and in another company, people are made as ever.
    let given = person("somebody", FirstPassword::Temporary(NEW.into()));
    s.make("viewer", given).await.unwrap();
    let rival = TestTenant::create(db, "rival").await.owner();
    let (hasher, new) = (
        TestTenant::hasher(),
        person("else", FirstPassword::Invitation),
    );
    user::create(db, &hasher, &s.keys, &rival, "viewer", new)
        .await
        .unwrap();
    s.database.clock.advance(TimeDelta::hours(23));
    s.make("viewer", person("later", FirstPassword::Invitation))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_name_that_mails_of_the_product_show_holds_no_web_address() {
    let s = setup().await;
    let db = &s.database.db;
    for name in [
        "https://evil.example/",
        "WWW.evil.example",
        "ｗｗｗ．evil.example",
    ] {
        let new = NewUser {
            display_name: name.into(),
            ..person("somebody", FirstPassword::Invitation)
        };
        let refused = code(s.make("viewer", new).await);
        assert_eq!(refused, "/display_name web_address", "{name}");
        let change = TenantChange {
            name: Some(name.into()),
            ..TenantChange::default()
        };
        let owner = s.tenant.owner();
        let version = tenant::get(db, &owner).await.unwrap().version;
        let renamed = tenant::update(db, &owner, version, change).await;
        assert_eq!(code(renamed), "/name web_address", "{name}");
        let mut own = owner.clone();
        own.user_id = Some(s.tenant.owner_id);
        let renamed = user::update_self(db, &own, Some(name.into()), None).await;
        assert_eq!(code(renamed), "/display_name web_address", "{name}");
    }
    let lines = NewUser {
        display_name: "a\nb".into(),
        ..person("somebody", FirstPassword::Invitation)
    };
    let refused = code(s.make("viewer", lines).await);
    assert_eq!(refused, "/display_name malformed");
    let login_id = person("www.evil.example", FirstPassword::Invitation);
    let refused = code(s.make("viewer", login_id).await);
    assert_eq!(refused, "/login_id web_address");
}

#[tokio::test]
async fn a_link_that_somebody_waits_for_comes_before_a_companys_hundred_invitations() {
    let s = setup().await;
    let db = &s.database.db;
    for n in 0..12 {
        let new = person(&format!("member-{n}"), FirstPassword::Invitation);
        s.make("viewer", new).await.unwrap();
        s.database.clock.advance(TimeDelta::seconds(1));
    }
    let rival = TestTenant::create(db, "rival").await;
    let (hasher, new) = (
        TestTenant::hasher(),
        person("late", FirstPassword::Invitation),
    );
    user::create(db, &hasher, &s.keys, &rival.owner(), "viewer", new)
        .await
        .unwrap();
    let who = rival.login_id("owner");
    user::reset::request(db, &s.keys, &who, here())
        .await
        .unwrap();
    let first = system_mail::claim(db, &s.keys, 3).await.unwrap();
    let mut seen: Vec<_> = first
        .iter()
        .map(|m| (m.kind, m.tenant == rival.id))
        .collect();
    seen.sort_by_key(|(kind, rival)| (kind.as_str(), *rival));
    assert_eq!(
        seen,
        [
            (Kind::Invitation, false),
            (Kind::Invitation, true),
            (Kind::PasswordReset, true)
        ]
    );
    // Nothing is left out, and nothing comes twice.
    let rest = system_mail::claim(db, &s.keys, 100).await.unwrap();
    assert_eq!(rest.len(), 11);
}

#[tokio::test]
async fn a_stolen_session_guesses_the_password_from_no_number_of_addresses() {
    let s = setup().await;
    let opened = s.log_in(&s.owner, TEST_PASSWORD, here()).await.unwrap();
    let mut heard = Vec::new();
    for n in 0..12 {
        let ip = Some(format!("203.0.113.{n}").parse().unwrap());
        let actor = s.actor(&opened, ip).await.unwrap();
        heard.push(code(s.change(&actor, "wrong wrong wrong", NEW).await));
    }
    let wrong = "/current_password wrong";
    assert!(heard[..11].iter().all(|h| h == wrong), "{heard:?}");
    assert_eq!(heard[11], "too_many_requests");
    s.database.clock.advance(TimeDelta::seconds(2));
    let actor = s.actor(&opened, here()).await.unwrap();
    s.change(&actor, TEST_PASSWORD, NEW).await.unwrap();
}

#[tokio::test]
async fn a_company_can_not_find_out_by_the_hundred_which_login_ids_others_have() {
    let s = setup().await;
    let rival = TestTenant::create(&s.database.db, "rival").await;
    let taken = rival.login_id("owner");
    let mut heard = Vec::new();
    for _ in 0..22 {
        let new = person(&taken, FirstPassword::Invitation);
        heard.push(code(s.make("viewer", new).await));
    }
    assert!(
        heard[..21].iter().all(|h| h == "login_id_taken"),
        "{heard:?}"
    );
    assert_eq!(heard[21], "too_many_requests");
    let free = person("somebody", FirstPassword::Invitation);
    assert_eq!(code(s.make("viewer", free).await), "too_many_requests");
    // Each company for itself, and ids that are free count nothing.
    s.database.clock.advance(TimeDelta::hours(24));
    for n in 0..25 {
        let new = person(&format!("member-{n}"), FirstPassword::Invitation);
        s.make("viewer", new).await.unwrap();
    }
}
