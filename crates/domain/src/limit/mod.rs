//! Limits: how many mails go to a site, from a sender domain, by a route; none
//! at all where it is suspended, and more each day where a plan warms it up.
//!
//! A limit's state is one row, so that it holds over all mailers together. A
//! mailer asks once a batch ([`admit`]); where there is neither a limit nor a
//! slow-down the claim says so, and nobody asks. What is held back goes back to
//! the queue with the time at which it may go, and stands in nobody's way until
//! then; when a limit is changed it is weighed anew ([`release`]). Sites that
//! ask for less get less by themselves ([`slow`]). How many sessions are open at
//! a time is asked when one opens ([`session`]).

pub mod admit;
pub mod bucket;
pub mod exchange;
pub mod meaning;
pub mod purge;
mod queries;
pub mod release;
pub mod session;
pub mod site;
pub mod slow;
pub mod warm_up;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use serde::Serialize;
use serde_json::json;

use self::warm_up::WarmUp;
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{RouteId, SendLimitId, TenantId};
use crate::page::{Page, PageRequest};
use crate::schema::send_limit;

/// Most limits of a tenant: each batch weighs all of them.
const MOST: i64 = 200;
/// Most sessions that a limit can allow.
pub const MOST_SESSIONS: i32 = 1000;

/// What mails a limit is for; `None`: whatever it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable, Selectable, Insertable)]
#[diesel(table_name = send_limit)]
pub struct Scope {
    /// Who receives ([`site`]).
    pub site: Option<String>,
    /// The domain of the sender's address.
    pub sender_domain: Option<String>,
    pub route_id: Option<RouteId>,
}

/// What a limit says; the whole of it is changed at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Terms {
    pub per_minute: Option<i32>,
    /// SMTP sessions at a time.
    pub max_sessions: Option<i32>,
    /// Whether nothing goes at all.
    pub suspended: bool,
    pub warm_up: Option<WarmUp>,
}

/// A limit.
#[derive(Debug, Clone, Serialize)]
pub struct SendLimit {
    pub id: SendLimitId,
    #[serde(flatten)]
    pub scope: Scope,
    #[serde(flatten)]
    pub terms: Terms,
    /// What went on the last day on which something did; no change of a person's.
    #[serde(skip)]
    pub used: (NaiveDate, i32),
    /// Sessions in use now.
    #[serde(skip)]
    pub sessions: i64,
    /// The day in the tenant's time zone.
    #[serde(skip)]
    pub today: NaiveDate,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Scope {
    /// With its names as they are compared.
    fn checked(self) -> Result<Self> {
        let mut v = Validation::default();
        let site = self.site.map(|text| site::of_name(text.trim()));
        if site.as_deref().is_some_and(|site| !site::is_site(site)) {
            v.add(
                "/site",
                "malformed",
                "is no known site and no domain, for example docomo or example.co.jp",
            );
        }
        let sender_domain = self
            .sender_domain
            .map(|text| text.trim().to_ascii_lowercase());
        if sender_domain
            .as_deref()
            .is_some_and(|domain| !site::is_domain(domain))
        {
            v.add(
                "/sender_domain",
                "malformed",
                "is no domain, for example example.co.jp",
            );
        }
        v.finish()?;
        Ok(Self {
            site,
            sender_domain,
            route_id: self.route_id,
        })
    }
}

impl Terms {
    fn check(&self) -> Result<()> {
        let mut v = Validation::default();
        if self
            .per_minute
            .is_some_and(|per_minute| !(1..=1_000_000).contains(&per_minute))
        {
            v.add("/per_minute", "out_of_range", "must be 1 to 1000000");
        }
        if self
            .max_sessions
            .is_some_and(|most| !(1..=MOST_SESSIONS).contains(&most))
        {
            v.add("/max_sessions", "out_of_range", "must be 1 to 1000");
        }
        if let Some(plan) = &self.warm_up {
            plan.check(&mut v);
        }
        v.finish()
    }
}

/// Sets a limit; it holds from the next batch on.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::Conflict`] when there is one
/// for the same already, or too many.
pub async fn create(db: &Db, actor: &Actor, scope: Scope, terms: Terms) -> Result<SendLimit> {
    actor.require(Permission::SettingsWrite)?;
    terms.check()?;
    let scope = scope.checked()?;
    let now = db.now();
    let id = SendLimitId::new();
    db.tenant(actor.tenant_id, async |tx| {
        queries::insert(tx, actor.tenant_id, id, &scope, &terms, MOST).await?;
        let made = queries::find(tx, actor.tenant_id, id, now).await?;
        note(tx, actor, "send_limit.created", None, Some(&made)).await?;
        Ok(made)
    })
    .await
}

/// Pages the limits, oldest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, actor: &Actor, page: &PageRequest) -> Result<Page<SendLimit>> {
    actor.require(Permission::SettingsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor("id")?);
    let now = db.now();
    let rows = db
        .tenant(actor.tenant_id, async |tx| {
            queries::page(tx, actor.tenant_id, cursor.map(|c| c.id), limit + 1, now).await
        })
        .await?;
    Ok(Page::cut(rows, limit, "id", |row: &SendLimit| {
        (String::new(), row.id.0)
    }))
}

/// One limit.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: SendLimitId) -> Result<SendLimit> {
    actor.require(Permission::SettingsRead)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id, now).await
    })
    .await
}

/// Changes a limit of version `version`. What was held back is weighed anew.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::NotFound`],
/// [`DomainError::Stale`].
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: SendLimitId,
    version: i32,
    terms: Terms,
) -> Result<SendLimit> {
    actor.require(Permission::SettingsWrite)?;
    terms.check()?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        release::hold(tx, actor.tenant_id).await?;
        let before = queries::find(tx, actor.tenant_id, id, now).await?;
        if !queries::update(tx, actor.tenant_id, id, version, &terms, now).await? {
            return Err(DomainError::Stale);
        }
        release::order(tx, actor.tenant_id).await?;
        let after = queries::find(tx, actor.tenant_id, id, now).await?;
        note(tx, actor, "send_limit.updated", Some(&before), Some(&after)).await?;
        Ok(after)
    })
    .await
}

/// Takes a limit away. What it held back is weighed anew.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn delete(db: &Db, actor: &Actor, id: SendLimitId, version: i32) -> Result<()> {
    actor.require(Permission::SettingsWrite)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        release::hold(tx, actor.tenant_id).await?;
        let before = queries::find(tx, actor.tenant_id, id, now).await?;
        if !queries::delete(tx, actor.tenant_id, id, version).await? {
            return Err(DomainError::Stale);
        }
        release::order(tx, actor.tenant_id).await?;
        note(tx, actor, "send_limit.deleted", Some(&before), None).await
    })
    .await
}

/// Takes away what is for a route that is being deleted, which would go with it
/// unseen: what that held back is weighed anew.
pub(crate) async fn forget_route(
    tx: &mut diesel_async::AsyncPgConnection,
    tenant: TenantId,
    route: RouteId,
) -> Result<()> {
    release::hold(tx, tenant).await?;
    if queries::delete_of_route(tx, tenant, route).await? {
        release::order(tx, tenant).await?;
    }
    Ok(())
}

async fn note(
    tx: &mut diesel_async::AsyncPgConnection,
    actor: &Actor,
    action: &str,
    before: Option<&SendLimit>,
    after: Option<&SendLimit>,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "send_limit",
        subject_id: after.or(before).map(|limit| limit.id.0),
        before: before.map(|limit| json!(limit)),
        after: after.map(|limit| json!(limit)),
    };
    audit::record(tx, actor, entry).await
}
