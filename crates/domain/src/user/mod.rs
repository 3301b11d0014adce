//! Users: the persons of a tenant who log in.

mod change;
pub mod invitation;
pub mod link;
mod queries;
pub mod reset;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, FieldError, Result, Validation};
use crate::ids::{RoleId, TenantId, UserId};
use crate::page::{Page, PageRequest, time_key};
use crate::role;
use crate::schema::{role as role_table, user_account};
use crate::secret::{Keys, sha256};
use crate::session::password::policy::{self, Policy};
use crate::session::password::{Hasher, Who};
use crate::session::throttle;
use crate::tenant::{self, usage};

pub use change::{UserChange, update};
pub(crate) use queries::Credentials;
pub(crate) use queries::{credentials, find, find_home, note_login, permissions};

/// What a person types to log in: one across the installation, stored and
/// compared in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginId(String);

impl LoginId {
    /// 3 to 100 of `a-z 0-9 . _ - + @`.
    ///
    /// # Errors
    /// A field error that says what is allowed.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let id = text.trim().to_ascii_lowercase();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-+@".contains(c);
        if !(3..=100).contains(&id.len()) || !id.chars().all(allowed) {
            return Err(FieldError::new(
                "/login_id",
                "malformed",
                "must be 3 to 100 letters a-z, digits, or . _ - + @",
            ));
        }
        Ok(Self(id))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Key in `login_directory`.
    pub(crate) fn key(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }
}

/// A person, as shown to the tenant.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = user_account)]
pub struct User {
    pub id: UserId,
    pub login_id: String,
    pub display_name: String,
    pub email: String,
    pub locale: String,
    #[diesel(select_expression = role_table::key)]
    #[diesel(select_expression_type = role_table::key)]
    pub role: String,
    /// As the tenant calls it; of builtin roles the Japanese name.
    #[diesel(select_expression = role_table::name)]
    #[diesel(select_expression_type = role_table::name)]
    pub role_name: String,
    /// Has no password yet.
    #[diesel(select_expression = user_account::password_hash.is_null())]
    #[diesel(select_expression_type = diesel::dsl::IsNull<user_account::password_hash>)]
    pub invited: bool,
    pub disabled_at: Option<DateTime<Utc>>,
    pub last_login_at: Option<DateTime<Utc>>,
    pub password_changed_at: DateTime<Utc>,
    /// Somebody else knows it too.
    pub password_temporary: bool,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    /// Since when they have a second factor.
    pub second_factor_at: Option<DateTime<Utc>>,
}

/// A person to be made.
#[derive(Debug)]
pub struct NewUser {
    pub login_id: String,
    pub display_name: String,
    pub email: String,
    /// `ja` when none is given.
    pub locale: Option<String>,
    pub password: FirstPassword,
}

/// How a person comes by their first password.
#[derive(Debug)]
pub enum FirstPassword {
    /// They set it, by a link that is mailed to them.
    Invitation,
    /// It was made up by somebody, has to be changed first of all, and opens
    /// nothing after 72 hours.
    Temporary(SecretString),
    /// It is theirs already.
    Own(SecretString),
}

/// A [`NewUser`] that was checked.
#[derive(Debug)]
pub(crate) struct CheckedUser {
    login_id: LoginId,
    display_name: String,
    email: String,
    locale: String,
    password: FirstPassword,
}

/// A [`CheckedUser`] whose password was hashed outside any transaction.
#[derive(Debug)]
pub(crate) struct PreparedUser {
    login_id: LoginId,
    display_name: String,
    email: String,
    locale: String,
    password_hash: Option<String>,
    temporary: bool,
}

