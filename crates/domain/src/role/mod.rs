//! Roles: named sets of permissions. What the builtin ones allow stands here,
//! so that a new permission reaches every tenant with the program that knows
//! it; a tenant's own ones are rows.

mod manage;
mod queries;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;

use crate::actor::Permission;
use crate::error::Result;
use crate::ids::{RoleId, TenantId};
use crate::schema::role;

pub use manage::{MOST, NewRole, RoleChange, create, delete, get, list, update};
pub(crate) use queries::{find_by_key, people_with};

/// The roles that every tenant has from its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltinRole {
    Owner,
    Admin,
    Editor,
    Approver,
    Analyst,
    Viewer,
}

impl BuiltinRole {
    /// From who may most to who may least.
    pub const ALL: [Self; 6] = [
        Self::Owner,
        Self::Admin,
        Self::Editor,
        Self::Approver,
        Self::Analyst,
        Self::Viewer,
    ];

    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Approver => "approver",
            Self::Analyst => "analyst",
            Self::Viewer => "viewer",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Owner => "所有者",
            Self::Admin => "管理者",
            Self::Editor => "編集者",
            Self::Approver => "承認者",
            Self::Analyst => "分析担当",
            Self::Viewer => "閲覧者",
        }
    }

    fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.key() == key)
    }

    /// What the role allows.
    #[must_use]
    pub fn permissions(self) -> Vec<Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(|p| self.allows(*p))
            .collect()
    }

    /// No wildcard: who adds a permission says whose it is.
    fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            // What everybody sees who logs in.
            P::ContactsRead
            | P::MailsRead
            | P::CampaignsRead
            | P::ReportsRead
            | P::SettingsRead => true,
            // The daily work.
            P::ContactsWrite
            | P::ContactsExport
            | P::ListsWrite
            | P::MailsWrite
            | P::CampaignsWrite => matches!(self, Self::Owner | Self::Admin | Self::Editor),
            // The approver lets go what others wrote, and changes nothing of it.
            P::CampaignsSend => {
                matches!(
                    self,
                    Self::Owner | Self::Admin | Self::Editor | Self::Approver
                )
            }
            P::ReportsExport => {
                matches!(
                    self,
                    Self::Owner | Self::Admin | Self::Editor | Self::Analyst
                )
            }
            P::SettingsWrite
            | P::UsersManage
            | P::SecurityManage
            | P::RolesManage
            | P::TokensManage
            | P::AuditRead
            | P::WebhooksManage
            | P::ContactsErase
            | P::SupportGrant => matches!(self, Self::Owner | Self::Admin),
            P::TenantOwn => self == Self::Owner,
        }
    }
}

/// A role, with how many people have it.
#[derive(Debug, Clone)]
pub struct Role {
    pub id: RoleId,
    /// What a user names it by: that of a builtin role, or the id.
    pub key: String,
    pub name: String,
    pub builtin: bool,
    pub permissions: BTreeSet<Permission>,
    /// Disabled people too: they would have it again.
    pub people: i64,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The columns that say what a role allows.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = role)]
pub(crate) struct Grant {
    key: String,
    builtin: bool,
    permissions: Vec<Option<String>>,
}

impl Grant {
    /// Of a builtin role what the program says, of an own one what its row
    /// says; a name that the program does not know (any more) allows nothing.
    pub(crate) fn permissions(&self) -> BTreeSet<Permission> {
        if self.builtin {
            let role = BuiltinRole::of(&self.key);
            return role.map_or_else(BTreeSet::new, |role| {
                role.permissions().into_iter().collect()
            });
        }
        self.permissions
            .iter()
            .flatten()
            .filter_map(|name| Permission::parse(name))
            .filter(|permission| permission.is_for_own_roles())
            .collect()
    }
}

/// Makes the builtin roles of a new tenant; answers the owner role's id.
pub(crate) async fn create_builtin(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<RoleId> {
    let mut owner = RoleId::new();
    for role in BuiltinRole::ALL {
        let id = RoleId::new();
        queries::insert_builtin(tx, tenant, id, role.key(), role.name()).await?;
        if role == BuiltinRole::Owner {
            owner = id;
        }
    }
    Ok(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(role: BuiltinRole) -> BTreeSet<Permission> {
        role.permissions().into_iter().collect()
    }

    #[test]
    fn each_builtin_role_allows_what_its_name_promises() {
        use Permission as P;
        let all: BTreeSet<P> = P::ALL.iter().copied().collect();
        assert_eq!(allowed(BuiltinRole::Owner), all);
        let admin = allowed(BuiltinRole::Admin);
        assert_eq!(
            all.difference(&admin).collect::<Vec<_>>(),
            [&P::TenantOwn],
            "an administrator may all but what is the owner's"
        );
        let viewer = allowed(BuiltinRole::Viewer);
        assert!(viewer.iter().all(|p| p.as_str().ends_with(".read")));
        let more = |role| {
            allowed(role)
                .difference(&viewer)
                .copied()
                .collect::<Vec<_>>()
        };
        assert_eq!(more(BuiltinRole::Approver), [P::CampaignsSend]);
        assert_eq!(more(BuiltinRole::Analyst), [P::ReportsExport]);
        let editor = allowed(BuiltinRole::Editor);
        for kept in [
            P::SettingsWrite,
            P::UsersManage,
            P::SecurityManage,
            P::RolesManage,
            P::TokensManage,
        ] {
            assert!(!editor.contains(&kept), "{}", kept.as_str());
        }
    }

    #[test]
    fn a_builtin_role_takes_nothing_from_its_row_and_an_own_one_nothing_from_the_owner() {
        let names = |permissions: &[Permission]| {
            let names = permissions.iter().map(|p| Some(p.as_str().to_owned()));
            names.chain([Some("no.such".to_owned())]).collect()
        };
        let viewer = Grant {
            key: "viewer".to_owned(),
            builtin: true,
            permissions: names(Permission::ALL),
        };
        assert_eq!(viewer.permissions(), allowed(BuiltinRole::Viewer));
        let own = Grant {
            key: "owner".to_owned(),
            builtin: false,
            permissions: names(&[Permission::MailsRead, Permission::TenantOwn]),
        };
        assert_eq!(own.permissions(), BTreeSet::from([Permission::MailsRead]));
    }
}
