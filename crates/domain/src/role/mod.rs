//! Roles: named sets of permissions.

mod queries;

use crate::actor::Permission;
use crate::error::Result;
use crate::ids::{RoleId, TenantId};
use diesel_async::AsyncPgConnection;

pub(crate) use queries::find_by_key;

/// The roles that every tenant has from its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltinRole {
    Owner,
    Editor,
    Viewer,
}

impl BuiltinRole {
    pub const ALL: [Self; 3] = [Self::Owner, Self::Editor, Self::Viewer];

    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Owner => "所有者",
            Self::Editor => "編集者",
            Self::Viewer => "閲覧者",
        }
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

    fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner => true,
            Self::Editor => !matches!(
                permission,
                P::SettingsWrite | P::UsersManage | P::SupportGrant
            ),
            Self::Viewer => matches!(
                permission,
                P::ContactsRead
                    | P::MailsRead
                    | P::CampaignsRead
                    | P::ReportsRead
                    | P::SettingsRead
            ),
        }
    }
}

/// Makes the builtin roles of a new tenant; answers the owner role's id.
pub(crate) async fn create_builtin(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<RoleId> {
    let mut owner = RoleId::new();
    for role in BuiltinRole::ALL {
        let id = RoleId::new();
        let permissions: Vec<&str> = role
            .permissions()
            .into_iter()
            .map(Permission::as_str)
            .collect();
        queries::insert(tx, tenant, id, role.key(), role.name(), &permissions).await?;
        if role == BuiltinRole::Owner {
            owner = id;
        }
    }
    Ok(owner)
}
