//! Routes: the ways out. A relay takes all mails; a direct route brings each to
//! the servers that its recipient's domain names.

mod change;
mod check;
pub mod health;
mod queries;

pub use change::RouteChange;
pub use health::Health;

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::json;

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, RouteId, TenantId};
use crate::page::{Page, PageRequest};
use crate::schema::route;
use crate::secret::Keys;
use crate::text_enum::text_enum;

/// Most routes that one campaign goes by.
pub(crate) const MOST_OF_A_CAMPAIGN: i64 = 50;

text_enum! {
    /// Where the mails of a route go.
    pub enum Kind {
        Relay = "relay",
        Direct = "direct",
    }
}

text_enum! {
    /// What protects the line to a relay.
    pub enum Security {
        None = "none",
        StartTls = "starttls",
        Tls = "tls",
    }
}

text_enum! {
    /// How to log in at a relay (RFC 4616; LOGIN as old relays want it;
    /// XOAUTH2 as Google and Microsoft have it, with an access token in the
    /// place of the password).
    pub enum Auth {
        None = "none",
        Plain = "plain",
        Login = "login",
        XOAuth2 = "xoauth2",
    }
}

/// A route, as shown to the tenant: without its password.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = route)]
pub struct Route {
    pub id: RouteId,
    pub name: String,
    pub kind: Kind,
    /// Of a relay; `None` when it goes direct, as `port` and `security`.
    pub host: Option<String>,
    pub port: Option<i32>,
    pub security: Option<Security>,
    pub auth: Auth,
    pub username: String,
    /// Address of the mailer's machine that sessions come from.
    pub source_address: Option<IpNet>,
    /// What EHLO says; empty: the mailer's own name.
    pub helo: String,
    #[diesel(select_expression = route::password_sealed.is_not_null())]
    pub has_password: bool,
    /// Most sessions at a time of one mailer.
    pub max_sessions: i32,
    /// Whether the mailer signs; false when the relay does.
    pub sign: bool,
    pub enabled: bool,
    /// A campaign that names no route goes by the enabled ones of the lowest
    /// position, and by the next while none of those answers.
    pub position: i32,
    /// Share of the mails among the routes of the same position.
    pub weight: i32,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    /// What was seen of it when it last did not answer; no change of a person's.
    #[diesel(embed)]
    #[serde(skip)]
    pub health: Option<Health>,
}

/// What the mailer needs to send through a route.
#[derive(Debug, Clone)]
pub struct OpenRoute {
    pub id: RouteId,
    pub version: i32,
    pub via: Via,
    pub source_address: Option<IpAddr>,
    pub helo: Option<String>,
    pub max_sessions: usize,
    pub sign: bool,
    pub position: i32,
    pub weight: u32,
}

/// Where a route leads.
#[derive(Debug, Clone)]
pub enum Via {
    Relay(Relay),
    /// To the servers that the recipient's domain names.
    Direct,
}

/// A relay and the log-in at it.
#[derive(Debug, Clone)]
pub struct Relay {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub auth: Auth,
    pub username: String,
    pub password: SecretString,
}

/// A route to be made.
#[derive(Debug)]
pub struct NewRoute {
    pub name: String,
    pub kind: Kind,
    pub host: Option<String>,
    pub port: Option<i32>,
    pub security: Option<Security>,
    pub auth: Auth,
    pub username: String,
    pub password: Option<SecretString>,
    /// An IP address; empty: none.
    pub source_address: String,
    pub helo: String,
    pub max_sessions: i32,
    pub sign: bool,
    pub enabled: bool,
    pub position: i32,
    pub weight: i32,
}

fn place(id: RouteId) -> String {
    format!("route.password:{id}")
}

fn seal(
    keys: &Keys,
    tenant: TenantId,
    id: RouteId,
    password: Option<&SecretString>,
) -> Result<Option<Vec<u8>>> {
    password
        .map(|p| keys.seal(tenant, &place(id), p.expose_secret().as_bytes()))
        .transpose()
}

