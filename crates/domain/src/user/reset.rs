//! A forgotten password: a link by mail, and a new password by it. Neither
//! logs anybody in, so that a second factor stays what it is.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;
use secrecy::SecretString;
use serde_json::json;

use super::link::{self, Purpose, Token};
use super::{LoginId, queries};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{TenantId, UserId};
use crate::secret::{Keys, sha256};
use crate::session::password::{Hasher, Who, policy, replace};
use crate::session::{self, Device, throttle};
use crate::system_mail::{self, Kind};
use crate::tenant;

/// Links that one person gets within an hour.
const AN_HOUR: usize = 5;
/// At least so long after the one before.
const APART: TimeDelta = TimeDelta::seconds(60);
/// Accounts that may have the same mail address.
const ACCOUNTS: i64 = 5;
/// Longest text that a login id or mail address can be.
const LONGEST: usize = 320;

/// Counts a request against the address that it comes from, whomever it is
/// about; to be asked first, with the request waiting for it.
///
/// # Errors
/// [`DomainError::TooManyRequests`].
pub async fn admit(db: &Db, ip: Option<IpAddr>) -> Result<()> {
    throttle::reserve(db, &throttle::Lanes::by_address("reset", ip)).await
}

/// Mails a link to whom a login id or mail address belongs to, if anybody.
/// Meant to run after the answer has gone out: what it does and how long it
/// takes is then nothing that the one who asks can see.
///
/// # Errors
/// When the database does.
pub async fn request(db: &Db, keys: &Keys, who: &str, ip: Option<IpAddr>) -> Result<()> {
    if who.len() > LONGEST {
        return Ok(());
    }
    let login_id = LoginId::parse(who).ok();
    let email_key = sha256(who.trim().to_ascii_lowercase().as_bytes());
    let homes = db
        .system(async |tx| {
            let by_login = match &login_id {
                Some(login_id) => queries::find_home(tx, login_id).await?,
                None => None,
            };
            let mut homes = queries::find_by_mail(tx, &email_key, ACCOUNTS).await?;
            homes.extend(by_login);
            homes.sort_unstable();
            homes.dedup();
            Ok(homes)
        })
        .await?;
    let now = db.now();
    for (tenant, user) in homes {
        let actor = Actor {
            ip,
            ..Actor::public(tenant)
        };
        db.tenant(tenant, async |tx| {
            queries::lock(tx, tenant, user).await?;
            let made = link::made_since(
                tx,
                tenant,
                user,
                Purpose::PasswordReset,
                now - TimeDelta::hours(1),
            )
            .await?;
            let too_many =
                made.len() >= AN_HOUR || made.first().is_some_and(|last| now - *last < APART);
            if too_many || !can_reset(tx, tenant, user).await? {
                return Ok(());
            }
            send(tx, keys, &actor, user, now).await
        })
        .await?;
    }
    Ok(())
}

/// Mails a link to a person on an administrator's word.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] for who may more, [`DomainError::NotFound`],
/// [`DomainError::Conflict`] for somebody who is disabled or invited, [`DomainError::TooManyRequests`].
pub async fn send_to(db: &Db, keys: &Keys, actor: &Actor, user: UserId) -> Result<()> {
    actor.require(Permission::UsersManage)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        queries::lock(tx, tenant, user).await?;
        actor.require_at_least(&queries::permissions(tx, tenant, user).await?)?;
        if !can_reset(tx, tenant, user).await? {
            return Err(DomainError::conflict(
                "no_password",
                "this person is disabled or has not come yet: enable them, or send the invitation again",
            ));
        }
        let made =
            link::made_since(tx, tenant, user, Purpose::PasswordReset, now - TimeDelta::hours(1)).await?;
        if made.len() >= AN_HOUR {
            let retry_after = std::time::Duration::from_secs(900);
            return Err(DomainError::TooManyRequests { retry_after });
        }
        send(tx, keys, actor, user, now).await
    })
    .await
}

async fn can_reset(tx: &mut AsyncPgConnection, tenant: TenantId, user: UserId) -> Result<bool> {
    let active = tenant::find(tx, tenant).await?.state == "active";
    let found = queries::credentials(tx, tenant, user).await?;
    Ok(active && found.is_some_and(|c| c.disabled_at.is_none() && c.password_hash.is_some()))
}

