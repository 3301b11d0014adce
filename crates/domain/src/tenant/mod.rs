//! Tenants: the customer companies.

pub mod network;
mod queries;
pub mod usage;

use chrono::{DateTime, NaiveTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use serde_json::json;

use crate::actor::{Actor, ActorKind, Permission};
use crate::audit;
use crate::campaign::hours::Span;
use crate::db::Db;
use crate::delivery::queue;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{TenantId, UserId};
use crate::role;
use crate::schema::tenant;
use crate::session::password::Hasher;
use crate::session::password::policy::{MAX_HISTORY, MAX_MIN_LENGTH, MIN_LENGTH, Policy};
use crate::user::{self, NewUser, PreparedUser};

pub use network::Networks;
pub(crate) use queries::{find, lock};

/// A tenant with its settings.
#[derive(Debug, Clone, Queryable, QueryableByName, Selectable, Serialize)]
#[diesel(table_name = tenant)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
    pub state: String,
    /// IANA name, for example `Asia/Tokyo`.
    pub time_zone: String,
    pub locale: String,
    /// Minutes without activity after which a session ends, 5 to 1440.
    pub idle_minutes: i32,
    pub legal_sender_name: String,
    pub legal_postal_address: String,
    pub legal_contact: String,
    /// Soft bounces in a row after which a contact is stopped, 1 to 10; `None` never.
    pub soft_bounce_limit: Option<i16>,
    /// Campaigns go out between these times of day; neither: at any time.
    pub send_from: Option<NaiveTime>,
    pub send_until: Option<NaiveTime>,
    /// Most campaigns for one person within `cap_days`; neither: no limit.
    pub cap_mails: Option<i16>,
    pub cap_days: Option<i16>,
    /// Who has no second factor may do nothing but set one up.
    pub second_factor_required: bool,
    /// Sending to more people wants a fresh proof of who sends; `None` never.
    pub step_up_people: Option<i32>,
    pub password_min_length: i16,
    /// So many last passwords of a person are not taken again; 0: any.
    pub password_history_length: i16,
    /// 1, 3, 6 or 12; `None`: passwords don't expire.
    pub password_expiry_months: Option<i16>,
    /// Where people may come from; empty: from everywhere.
    pub allowed_networks: Networks,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

impl Tenant {
    /// The settings that protect the tenant: a change wants step-up.
    fn security(&self) -> impl PartialEq {
        (
            (
                self.idle_minutes,
                self.second_factor_required,
                self.step_up_people,
            ),
            (
                self.password_min_length,
                self.password_history_length,
                self.password_expiry_months,
            ),
            self.allowed_networks.clone(),
        )
    }

    /// When campaigns go out, unless they have hours of their own.
    #[must_use]
    pub fn hours(&self) -> Option<Span> {
        Span::of(self.send_from, self.send_until)
    }
}

/// A change of settings; `None` leaves a value as it is.
#[derive(Debug, Clone, Default, AsChangeset)]
#[diesel(table_name = tenant)]
pub struct TenantChange {
    pub name: Option<String>,
    pub time_zone: Option<String>,
    pub locale: Option<String>,
    pub idle_minutes: Option<i32>,
    pub legal_sender_name: Option<String>,
    pub legal_postal_address: Option<String>,
    pub legal_contact: Option<String>,
    /// `Some(None)` switches the limit off.
    pub soft_bounce_limit: Option<Option<i16>>,
    /// Inner `None` takes the limit away; given with `send_until`, as with the next two.
    pub send_from: Option<Option<NaiveTime>>,
    pub send_until: Option<Option<NaiveTime>>,
    pub cap_mails: Option<Option<i16>>,
    pub cap_days: Option<Option<i16>>,
    pub second_factor_required: Option<bool>,
    /// Inner `None`: never.
    pub step_up_people: Option<Option<i32>>,
    pub password_min_length: Option<i16>,
    pub password_history_length: Option<i16>,
    /// `Some(None)`: passwords don't expire.
    pub password_expiry_months: Option<Option<i16>>,
    pub allowed_networks: Option<Networks>,
}

impl TenantChange {
    fn check(&self) -> Result<()> {
        let mut v = Validation::default();
        if let Some(name) = &self.name {
            v.length("/name", name, 1, 200);
            v.plain_name("/name", name);
        }
        if let Some(zone) = &self.time_zone
            && zone.parse::<chrono_tz::Tz>().is_err()
        {
            v.add(
                "/time_zone",
                "unknown",
                "is no IANA time zone, for example Asia/Tokyo",
            );
        }
        if let Some(locale) = &self.locale
            && !matches!(locale.as_str(), "ja" | "en")
        {
            v.add("/locale", "unknown", "must be ja or en");
        }
        if let Some(minutes) = self.idle_minutes
            && !(5..=1440).contains(&minutes)
        {
            v.add("/idle_minutes", "out_of_range", "must be 5 to 1440 minutes");
        }
        if let Some(Some(people)) = self.step_up_people
            && !(1..=100_000_000).contains(&people)
        {
            let detail = "must be 1 to 100000000, or null for never";
            v.add("/step_up_people", "out_of_range", detail);
        }
        if let Some(Some(limit)) = self.soft_bounce_limit
            && !(1..=10).contains(&limit)
        {
            let detail = "must be 1 to 10, or null for never";
            v.add("/soft_bounce_limit", "out_of_range", detail);
        }
        for (pointer, number, most) in [
            ("/frequency_cap/mails", self.cap_mails, 100),
            ("/frequency_cap/days", self.cap_days, 90),
        ] {
            if let Some(Some(number)) = number
                && !(1..=most).contains(&number)
            {
                v.add(pointer, "out_of_range", format!("must be 1 to {most}"));
            }
        }
        self.check_security(&mut v);
        for (pointer, text) in [
            ("/legal/sender_name", &self.legal_sender_name),
            ("/legal/postal_address", &self.legal_postal_address),
            ("/legal/contact", &self.legal_contact),
        ] {
            if let Some(text) = text {
                v.length(pointer, text, 0, 500);
            }
        }
        v.finish()
    }

    fn check_security(&self, v: &mut Validation) {
        for (pointer, number, least, most) in [
            (
                "/password_policy/min_length",
                self.password_min_length,
                MIN_LENGTH,
                MAX_MIN_LENGTH,
            ),
            (
                "/password_policy/history",
                self.password_history_length,
                0,
                MAX_HISTORY,
            ),
        ] {
            if let Some(number) = number
                && !(least..=most).contains(&number)
            {
                v.add(
                    pointer,
                    "out_of_range",
                    format!("must be {least} to {most}"),
                );
            }
        }
        if let Some(Some(months)) = self.password_expiry_months
            && ![1, 3, 6, 12].contains(&months)
        {
            let detail = "must be 1, 3, 6 or 12, or null for never";
            v.add("/password_policy/expiry_months", "unknown", detail);
        }
    }
}

/// What a person of a tenant that is suspended, or being erased, is told
/// wherever they come in.
pub(crate) fn require_active(state: &str) -> Result<()> {
    if state == "active" {
        return Ok(());
    }
    Err(DomainError::Refused {
        code: "tenant_suspended",
        detail: "this company's access is suspended: nobody can log in and nothing is sent. Ask the operator of the service".to_owned(),
    })
}

/// Makes a tenant with its builtin roles and its owner.
///
/// # Errors
/// [`DomainError::Invalid`] for the input, [`DomainError::Conflict`] when the login id is taken.
pub async fn create(
    db: &Db,
    hasher: &Hasher,
    name: &str,
    owner: NewUser,
) -> Result<(TenantId, UserId)> {
    let id = TenantId::new();
    let (owner, actor) = (prepare(hasher, id, name, owner).await?, Actor::operator(id));
    let user = db
        .tenant(id, async |tx| {
            insert_with_owner(tx, &actor, name, &owner).await
        })
        .await?;
    Ok((id, user))
}

/// What is slow of making a tenant, and what can be wrong with it.
///
/// # Errors
/// [`DomainError::Invalid`], [`DomainError::Overloaded`].
pub(crate) async fn prepare(
    hasher: &Hasher,
    id: TenantId,
    name: &str,
    owner: NewUser,
) -> Result<PreparedUser> {
    TenantChange {
        name: Some(name.to_owned()),
        ..TenantChange::default()
    }
    .check()?;
    user::check(owner)?
        .hashed(hasher, Policy::usual(name), id)
        .await
}

/// The actor's tenant, new, with its builtin roles and its owner.
///
/// # Errors
/// [`DomainError::Conflict`] when the login id is taken.
pub(crate) async fn insert_with_owner(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    name: &str,
    owner: &PreparedUser,
) -> Result<UserId> {
    let id = actor.tenant_id;
    queries::insert(tx, id, name).await?;
    let role = role::create_builtin(tx, id).await?;
    let role = (role, role::BuiltinRole::Owner.key());
    let user_id = user::insert(tx, actor, role, owner).await?;
    let entry = audit::Entry {
        action: "tenant.created",
        subject_kind: "tenant",
        subject_id: Some(id.0),
        after: Some(json!({ "name": name })),
        ..audit::Entry::default()
    };
    audit::record(tx, actor, entry).await?;
    Ok(user_id)
}

/// The actor's tenant. Its own people work by its settings whatever they may
/// (when mails go out, how long a password has to be); programs and staff are
/// shown them when they may read settings.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub async fn get(db: &Db, actor: &Actor) -> Result<Tenant> {
    if actor.kind != ActorKind::User {
        actor.require(Permission::SettingsRead)?;
    }
    db.tenant(actor.tenant_id, async |tx| find(tx, actor.tenant_id).await)
        .await
}

/// Changes settings of version `version`.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::Stale`].
pub async fn update(db: &Db, actor: &Actor, version: i32, change: TenantChange) -> Result<Tenant> {
    actor.require(Permission::SettingsWrite)?;
    change.check()?;
    if let Some(networks) = &change.allowed_networks {
        networks.check(actor.ip)?;
    }
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let before = find(tx, actor.tenant_id).await?;
        let after = queries::update(tx, actor.tenant_id, version, &change, now)
            .await?
            .ok_or(DomainError::Stale)?;
        if before.security() != after.security() {
            actor.require(Permission::SecurityManage)?;
            actor.require_step_up()?;
        }
        if (before.hours(), &before.time_zone) != (after.hours(), &after.time_zone) {
            queue::wake(tx, actor.tenant_id, now).await?;
        }
        audit::record(
            tx,
            actor,
            audit::Entry {
                action: "tenant.updated",
                subject_kind: "tenant",
                subject_id: Some(actor.tenant_id.0),
                before: serde_json::to_value(before).ok(),
                after: serde_json::to_value(&after).ok(),
            },
        )
        .await?;
        Ok(after)
    })
    .await
}
