//! Who asks: the person (or the system) behind a use case, and what they may.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::error::{DomainError, Result};
use crate::ids::{SessionId, TenantId, UserId};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// What a role allows. The same words are the scopes of API tokens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $($(#[$doc])* $name,)+
        }

        impl Permission {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable name, as it stands in roles, tokens and documents.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The permission of that name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

permissions! {
    ContactsRead = "contacts.read",
    ContactsWrite = "contacts.write",
    ContactsExport = "contacts.export",
    ListsWrite = "lists.write",
    MailsRead = "mails.read",
    MailsWrite = "mails.write",
    CampaignsRead = "campaigns.read",
    CampaignsWrite = "campaigns.write",
    /// "May edit but not send" is a role without it.
    CampaignsSend = "campaigns.send",
    ReportsRead = "reports.read",
    SettingsRead = "settings.read",
    SettingsWrite = "settings.write",
    UsersManage = "users.manage",
    /// Let the operator's staff look at the tenant's data for some hours.
    SupportGrant = "support.grant",
}

/// What kind of being acts, as the audit log names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    User,
    System,
    /// Staff of the operator, through their console or the command line.
    Operator,
    /// Somebody without log-in: a recipient on the cancel page.
    Public,
}

impl ActorKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::System => "system",
            Self::Operator => "operator",
            Self::Public => "public",
        }
    }
}

/// Who acts in which tenant.
#[derive(Debug, Clone)]
pub struct Actor {
    pub kind: ActorKind,
    pub tenant_id: TenantId,
    pub user_id: Option<UserId>,
    pub session_id: Option<SessionId>,
    pub permissions: BTreeSet<Permission>,
    pub ip: Option<IpAddr>,
    pub request_id: Option<String>,
}

impl Actor {
    /// The service itself, for jobs and schedules: may do all.
    #[must_use]
    pub fn system(tenant_id: TenantId) -> Self {
        Self::unattended(
            ActorKind::System,
            tenant_id,
            Permission::ALL.iter().copied().collect(),
        )
    }

    /// The operator's command line: may do all.
    #[must_use]
    pub fn operator(tenant_id: TenantId) -> Self {
        Self::unattended(
            ActorKind::Operator,
            tenant_id,
            Permission::ALL.iter().copied().collect(),
        )
    }

    /// A recipient who holds a signed link: has no permission at all, only
    /// use cases made for them take one.
    #[must_use]
    pub fn public(tenant_id: TenantId) -> Self {
        Self::unattended(ActorKind::Public, tenant_id, BTreeSet::new())
    }

    fn unattended(kind: ActorKind, tenant_id: TenantId, permissions: BTreeSet<Permission>) -> Self {
        Self {
            kind,
            tenant_id,
            user_id: None,
            session_id: None,
            permissions,
            ip: None,
            request_id: None,
        }
    }

    /// # Errors
    /// [`DomainError::Forbidden`] without the permission.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.permissions.contains(&permission) {
            Ok(())
        } else {
            Err(DomainError::Forbidden {
                permission: permission.as_str(),
            })
        }
    }
}
