//! Support access: a person of the tenant lets the operator's staff look, for
//! a reason, at some things, for some hours. Without a grant that lasts the
//! staff see nothing of a tenant but its name and numbers, and the database
//! itself holds them to it (`supported_tenant` of the migrations).

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{SupportGrantId, TenantId, UserId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::{support_grant, user_account};

/// What a grant can hold: reading only, and neither people who log in, nor
/// exports, nor anything of security.
pub const GRANTABLE: [Permission; 5] = [
    Permission::ContactsRead,
    Permission::MailsRead,
    Permission::CampaignsRead,
    Permission::ReportsRead,
    Permission::SettingsRead,
];
/// Longest life of a grant.
pub const MAX_HOURS: i64 = 72;
/// Grants of a tenant that last at one time.
const MOST_LASTING: i64 = 20;
const SORT: &str = "-created_at";

/// A grant.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = support_grant)]
pub struct Grant {
    pub id: SupportGrantId,
    pub reason: String,
    pub permissions: Vec<Option<String>>,
    pub granted_by: UserId,
    pub granted_by_name: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// How often staff looked.
    pub looks: i32,
    pub looked_at: Option<DateTime<Utc>>,
}

impl Grant {
    #[must_use]
    pub fn lasts(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// What it allows; what can't be granted (any more) is none of it.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        let named = self.permissions.iter().flatten();
        named
            .filter_map(|name| Permission::parse(name))
            .filter(|p| GRANTABLE.contains(p))
            .collect()
    }
}

/// A grant to be made.
#[derive(Debug)]
pub struct NewGrant {
    pub reason: String,
    pub permissions: Vec<String>,
    pub hours: i64,
}

impl NewGrant {
    fn check(&self) -> Result<Vec<Permission>> {
        let mut v = Validation::default();
        v.length("/reason", self.reason.trim(), 1, 500);
        if !(1..=MAX_HOURS).contains(&self.hours) {
            v.add(
                "/hours",
                "out_of_range",
                format!("must be 1 to {MAX_HOURS} hours"),
            );
        }
        let mut permissions = Vec::new();
        if self.permissions.is_empty() {
            v.add(
                "/permissions",
                "required",
                "must name at least one permission",
            );
        }
        for (at, name) in self
            .permissions
            .iter()
            .enumerate()
            .take(GRANTABLE.len() + 1)
        {
            match Permission::parse(name).filter(|p| GRANTABLE.contains(p)) {
                Some(permission) if permissions.contains(&permission) => {
                    v.add(format!("/permissions/{at}"), "duplicate", "stands there twice");
                }
                Some(permission) => permissions.push(permission),
                None => v.add(
                    format!("/permissions/{at}"),
                    "not_grantable",
                    "can't be given to support: only reading of contacts, mails, campaigns, reports and settings can",
                ),
            }
        }
        v.finish()?;
        Ok(permissions)
    }
}

/// Grants support access.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] without step-up, [`DomainError::Invalid`],
/// [`DomainError::Conflict`] when too many last.
pub async fn create(db: &Db, actor: &Actor, new: NewGrant) -> Result<Grant> {
    actor.require(Permission::SupportGrant)?;
    actor.require_step_up()?;
    let permissions = new.check()?;
    // Nobody hands on what they may not see themself.
    for permission in &permissions {
        actor.require(*permission)?;
    }
    let names: Vec<&str> = permissions.iter().map(|p| p.as_str()).collect();
    let (tenant, now) = (actor.tenant_id, db.now());
    let by = actor
        .user_id
        .ok_or_else(|| DomainError::not_found("user"))?;
    let id = SupportGrantId::new();
    db.tenant(tenant, async |tx| {
        if lasting(tx, tenant, now).await? >= MOST_LASTING {
            let detail = format!("{MOST_LASTING} grants last already: revoke one first");
            return Err(DomainError::conflict("too_many_grants", detail));
        }
        let name: String = user_account::table
            .find((tenant, by))
            .select(user_account::display_name)
            .first(tx)
            .await?;
        diesel::insert_into(support_grant::table)
            .values((
                support_grant::tenant_id.eq(tenant),
                support_grant::id.eq(id),
                support_grant::reason.eq(new.reason.trim()),
                support_grant::permissions.eq(&names),
                support_grant::granted_by.eq(by),
                support_grant::granted_by_name.eq(name),
                support_grant::created_at.eq(now),
                support_grant::expires_at.eq(now + TimeDelta::hours(new.hours)),
            ))
            .execute(tx)
            .await?;
        let after =
            json!({ "reason": new.reason.trim(), "permissions": names, "hours": new.hours });
        record(tx, actor, "support.granted", id, Some(after)).await?;
        find(tx, tenant, id).await
    })
    .await
}

/// Pages the grants, newest first; those that are over stay visible.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, actor: &Actor, page: &PageRequest) -> Result<Page<Grant>> {
    actor.require(Permission::SettingsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        self::page(tx, actor.tenant_id, page).await
    })
    .await
}

pub(crate) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    page: &PageRequest,
) -> Result<Page<Grant>> {
    let (limit, cursor) = (page.limit()?, page.cursor(SORT)?);
    let mut query = support_grant::table
        .filter(support_grant::tenant_id.eq(tenant))
        .order((support_grant::created_at.desc(), support_grant::id.desc()))
        .limit(limit + 1)
        .select(Grant::as_select())
        .into_boxed();
    if let Some(cursor) = cursor {
        let (at, id) = (cursor.time()?, SupportGrantId(cursor.id));
        query = query.filter(
            support_grant::created_at
                .lt(at)
                .or(support_grant::created_at
                    .eq(at)
                    .and(support_grant::id.lt(id))),
        );
    }
    Ok(Page::cut(query.load(tx).await?, limit, SORT, |grant| {
        (time_key(grant.created_at), grant.id.0)
    }))
}

/// Ends a grant at once: the next look is refused.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Conflict`] when it is over already.
pub async fn revoke(db: &Db, actor: &Actor, id: SupportGrantId) -> Result<Grant> {
    actor.require(Permission::SupportGrant)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        if !find(tx, tenant, id).await?.lasts(now) {
            return Err(DomainError::conflict(
                "grant_over",
                "this grant is over already",
            ));
        }
        diesel::update(support_grant::table.find((tenant, id)))
            .set(support_grant::revoked_at.eq(now))
            .execute(tx)
            .await?;
        record(tx, actor, "support.revoked", id, None).await?;
        find(tx, tenant, id).await
    })
    .await
}

async fn lasting(tx: &mut AsyncPgConnection, tenant: TenantId, now: DateTime<Utc>) -> Result<i64> {
    // Nothing older than the longest life can last, so that the index bounds the look.
    Ok(support_grant::table
        .filter(support_grant::tenant_id.eq(tenant))
        .filter(support_grant::created_at.gt(now - TimeDelta::hours(MAX_HOURS)))
        .filter(support_grant::revoked_at.is_null())
        .filter(support_grant::expires_at.gt(now))
        .count()
        .get_result(tx)
        .await?)
}

pub(crate) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SupportGrantId,
) -> Result<Grant> {
    support_grant::table
        .find((tenant, id))
        .select(Grant::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("support grant"))
}

async fn record(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &str,
    id: SupportGrantId,
    after: Option<serde_json::Value>,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "support_grant",
        subject_id: Some(id.0),
        after,
        ..audit::Entry::default()
    };
    audit::record(tx, actor, entry).await
}