fn check_profile(
    v: &mut Validation,
    display_name: Option<&str>,
    email: Option<&str>,
    locale: Option<&str>,
) {
    if let Some(name) = display_name {
        v.length("/display_name", name, 1, 100);
        v.plain_name("/display_name", name);
    }
    if let Some(email) = email
        && (email.len() > 320
            || !email
                .split_once('@')
                .is_some_and(|(l, d)| !l.is_empty() && d.contains('.'))
            || email.chars().any(|c| c.is_whitespace() || c.is_control()))
    {
        v.add(
            "/email",
            "malformed",
            "is no mail address, for example hanako@example.co.jp",
        );
    }
    if let Some(locale) = locale
        && !matches!(locale, "ja" | "en")
    {
        v.add("/locale", "unknown", "must be ja or en");
    }
}

/// What can be said of a person without the database.
pub(crate) fn check(new: NewUser) -> Result<CheckedUser> {
    let mut v = Validation::default();
    let login_id = v.keep("/login_id", LoginId::parse(&new.login_id));
    if let Some(id) = &login_id {
        // Invitations show it.
        v.plain_name("/login_id", id.as_str());
    }
    let locale = new.locale.unwrap_or_else(|| "ja".to_owned());
    check_profile(
        &mut v,
        Some(&new.display_name),
        Some(&new.email),
        Some(&locale),
    );
    v.finish()?;
    let login_id =
        login_id.ok_or_else(|| DomainError::internal("a login id that passed its check"))?;
    Ok(CheckedUser {
        login_id,
        display_name: new.display_name,
        email: new.email,
        locale,
        password: new.password,
    })
}

impl CheckedUser {
    /// With the password hashed, to be asked for when nothing else stands in
    /// the way: a hash costs as much as a hundred requests.
    pub(crate) async fn hashed(
        self,
        hasher: &Hasher,
        policy: Policy,
        tenant: TenantId,
    ) -> Result<PreparedUser> {
        let (password, temporary) = match self.password {
            FirstPassword::Invitation => (None, false),
            FirstPassword::Temporary(password) => (Some(password), true),
            FirstPassword::Own(password) => (Some(password), false),
        };
        let password_hash = match password {
            Some(password) => {
                let policy =
                    policy.for_person(self.login_id.as_str(), &self.display_name, &self.email);
                let turn = hasher.enter(Who::Given(tenant))?;
                policy::check(&turn, &policy, &password, "/password").await?;
                Some(turn.hash(password).await?)
            }
            None => None,
        };
        Ok(PreparedUser {
            login_id: self.login_id,
            display_name: self.display_name,
            email: self.email,
            locale: self.locale,
            password_hash,
            temporary,
        })
    }
}

pub(crate) async fn insert(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    (role, key): (RoleId, &str),
    user: &PreparedUser,
) -> Result<UserId> {
    let id = UserId::new();
    queries::insert(tx, actor.tenant_id, id, role, user).await?;
    let how = match (&user.password_hash, user.temporary) {
        (None, _) => "invitation",
        (Some(_), true) => "temporary",
        (Some(_), false) => "own",
    };
    audit::record(
        tx,
        actor,
        audit::Entry {
            action: "user.created",
            subject_kind: "user",
            subject_id: Some(id.0),
            after: Some(json!({
                "login_id": user.login_id.as_str(), "email": user.email, "role": key, "password": how
            })),
            ..audit::Entry::default()
        },
    )
    .await?;
    Ok(id)
}

/// The role of that key, if the actor may give it to somebody.
async fn role_to_give(tx: &mut AsyncPgConnection, actor: &Actor, key: &str) -> Result<RoleId> {
    let found = role::find_by_key(tx, actor.tenant_id, key).await?;
    let (id, grant) = found.ok_or_else(|| {
        DomainError::invalid(
            "/role",
            "unknown",
            "is no role of this tenant: see the keys in GET /v1/roles",
        )
    })?;
    actor.require_at_least(&grant.permissions())?;
    Ok(id)
}

