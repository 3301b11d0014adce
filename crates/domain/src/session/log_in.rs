//! Logging in: who it is, and a session for them, or the question for their
//! second factor.

use diesel_async::AsyncPgConnection;
use ipnet::IpNet;
use secrecy::SecretString;
use serde_json::json;

use super::password::{Hasher, Who};
use super::token::{AccessTokens, OpaqueToken};
use super::{
    ABSOLUTE_LIFETIME, Device, LoggedIn, Me, Session, answer, device, expiry, queries, refused,
    throttle, wrong_credentials,
};
use crate::actor::{Actor, ActorKind};
use crate::audit;
use crate::db::Db;
use crate::error::Result;
use crate::factor::{self, Factors, Method, Person, Question};
use crate::ids::{SessionId, TenantId, UserId};
use crate::tenant::{self, network};
use crate::user::{self, LoginId};

/// What a right password leads to.
#[derive(Debug)]
pub enum Outcome {
    LoggedIn(Box<LoggedIn>),
    /// The person has a second factor: no token yet.
    SecondFactor(Box<Question>),
}

/// Logs a person in, or asks for their second factor. An unknown id, a wrong
/// password and a disabled person answer alike, after the same work.
///
/// # Errors
/// [`DomainError::Unauthenticated`], [`DomainError::TooManyRequests`], [`DomainError::Overloaded`] (which
/// is no failed try), [`DomainError::Refused`] from a network that the tenant does not let in, or with
/// a password that was given and not changed in time.
pub async fn log_in(
    db: &Db,
    hasher: &Hasher,
    tokens: &AccessTokens,
    factors: &Factors,
    login_id: &str,
    secret: SecretString,
    device: Device,
) -> Result<Outcome> {
    // Before anything of the person is looked at: in a storm everybody hears the same.
    let turn = hasher.enter(match device.known {
        Some(_) => Who::Known,
        None => Who::Stranger,
    })?;
    let login_id = LoginId::parse(login_id).ok();
    let name = login_id.as_ref().map_or("", LoginId::as_str);
    let lanes = throttle::Lanes::log_in(name, device.ip, device.known);
    throttle::reserve(db, &lanes).await?;
    let known = match &login_id {
        Some(login_id) => find_credentials(db, login_id).await?,
        None => None,
    };
    let stored = known.as_ref().and_then(|(_, c)| c.password_hash.clone());
    let right = turn.verify(secret, stored).await?;
    drop(turn);
    let who = known.as_ref().map(|(tenant, credentials)| Person {
        tenant: *tenant,
        user: credentials.id,
    });
    let (person, credentials) = match (who, known) {
        (Some(person), Some((_, credentials))) if right && credentials.disabled_at.is_none() => {
            (person, credentials)
        }
        _ => {
            throttle::count(db, &lanes).await?;
            let reason = if right { "disabled" } else { "wrong_password" };
            refused::note(db, who, reason, device.ip).await?;
            return Err(wrong_credentials());
        }
    };
    throttle::release(db, &lanes).await?;
    admit(db, person, &device).await?;
    let (since, temporary) = (
        credentials.password_changed_at,
        credentials.password_temporary,
    );
    if expiry::is_given_and_over(since, temporary, db.now()) {
        refused::note(db, Some(person), "given_password_over", device.ip).await?;
        return Err(expiry::given_is_over());
    }
    if credentials.second_factor_at.is_some() {
        return ask(db, factors, person).await;
    }
    let opening = Opening::new(person, device, Method::Password);
    let (session, refresh, me) = db
        .tenant(person.tenant, async |tx| open(tx, db, &opening).await)
        .await?;
    answer(tokens, person.tenant, session, db.now(), Some(refresh), me)
        .map(|logged_in| Outcome::LoggedIn(Box::new(logged_in)))
}

async fn ask(db: &Db, factors: &Factors, person: Person) -> Result<Outcome> {
    let now = db.now();
    let question = db
        .tenant(person.tenant, async |tx| {
            let token = factor::issue(tx, person, factor::Purpose::LogIn, now).await?;
            factor::question(tx, factors, person, &token).await
        })
        .await?;
    Ok(Outcome::SecondFactor(Box::new(question)))
}

