//! A tenant's own roles. What they allow changes at once for everybody who has
//! them: each request reads it anew.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Role, queries};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::RoleId;

/// Most own roles of a tenant.
pub const MOST: i64 = 50;

/// A role to be made.
#[derive(Debug)]
pub struct NewRole {
    pub name: String,
    /// Names of permissions.
    pub permissions: Vec<String>,
}

/// A change; `None` leaves a value as it is.
#[derive(Debug, Default)]
pub struct RoleChange {
    pub name: Option<String>,
    pub permissions: Option<Vec<String>>,
}

fn check_name(v: &mut Validation, name: &str) {
    v.length("/name", name.trim(), 1, 100);
    if name.chars().any(char::is_control) {
        v.add("/name", "line_break", "must not hold control characters");
    }
}

fn parse(v: &mut Validation, names: &[String]) -> BTreeSet<Permission> {
    if names.is_empty() {
        v.add("/permissions", "required", "must name at least one");
    }
    if names.len() > Permission::ALL.len() {
        v.add("/permissions", "too_many", "names more than there are");
        return BTreeSet::new();
    }
    let mut permissions = BTreeSet::new();
    for (i, name) in names.iter().enumerate() {
        match Permission::parse(name) {
            Some(permission) if permission.is_for_own_roles() => {
                permissions.insert(permission);
            }
            Some(_) => v.add(
                format!("/permissions/{i}"),
                "not_allowed",
                "is the owner's alone",
            ),
            None => v.add(
                format!("/permissions/{i}"),
                "unknown",
                "is no permission: see those of the owner in GET /v1/roles",
            ),
        }
    }
    permissions
}

fn told(role: &Role) -> Value {
    let permissions: Vec<&str> = role.permissions.iter().map(|p| p.as_str()).collect();
    json!({ "name": role.name, "permissions": permissions })
}

/// The roles of the tenant: builtin ones first, then own ones by name.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub async fn list(db: &Db, actor: &Actor) -> Result<Vec<Role>> {
    actor.require(Permission::SettingsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::all(tx, actor.tenant_id).await
    })
    .await
}

/// One role.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: RoleId) -> Result<Role> {
    actor.require(Permission::SettingsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await
    })
    .await
}

/// Makes a role of permissions that the actor has.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] without step-up, or for a permission that the actor lacks,
/// [`DomainError::Invalid`], [`DomainError::Conflict`] for a name in use, or too many.
pub async fn create(db: &Db, actor: &Actor, new: NewRole) -> Result<Role> {
    actor.require(Permission::RolesManage)?;
    actor.require_step_up()?;
    let mut v = Validation::default();
    check_name(&mut v, &new.name);
    let permissions = parse(&mut v, &new.permissions);
    v.finish()?;
    actor.require_at_least(&permissions)?;
    let (tenant, id, now) = (actor.tenant_id, RoleId::new(), db.now());
    db.tenant(tenant, async |tx| {
        if queries::count_own(tx, tenant).await? >= MOST {
            return Err(DomainError::conflict(
                "too_many",
                "there are as many roles as a tenant may have: delete one first",
            ));
        }
        queries::insert_own(tx, tenant, id, new.name.trim(), &permissions, now).await?;
        let made = queries::find(tx, tenant, id).await?;
        let entry = audit::Entry {
            action: "role.created",
            subject_kind: "role",
            subject_id: Some(id.0),
            after: Some(told(&made)),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await?;
        Ok(made)
    })
    .await
}

/// Changes an own role of version `version`. Neither what it allowed nor what
/// it will may be more than the actor has.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] also without step-up for more permissions, [`DomainError::Invalid`],
/// [`DomainError::NotFound`], [`DomainError::Stale`], [`DomainError::Conflict`] for a builtin role or a name in use.
pub async fn update(
    db: &Db,
    actor: &Actor,
    id: RoleId,
    version: i32,
    change: RoleChange,
) -> Result<Role> {
    actor.require(Permission::RolesManage)?;
    let mut v = Validation::default();
    if let Some(name) = &change.name {
        check_name(&mut v, name);
    }
    let permissions = change.permissions.map(|names| parse(&mut v, &names));
    v.finish()?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let before = own(queries::lock(tx, tenant, id).await?, version)?;
        actor.require_at_least(&before.permissions)?;
        let permissions = permissions.as_ref().unwrap_or(&before.permissions);
        actor.require_at_least(permissions)?;
        // Everybody who has the role has them from the next request on.
        if !permissions.is_subset(&before.permissions) {
            actor.require_step_up()?;
        }
        let name = change
            .name
            .as_deref()
            .map_or(before.name.as_str(), str::trim);
        queries::update(tx, tenant, id, name, permissions, now).await?;
        let after = queries::find(tx, tenant, id).await?;
        let entry = audit::Entry {
            action: "role.updated",
            subject_kind: "role",
            subject_id: Some(id.0),
            before: Some(told(&before)),
            after: Some(told(&after)),
        };
        audit::record(tx, actor, entry).await?;
        Ok(after)
    })
    .await
}

/// Deletes an own role of version `version` that nobody has.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`], [`DomainError::NotFound`], [`DomainError::Stale`],
/// [`DomainError::Conflict`] for a builtin role, and while people have it.
pub async fn delete(db: &Db, actor: &Actor, id: RoleId, version: i32) -> Result<()> {
    actor.require(Permission::RolesManage)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let before = own(queries::lock(tx, tenant, id).await?, version)?;
        actor.require_at_least(&before.permissions)?;
        if before.people > 0 {
            let detail = format!(
                "{} people have this role: give them another one first",
                before.people
            );
            return Err(DomainError::conflict("role_in_use", detail));
        }
        queries::delete(tx, tenant, id).await?;
        let entry = audit::Entry {
            action: "role.deleted",
            subject_kind: "role",
            subject_id: Some(id.0),
            before: Some(told(&before)),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await
    })
    .await
}

fn own(role: Role, version: i32) -> Result<Role> {
    if role.builtin {
        return Err(DomainError::conflict(
            "builtin_role",
            "a builtin role can't be changed: copy it into one of your own",
        ));
    }
    if role.version != version {
        return Err(DomainError::Stale);
    }
    Ok(role)
}
