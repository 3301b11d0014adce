//! Who asks: the person (or the system) behind a use case, and what they may.

use std::collections::BTreeSet;
use std::net::IpAddr;

use uuid::Uuid;

use crate::error::{DomainError, Result};
use crate::ids::{ApiTokenId, SessionId, TenantId, UserId};

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
    /// The file of a report, with everybody's address in it.
    ReportsExport = "reports.export",
    /// Settings that decide who gets in: log-out times, password rules, networks.
    SecurityManage = "security.manage",
    RolesManage = "roles.manage",
    TokensManage = "tokens.manage",
    /// What is the owner's alone: making owners, closing the company's account.
    TenantOwn = "tenant.own",
    /// The trace: who did and who looked at what.
    AuditRead = "audit.read",
    /// Who is told of what happens, and with which secret.
    WebhooksManage = "webhooks.manage",
    /// One person's data taken out for good.
    ContactsErase = "contacts.erase",
    /// Let the operator's staff look at the tenant's data for some hours.
    SupportGrant = "support.grant",
}

impl Permission {
    /// Whether an API token may have it. Who gets in, and what they may, is for
    /// persons to decide: a token that leaks must not make itself at home.
    #[must_use]
    pub fn is_for_tokens(self) -> bool {
        match self {
            Self::ContactsRead
            | Self::ContactsWrite
            | Self::ContactsExport
            | Self::ListsWrite
            | Self::MailsRead
            | Self::MailsWrite
            | Self::CampaignsRead
            | Self::CampaignsWrite
            | Self::CampaignsSend
            | Self::ReportsRead
            | Self::ReportsExport
            | Self::SettingsRead
            | Self::SettingsWrite => true,
            Self::UsersManage
            | Self::SecurityManage
            | Self::RolesManage
            | Self::TokensManage
            | Self::TenantOwn
            | Self::AuditRead
            | Self::WebhooksManage
            | Self::ContactsErase
            | Self::SupportGrant => false,
        }
    }

    /// What it allows, in a line.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::ContactsRead => "Read contacts, their fields, lists and history",
            Self::ContactsWrite => "Add, change, import and delete contacts",
            Self::ContactsExport => "Export contacts as a file",
            Self::ListsWrite => "Make and change lists, and who is in them",
            Self::MailsRead => "Read mails and templates",
            Self::MailsWrite => "Write mails and templates, test sends",
            Self::CampaignsRead => "Read campaigns, sequences and what became of each mail",
            Self::CampaignsWrite => "Prepare campaigns and sequences",
            Self::CampaignsSend => "Send, schedule, pause and stop; transactional mails",
            Self::ReportsRead => "Read reports",
            Self::ReportsExport => "Export reports, with addresses, as a file",
            Self::SettingsRead => "Read settings, users and roles",
            Self::SettingsWrite => "Change settings, sender domains, routes and limits",
            Self::UsersManage => "Add, change and disable users",
            Self::SecurityManage => "Change security settings",
            Self::RolesManage => "Make and change roles",
            Self::TokensManage => "Make, rotate and revoke API tokens",
            Self::TenantOwn => "Make owners, close the account",
            Self::AuditRead => "Read who did and who looked at what",
            Self::WebhooksManage => "Make and change webhooks",
            Self::ContactsErase => "Erase a person's data for good",
            Self::SupportGrant => "Let the operator's staff look at data for some hours",
        }
    }

    /// Whether a role of the tenant's own may have it.
    #[must_use]
    pub fn is_for_own_roles(self) -> bool {
        self != Self::TenantOwn
    }
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
    /// A program with an API token.
    Token,
}

impl ActorKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::System => "system",
            Self::Operator => "operator",
            Self::Public => "public",
            Self::Token => "token",
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
    pub token_id: Option<ApiTokenId>,
    pub permissions: BTreeSet<Permission>,
    /// The person's password has expired, or somebody else knows it: until
    /// they change it they may do nothing that needs a permission.
    pub must_change_password: bool,
    pub ip: Option<IpAddr>,
    pub request_id: Option<String>,
    /// Whether it proved who it is within the last minutes, as dangerous
    /// actions want it (decision 0040). What is no person always did.
    pub stepped_up: bool,
    /// A person without the second factor that the tenant wants of all: may
    /// set one up and nothing else.
    pub must_enrol: bool,
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
            token_id: None,
            permissions,
            must_change_password: false,
            ip: None,
            request_id: None,
            stepped_up: true,
            must_enrol: false,
        }
    }

    /// # Errors
    /// [`DomainError::Refused`] while the password has to be changed: before that
    /// nobody knows that it is the person, and not who gave them the password.
    pub fn require_own_password(&self) -> Result<()> {
        if !self.must_change_password {
            return Ok(());
        }
        Err(DomainError::Refused {
            code: "password_expired",
            detail: "your password has expired or was given to you: change it first".to_owned(),
        })
    }

    /// # Errors
    /// [`DomainError::Forbidden`] without the permission,
    /// [`DomainError::Refused`] while the password has to be changed.
    pub fn require(&self, permission: Permission) -> Result<()> {
        self.require_own_password()?;
        if self.permissions.contains(&permission) {
            Ok(())
        } else {
            Err(DomainError::Forbidden {
                permission: permission.as_str(),
            })
        }
    }
    /// The person or token that acts.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        self.user_id.map(|id| id.0).or(self.token_id.map(|id| id.0))
    }

    /// Nobody gives what they do not have themselves, and nobody changes who
    /// has more: otherwise the right to manage would be the right to everything.
    ///
    /// # Errors
    /// [`DomainError::Refused`] that names what the actor lacks.
    pub fn require_at_least(&self, permissions: &BTreeSet<Permission>) -> Result<()> {
        let lacking: Vec<&str> = permissions
            .difference(&self.permissions)
            .map(|permission| permission.as_str())
            .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        Err(DomainError::Refused {
            code: "beyond_own_permissions",
            detail: format!(
                "this is about permissions that you do not have yourself: {}",
                lacking.join(", ")
            ),
        })
    }

    /// # Errors
    /// [`DomainError::Refused`] when the last proof of who it is was too long ago.
    pub fn require_step_up(&self) -> Result<()> {
        if self.stepped_up {
            return Ok(());
        }
        Err(DomainError::Refused {
            code: "step_up_required",
            detail: "prove once more who you are (POST /v1/auth/step-up), and send it again"
                .to_owned(),
        })
    }

    /// # Errors
    /// [`DomainError::Refused`] for a person who has to set up a second factor first.
    pub fn require_enrolled(&self) -> Result<()> {
        if !self.must_enrol {
            return Ok(());
        }
        Err(DomainError::Refused {
            code: "second_factor_required",
            detail: "your company wants a second factor of all: set one up first".to_owned(),
        })
    }
}
