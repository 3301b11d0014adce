//! API tokens: what programs log in with. A token belongs to the tenant, has
//! scopes, an end, and perhaps networks; a program exchanges it for an access
//! token of ten minutes ([`exchange`]), and its row is asked again at each
//! request ([`authenticate`]).

mod exchange;
mod input;
mod notice;
mod queries;
pub mod secret;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;
use ipnet::IpNet;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{ApiTokenId, UserId};
use crate::page::{Page, PageRequest};
use input::{check_days, check_name, is_within, parse_networks, parse_scopes};
use secret::Secret;

pub use exchange::{Exchanged, authenticate, exchange};
pub(crate) use notice::remind;
pub(crate) use queries::{ending, forget};

/// How long a token lives unless asked for otherwise, and at most.
pub const DEFAULT_DAYS: i64 = 90;
pub const MOST_DAYS: i64 = 365;
/// How long the secret before a rotation may stay good.
pub const MOST_OVERLAP_DAYS: i64 = 7;
/// From so many days before its end on people are reminded of it.
pub const REMINDER: TimeDelta = TimeDelta::days(14);
/// Most tokens of a tenant that are neither revoked nor over.
pub const MOST: i64 = 100;

/// A token, without its secret.
#[derive(Debug, Clone)]
pub struct ApiToken {
    pub id: ApiTokenId,
    pub client_id: String,
    pub name: String,
    pub scopes: BTreeSet<Permission>,
    /// Empty: from everywhere.
    pub allowed_ips: Vec<IpNet>,
    pub secret_end: String,
    pub secret_made_at: DateTime<Utc>,
    /// Until when the secret before the last rotation is good; `None` when it is not.
    pub old_secret_until: Option<DateTime<Utc>>,
    pub expires_at: DateTime<Utc>,
    pub state: State,
    pub created_by: Option<Maker>,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub last_used_ip: Option<IpNet>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub version: i32,
}

/// Who made a token. It lives on when they are disabled, and says so: they
/// have seen its secret.
#[derive(Debug, Clone)]
pub struct Maker {
    pub id: UserId,
    pub display_name: String,
    pub disabled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Active,
    /// Active, and over within [`REMINDER`].
    Ending,
    Expired,
    Revoked,
}

impl State {
    fn of(expires: DateTime<Utc>, revoked: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        if revoked.is_some() {
            Self::Revoked
        } else if expires <= now {
            Self::Expired
        } else if expires - now <= REMINDER {
            Self::Ending
        } else {
            Self::Active
        }
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Ending => "ending",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A token to be made.
#[derive(Debug)]
pub struct NewApiToken {
    pub name: String,
    pub scopes: Vec<String>,
    pub allowed_ips: Vec<String>,
    /// `None`: [`DEFAULT_DAYS`].
    pub lifetime_days: Option<i64>,
}

/// A change; `None` leaves a value as it is.
#[derive(Debug, Default)]
pub struct ApiTokenChange {
    pub name: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub allowed_ips: Option<Vec<String>>,
}

/// A new secret for a token.
#[derive(Debug, Default)]
pub struct Rotation {
    /// How long the old secret stays good; 0: it is over at once.
    pub overlap_days: i64,
    /// `None` leaves the end of the token where it is.
    pub lifetime_days: Option<i64>,
}

/// A token with its secret, which is shown this once.
#[derive(Debug)]
pub struct Shown {
    pub token: ApiToken,
    pub secret: SecretString,
}

fn told(token: &ApiToken) -> Value {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    let networks: Vec<String> = token.allowed_ips.iter().map(ToString::to_string).collect();
    json!({
        "name": token.name, "scopes": scopes, "allowed_ips": networks, "expires_at": token.expires_at,
        "secret_end": token.secret_end, "old_secret_until": token.old_secret_until
    })
}

async fn note(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &str,
    before: Option<&ApiToken>,
    after: &ApiToken,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "api_token",
        subject_id: Some(after.id.0),
        before: before.map(told),
        after: Some(told(after)),
    };
    audit::record(tx, actor, entry).await
}

/// Pages the tokens, newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, actor: &Actor, page: &PageRequest) -> Result<Page<ApiToken>> {
    actor.require(Permission::TokensManage)?;
    let (limit, cursor) = (page.limit()?, page.cursor("-id")?);
    let (tenant, now) = (actor.tenant_id, db.now());
    let before = cursor.map(|c| ApiTokenId(c.id));
    let rows = db
        .tenant(tenant, async |tx| {
            queries::page(tx, tenant, before, limit + 1, now).await
        })
        .await?;
    Ok(Page::cut(rows, limit, "-id", |row: &ApiToken| {
        (String::new(), row.id.0)
    }))
}

/// One token.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: ApiTokenId) -> Result<ApiToken> {
    actor.require(Permission::TokensManage)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id, now).await
    })
    .await
}