/// Adds a route.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] without step-up, [`DomainError::Invalid`],
/// [`DomainError::Conflict`] for a name in use.
pub async fn create(db: &Db, keys: &Keys, actor: &Actor, new: NewRoute) -> Result<Route> {
    actor.require(Permission::SettingsWrite)?;
    actor.require_step_up()?;
    let checked = check::check(&new, new.password.is_some())?;
    let id = RouteId::new();
    let sealed = seal(keys, actor.tenant_id, id, new.password.as_ref())?;
    let row = queries::Row::of(&new, checked, Some(sealed));
    db.tenant(actor.tenant_id, async |tx| {
        queries::insert(tx, actor.tenant_id, id, &row).await?;
        let made = queries::find(tx, actor.tenant_id, id).await?;
        note(tx, actor, "route.created", None, Some(&made)).await?;
        Ok(made)
    })
    .await
}

/// Pages the routes in their order.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, actor: &Actor, page: &PageRequest) -> Result<Page<Route>> {
    actor.require(Permission::SettingsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor("position")?);
    let after = cursor
        .map(|c| c.value.parse().map(|position: i32| (position, c.id)))
        .transpose()
        .map_err(|_| DomainError::invalid("/cursor", "malformed", "no cursor of this service"))?;
    let rows = db
        .tenant(actor.tenant_id, async |tx| {
            queries::page(tx, actor.tenant_id, after, limit + 1).await
        })
        .await?;
    Ok(Page::cut(rows, limit, "position", |r: &Route| {
        (r.position.to_string(), r.id.0)
    }))
}

/// One route.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: RouteId) -> Result<Route> {
    actor.require(Permission::SettingsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await
    })
    .await
}

/// Changes a route of version `version`. Turning log-in off forgets the password;
/// who sends it elsewhere, or as somebody else, has to know it. Mails in hand
/// still go by the old one.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] without step-up for where and how it leads,
/// [`DomainError::Invalid`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Conflict`] for a name in use.
pub async fn update(
    db: &Db,
    keys: &Keys,
    actor: &Actor,
    id: RouteId,
    version: i32,
    change: RouteChange,
) -> Result<Route> {
    actor.require(Permission::SettingsWrite)?;
    let sealed = seal(keys, actor.tenant_id, id, change.password.as_ref())?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        let merged = change.applied_to(&before);
        let kept = before.has_password && merged.auth != Auth::None;
        let checked = check::check(&merged, merged.password.is_some() || kept)?;
        let elsewhere = check::leads_elsewhere(&before, &merged, &checked);
        if elsewhere || merged.auth != before.auth || merged.password.is_some() {
            actor.require_step_up()?;
        }
        if kept && elsewhere && merged.password.is_none() {
            return Err(check::password_anew());
        }
        // Without a new one the old one stays, or is forgotten.
        let sealed = (sealed.is_some() || !kept).then_some(sealed);
        let row = queries::Row::of(&merged, checked, sealed);
        if !queries::update(tx, actor.tenant_id, id, version, &row, now).await? {
            return Err(DomainError::Stale);
        }
        let after = queries::find(tx, actor.tenant_id, id).await?;
        note(tx, actor, "route.updated", Some(&before), Some(&after)).await?;
        Ok(after)
    })
    .await
}

/// Takes a route away that no campaign names.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Conflict`].
pub async fn delete(db: &Db, actor: &Actor, id: RouteId, version: i32) -> Result<()> {
    actor.require(Permission::SettingsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        crate::limit::forget_route(tx, actor.tenant_id, id).await?;
        if !queries::delete(tx, actor.tenant_id, id, version).await? {
            return Err(DomainError::Stale);
        }
        note(tx, actor, "route.deleted", Some(&before), None).await
    })
    .await
}

async fn note(
    tx: &mut diesel_async::AsyncPgConnection,
    actor: &Actor,
    action: &str,
    before: Option<&Route>,
    after: Option<&Route>,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "route",
        subject_id: after.or(before).map(|r| r.id.0),
        before: before.map(|r| json!(r)),
        after: after.map(|r| json!(r)),
    };
    audit::record(tx, actor, entry).await
}

/// The routes of a campaign with their passwords, in their order: the one it
/// names, else all enabled ones of the tenant. For the mailer.
///
/// # Errors
/// When the database does, or a password does not open.
pub async fn of_campaign(
    db: &Db,
    keys: &Keys,
    tenant: TenantId,
    campaign: CampaignId,
) -> Result<Vec<OpenRoute>> {
    let found = db
        .tenant(tenant, async |tx| {
            queries::of_campaign(tx, tenant, campaign).await
        })
        .await?;
    found
        .into_iter()
        .map(|row| row.open(keys, tenant))
        .collect()
}