async fn find_credentials(
    db: &Db,
    login_id: &LoginId,
) -> Result<Option<(TenantId, user::Credentials)>> {
    let home = db
        .system(async |tx| user::find_home(tx, login_id).await)
        .await?;
    // The second step is walked for an unknown id too, in nobody's tenant, so
    // that it takes as long.
    let (tenant, id) = home.unwrap_or((TenantId::new(), UserId::new()));
    let credentials = db
        .tenant(tenant, async |tx| user::credentials(tx, tenant, id).await)
        .await?;
    Ok(credentials.map(|c| (tenant, c)))
}

/// Refuses, and notes, a log-in from a network that the tenant does not let in.
/// Only who knows the password, or has the passkey, learns of it.
pub(super) async fn admit(db: &Db, person: Person, device: &Device) -> Result<()> {
    let (tenant_id, user_id) = (person.tenant, person.user);
    let admitted = db
        .tenant(tenant_id, async |tx| {
            let settings = tenant::find(tx, tenant_id).await?;
            if settings.allowed_networks.admits(device.ip) {
                return Ok(true);
            }
            let actor = Actor {
                user_id: Some(user_id),
                ip: device.ip,
                kind: ActorKind::User,
                ..Actor::public(tenant_id)
            };
            let entry = audit::Entry {
                action: "session.network_refused",
                subject_kind: "user",
                subject_id: Some(user_id.0),
                ..audit::Entry::default()
            };
            audit::record(tx, &actor, entry).await?;
            Ok(false)
        })
        .await?;
    if admitted {
        Ok(())
    } else {
        Err(network::refused())
    }
}

/// Who gets a session, where, and by what proof.
#[derive(Debug)]
pub(super) struct Opening {
    person: Person,
    device: Device,
    method: Method,
}

impl Opening {
    pub(super) fn new(person: Person, device: Device, method: Method) -> Self {
        Self {
            person,
            device,
            method,
        }
    }
}

/// A new session, its first refresh token, and who it is.
pub(super) async fn open(
    tx: &mut AsyncPgConnection,
    db: &Db,
    opening: &Opening,
) -> Result<(SessionId, SecretString, Me)> {
    let Opening {
        person: Person { tenant, user },
        device,
        method,
    } = opening;
    let (tenant_id, user_id) = (*tenant, *user);
    let now = db.now();
    let refresh = OpaqueToken::new(tenant_id);
    let agent = device.user_agent.chars().filter(|c| !c.is_control());
    let row = Session {
        id: SessionId::new(),
        user_id,
        user_agent: agent.take(400).collect(),
        ip: device.ip.map(IpNet::from),
        created_at: now,
        last_active_at: now,
        expires_at: now + ABSOLUTE_LIFETIME,
        ended_at: None,
        // Who just logged in has proved who they are.
        stepped_up_at: Some(now),
    };
    device::tell_if_new(tx, tenant_id, user_id, device, &row.user_agent, now).await?;
    queries::insert(tx, tenant_id, &row).await?;
    queries::insert_refresh(tx, tenant_id, row.id, &refresh.hash(), now).await?;
    user::note_login(tx, tenant_id, user_id, now).await?;
    let actor = Actor {
        user_id: Some(user_id),
        session_id: Some(row.id),
        ip: device.ip,
        kind: ActorKind::User,
        ..Actor::public(tenant_id)
    };
    let entry = audit::Entry {
        action: "session.opened",
        subject_kind: "session",
        subject_id: Some(row.id.0),
        after: Some(json!({ "method": method.as_str() })),
        ..audit::Entry::default()
    };
    audit::record(tx, &actor, entry).await?;
    let me = queries::me(tx, tenant_id, user_id, row.expires_at, now).await?;
    tenant::require_active(&me.tenant.state)?;
    Ok((row.id, refresh.encode(), me))
}