/// Makes a token with scopes that the actor has.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] for a scope that the actor lacks,
/// [`DomainError::Invalid`], [`DomainError::Conflict`] for too many.
pub async fn create(db: &Db, actor: &Actor, new: NewApiToken) -> Result<Shown> {
    actor.require(Permission::TokensManage)?;
    actor.require_step_up()?;
    let mut v = Validation::default();
    check_name(&mut v, &new.name);
    let scopes = parse_scopes(&mut v, &new.scopes);
    let allowed_ips = parse_networks(&mut v, &new.allowed_ips);
    check_days(&mut v, "/lifetime_days", new.lifetime_days, 1, MOST_DAYS);
    v.finish()?;
    actor.require_at_least(&scopes)?;
    let (tenant, id, now) = (actor.tenant_id, ApiTokenId::new(), db.now());
    let days = new.lifetime_days.unwrap_or(DEFAULT_DAYS);
    let secret = Secret::new();
    let row = queries::NewRow {
        name: new.name.trim(),
        scopes: &scopes,
        allowed_ips: &allowed_ips,
        expires_at: now + TimeDelta::days(days),
        end_notice: notice::spared(days),
        created_by: actor.user_id,
    };
    let token = db
        .tenant(tenant, async |tx| {
            if queries::count_live(tx, tenant, now).await? >= MOST {
                return Err(DomainError::conflict(
                    "too_many",
                    "there are as many API tokens as a tenant may have: revoke one first",
                ));
            }
            queries::insert(tx, tenant, id, &row, &secret, now).await?;
            let made = queries::find(tx, tenant, id, now).await?;
            note(tx, actor, "api_token.created", None, &made).await?;
            Ok(made)
        })
        .await?;
    Ok(Shown {
        token,
        secret: secret.show(),
    })
}

/// Changes a token of version `version`; holds from its next request on.
/// Neither what it could nor what it will be able to do may be more than the
/// actor may.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] also without step-up for more scopes or networks,
/// [`DomainError::Invalid`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Conflict`] when it is revoked.
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: ApiTokenId,
    version: i32,
    change: ApiTokenChange,
) -> Result<ApiToken> {
    actor.require(Permission::TokensManage)?;
    let mut v = Validation::default();
    if let Some(name) = &change.name {
        check_name(&mut v, name);
    }
    let scopes = change.scopes.map(|names| parse_scopes(&mut v, &names));
    let allowed_ips = change.allowed_ips.map(|ips| parse_networks(&mut v, &ips));
    v.finish()?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let before = live(queries::lock(tx, tenant, id, now).await?)?;
        if before.version != version {
            return Err(DomainError::Stale);
        }
        actor.require_at_least(&before.scopes)?;
        let row = queries::Changed {
            name: change
                .name
                .as_deref()
                .map_or(before.name.as_str(), str::trim),
            scopes: scopes.as_ref().unwrap_or(&before.scopes),
            allowed_ips: allowed_ips.as_ref().unwrap_or(&before.allowed_ips),
        };
        actor.require_at_least(row.scopes)?;
        let more = !row.scopes.is_subset(&before.scopes);
        if more || !is_within(row.allowed_ips, &before.allowed_ips) {
            actor.require_step_up()?;
        }
        queries::update(tx, tenant, id, &row, now).await?;
        let after = queries::find(tx, tenant, id, now).await?;
        note(tx, actor, "api_token.updated", Some(&before), &after).await?;
        Ok(after)
    })
    .await
}

/// Gives a token a new secret. The old one stays good for the days of the
/// overlap; the one before that is over in any case.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] for a token that may more than the actor, who is shown
/// its secret, [`DomainError::Invalid`], [`DomainError::NotFound`], [`DomainError::Conflict`] when it is revoked.
pub async fn rotate(db: &Db, actor: &Actor, id: ApiTokenId, rotation: Rotation) -> Result<Shown> {
    actor.require(Permission::TokensManage)?;
    actor.require_step_up()?;
    let mut v = Validation::default();
    let overlap = rotation.overlap_days;
    check_days(&mut v, "/overlap_days", Some(overlap), 0, MOST_OVERLAP_DAYS);
    check_days(
        &mut v,
        "/lifetime_days",
        rotation.lifetime_days,
        1,
        MOST_DAYS,
    );
    v.finish()?;
    let (tenant, now) = (actor.tenant_id, db.now());
    let secret = Secret::new();
    let until = (overlap > 0).then(|| now + TimeDelta::days(overlap));
    let token = db
        .tenant(tenant, async |tx| {
            let before = live(queries::lock(tx, tenant, id, now).await?)?;
            actor.require_at_least(&before.scopes)?;
            queries::rotate(tx, tenant, id, &secret, until, now).await?;
            if let Some(days) = rotation.lifetime_days {
                let end = (now + TimeDelta::days(days), notice::spared(days));
                notice::set_end(tx, tenant, id, end).await?;
            }
            let after = queries::find(tx, tenant, id, now).await?;
            note(tx, actor, "api_token.rotated", Some(&before), &after).await?;
            Ok(after)
        })
        .await?;
    Ok(Shown {
        token,
        secret: secret.show(),
    })
}

/// Ends a token at once, with every access token that was given for it. One
/// that is over already stays so.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn revoke(db: &Db, actor: &Actor, id: ApiTokenId) -> Result<ApiToken> {
    actor.require(Permission::TokensManage)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let before = queries::lock(tx, tenant, id, now).await?;
        if before.state == State::Revoked {
            return Ok(before);
        }
        queries::revoke(tx, tenant, id, now).await?;
        let after = queries::find(tx, tenant, id, now).await?;
        note(tx, actor, "api_token.revoked", Some(&before), &after).await?;
        Ok(after)
    })
    .await
}

fn live(token: ApiToken) -> Result<ApiToken> {
    if token.state == State::Revoked {
        return Err(DomainError::conflict(
            "token_revoked",
            "this token was revoked: make a new one",
        ));
    }
    Ok(token)
}