/// Whether the login id is nobody's yet. Each one that is in use counts: it may
/// be another company's.
async fn require_free(db: &Db, tenant: TenantId, login_id: &LoginId) -> Result<()> {
    let lanes = throttle::Lanes::login_ids(tenant);
    throttle::reserve(db, &lanes).await?;
    let home = db
        .system(async |tx| queries::find_home(tx, login_id).await)
        .await?;
    if home.is_some() {
        return Err(queries::login_id_taken());
    }
    throttle::release(db, &lanes).await
}

/// Adds a person, and mails them an invitation unless they have a password.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Refused`] without step-up, or for a role that allows more than the actor
/// may, [`DomainError::Invalid`], [`DomainError::Conflict`] for a login id in use or a quota that is used up,
/// [`DomainError::TooManyRequests`] after many login ids in use, [`DomainError::LimitReached`] for invitations,
/// [`DomainError::Overloaded`].
pub async fn create(
    db: &Db,
    hasher: &Hasher,
    keys: &Keys,
    actor: &Actor,
    role: &str,
    new: NewUser,
) -> Result<User> {
    actor.require(Permission::UsersManage)?;
    actor.require_step_up()?;
    let (checked, now) = (check(new)?, db.now());
    let policy = db
        .tenant(actor.tenant_id, async |tx| {
            role_to_give(tx, actor, role).await?;
            usage::require_user(tx, actor.tenant_id, now).await?;
            Ok(Policy::of(&tenant::find(tx, actor.tenant_id).await?))
        })
        .await?;
    require_free(db, actor.tenant_id, &checked.login_id).await?;
    let prepared = checked.hashed(hasher, policy, actor.tenant_id).await?;
    db.tenant(actor.tenant_id, async |tx| {
        let role_id = role_to_give(tx, actor, role).await?;
        let id = insert(tx, actor, (role_id, role), &prepared).await?;
        let user = queries::find(tx, actor.tenant_id, id).await?;
        if user.invited {
            invitation::send(tx, keys, actor, &user, now).await?;
        }
        Ok(user)
    })
    .await
}

/// Pages the people of the tenant, oldest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, actor: &Actor, page: &PageRequest) -> Result<Page<User>> {
    actor.require(Permission::SettingsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor("created_at")?);
    let after = cursor
        .map(|c| Ok::<_, DomainError>((c.time()?, c.id)))
        .transpose()?;
    let rows = db
        .tenant(actor.tenant_id, async |tx| {
            queries::page(tx, actor.tenant_id, after, limit + 1).await
        })
        .await?;
    Ok(Page::cut(rows, limit, "created_at", |u: &User| {
        (time_key(u.created_at), u.id.0)
    }))
}

/// One person.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: UserId) -> Result<User> {
    if actor.user_id != Some(id) {
        actor.require(Permission::SettingsRead)?;
    }
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await
    })
    .await
}

/// Changes one's own name or language.
///
/// # Errors
/// [`DomainError::Invalid`].
pub async fn update_self(
    db: &Db,
    actor: &Actor,
    display_name: Option<String>,
    locale: Option<String>,
) -> Result<User> {
    let mut v = Validation::default();
    check_profile(&mut v, display_name.as_deref(), None, locale.as_deref());
    v.finish()?;
    let id = actor
        .user_id
        .ok_or_else(|| DomainError::not_found("user"))?;
    let now = db.now();
    let row = queries::Row {
        display_name,
        locale,
        ..queries::Row::default()
    };
    db.tenant(actor.tenant_id, async |tx| {
        let before = queries::find(tx, actor.tenant_id, id).await?;
        queries::update(tx, actor.tenant_id, id, None, &row, now).await?;
        let after = queries::find(tx, actor.tenant_id, id).await?;
        let entry = audit::Entry {
            action: "user.updated",
            subject_kind: "user",
            subject_id: Some(id.0),
            before: serde_json::to_value(before).ok(),
            after: serde_json::to_value(&after).ok(),
        };
        audit::record(tx, actor, entry).await?;
        Ok(after)
    })
    .await
}