async fn send(
    tx: &mut AsyncPgConnection,
    keys: &Keys,
    actor: &Actor,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<()> {
    let tenant = actor.tenant_id;
    let (token, until) = link::issue(tx, tenant, user, Purpose::PasswordReset, now).await?;
    let zone = tenant::find(tx, tenant).await?.time_zone;
    let params = json!({ "expires_at": until, "time_zone": zone });
    let kind = Kind::PasswordReset;
    system_mail::enqueue_link(tx, keys, tenant, user, kind, &token, params, until, now).await?;
    note(tx, actor, "user.password_reset_requested", user).await
}

pub(super) async fn note(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &str,
    user: UserId,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "user",
        subject_id: Some(user.0),
        ..audit::Entry::default()
    };
    audit::record(tx, actor, entry).await
}

/// What the page of a link shows of it.
#[derive(Debug)]
pub struct LinkInfo {
    pub purpose: Purpose,
    pub login_id: String,
    pub display_name: String,
    pub company: String,
    pub min_length: i16,
    pub expires_at: DateTime<Utc>,
    /// Of the password that was sent along.
    pub judgement: Option<policy::Judgement>,
}

/// Looks at a link without using it, and judges a password for it.
///
/// # Errors
/// [`DomainError::Invalid`] at `/token`, [`DomainError::TooManyRequests`], [`DomainError::Overloaded`].
pub async fn look_at(
    db: &Db,
    hasher: &Hasher,
    ip: Option<IpAddr>,
    token: &SecretString,
    password: Option<SecretString>,
) -> Result<LinkInfo> {
    let lanes = throttle::Lanes::by_address("link", ip);
    throttle::reserve(db, &lanes).await?;
    let token = Token::decode(token)?;
    let now = db.now();
    let (info, rules) = db
        .tenant(token.tenant, async |tx| {
            let (user, purpose, expires_at) = link::find(tx, &token, now).await?;
            let person = queries::find(tx, token.tenant, user).await?;
            let settings = tenant::find(tx, token.tenant).await?;
            let info = LinkInfo {
                purpose,
                login_id: person.login_id,
                display_name: person.display_name,
                company: settings.name,
                min_length: settings.password_min_length,
                expires_at,
                judgement: None,
            };
            Ok((info, replace::rules(tx, token.tenant, user).await?))
        })
        .await?;
    throttle::release(db, &lanes).await?;
    let judgement = match password {
        Some(password) => {
            let turn = hasher.enter(Who::Known)?;
            Some(turn.judge(rules.policy, password).await?)
        }
        None => None,
    };
    Ok(LinkInfo { judgement, ..info })
}

/// Sets a password by a link; ends every session of the person. Answers the
/// login id, which the person logs in with next.
///
/// # Errors
/// [`DomainError::Invalid`] at `/token` or `/new_password`, [`DomainError::TooManyRequests`],
/// [`DomainError::Overloaded`].
pub async fn set_password(
    db: &Db,
    hasher: &Hasher,
    device: &Device,
    purpose: Purpose,
    token: &SecretString,
    new: SecretString,
) -> Result<String> {
    let lanes = throttle::Lanes::by_address("link", device.ip);
    throttle::reserve(db, &lanes).await?;
    let token = Token::decode(token)?;
    let tenant = token.tenant;
    let rules = db
        .tenant(tenant, async |tx| {
            let (user, found, _) = link::find(tx, &token, db.now()).await?;
            let rules = replace::rules(tx, tenant, user).await?;
            if found != purpose || rules.credentials.disabled_at.is_some() {
                return Err(link::no_good());
            }
            Ok(rules)
        })
        .await?;
    throttle::release(db, &lanes).await?;
    let turn = hasher.enter(Who::Known)?;
    let hash = replace::prepare(&turn, rules, new).await?;
    drop(turn);
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let user = link::use_up(tx, &token, purpose, now).await?;
        let person = queries::find(tx, tenant, user).await?;
        if person.disabled_at.is_some() {
            return Err(link::no_good());
        }
        replace::write(tx, tenant, user, &hash, false, now).await?;
        link::void(tx, tenant, user, None, now).await?;
        session::end_all_of(tx, tenant, user, None, "password_reset", now).await?;
        let actor = Actor {
            user_id: Some(user),
            ip: device.ip,
            ..Actor::public(tenant)
        };
        match purpose {
            Purpose::PasswordReset => {
                note(tx, &actor, "user.password_reset", user).await?;
                session::tell_password_changed(tx, &actor, user, now).await?;
            }
            Purpose::Invitation => note(tx, &actor, "user.invitation_accepted", user).await?,
        }
        Ok(person.login_id)
    })
    .await
}
