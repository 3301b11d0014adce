//! Empty-mail sign-up (空メール登録): a mail to an address of the tenant's starts a
//! double opt-in.
//!
//! A mail that comes in ([`receive`]) makes a row that waits, and an answer with
//! a signed link: a transactional mail of the tenant's. The link's page
//! ([`confirm`]) makes the contact, the subscriptions and the entry in the
//! consent ledger; nothing else does. Why From is the person, and what is
//! never answered, stands in docs/decisions/0034.

mod answer;
pub mod confirm;
pub mod local_part;
pub mod people;
mod queries;
pub mod receive;
pub mod token;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde_json::json;

use self::local_part::LocalPart;
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::campaign::test_send::check_ways;
use crate::db::Db;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{ListId, MailId, SignupAddressId, TenantId};
use crate::list;
use crate::mail::render::Installation;
use crate::mail::{self, Mail};
use crate::schema::signup_address;

pub(crate) use queries::forget;

/// Sign-up addresses of a tenant.
pub const MAX: usize = 100;
/// Lists that one address leads to.
pub const MAX_LISTS: usize = 20;
/// Characters of what a person agrees to.
pub const MAX_WORDING: usize = 2000;
/// Most answers of one address in an hour; of all of a tenant's together.
pub const MAX_HOURLY: i32 = 5000;
/// Longest life of a link, in hours.
pub const MAX_HOURS: i16 = 168;
/// The merge field of the link.
pub const CONFIRM_URL: &str = "confirm_url";

/// A sign-up address.
#[derive(Debug, Clone)]
pub struct SignupAddress {
    pub id: SignupAddressId,
    /// What stands before the @; never changes, since it is printed somewhere.
    pub local_part: String,
    pub rule: Rule,
    /// Why the last mail to it could not be answered.
    pub problem: Option<String>,
    pub counts: Counts,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// How it works.
#[derive(Debug, Clone)]
pub struct Rule {
    pub name: String,
    /// The answer, with the merge field [`CONFIRM_URL`].
    pub mail_id: MailId,
    /// That people join.
    pub list_ids: Vec<ListId>,
    /// What a person agrees to; empty for the page's own sentence.
    pub wording: String,
    /// Without it mails to the address are refused.
    pub enabled: bool,
    /// Answers in an hour.
    pub hourly_limit: i32,
    /// How long a link holds.
    pub valid_hours: i16,
}

/// People of an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answered since it was made.
    pub asked: i64,
    /// Confirmed since it was made.
    pub confirmed: i64,
    /// May confirm now.
    pub pending: i64,
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = signup_address)]
struct Row {
    id: SignupAddressId,
    name: String,
    local_part: String,
    mail_id: MailId,
    wording: String,
    enabled: bool,
    hourly_limit: i32,
    valid_hours: i16,
    problem: Option<String>,
    asked_count: i64,
    confirmed_count: i64,
    version: i32,
    created_at: DateTime<Utc>,
}

impl Row {
    fn with(self, list_ids: Vec<ListId>, pending: i64) -> SignupAddress {
        SignupAddress {
            id: self.id,
            local_part: self.local_part,
            rule: Rule {
                name: self.name,
                mail_id: self.mail_id,
                list_ids,
                wording: self.wording,
                enabled: self.enabled,
                hourly_limit: self.hourly_limit,
                valid_hours: self.valid_hours,
            },
            problem: self.problem,
            counts: Counts {
                asked: self.asked_count,
                confirmed: self.confirmed_count,
                pending,
            },
            version: self.version,
            created_at: self.created_at,
        }
    }
}

impl Rule {
    /// What can be told without the database.
    fn check_values(&self) -> Result<()> {
        let mut v = Validation::default();
        v.length("/name", self.name.trim(), 1, 200);
        v.length("/wording", &self.wording, 0, MAX_WORDING);
        if !(1..=MAX_HOURLY).contains(&self.hourly_limit) {
            v.add(
                "/hourly_limit",
                "out_of_range",
                format!("must be 1 to {MAX_HOURLY}"),
            );
        }
        if !(1..=MAX_HOURS).contains(&self.valid_hours) {
            v.add(
                "/valid_hours",
                "out_of_range",
                format!("must be 1 to {MAX_HOURS}"),
            );
        }
        if self.list_ids.len() > MAX_LISTS {
            v.add("/list_ids", "too_many", format!("at most {MAX_LISTS}"));
        }
        v.finish()
    }

    /// What an address that is on could trip over with each mail is told now.
    async fn check(
        &self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        installation: &Installation,
        now: DateTime<Utc>,
    ) -> Result<()> {
        list::require_all(tx, tenant, &self.list_ids, "/list_ids").await?;
        let mail = find_mail(tx, tenant, self.mail_id).await?;
        let around = mail::surroundings(tx, tenant, installation, now).await?;
        answer::compile(&mail, around).map_err(|error| DomainError::Invalid(vec![error]))?;
        if self.enabled {
            check_ways(tx, tenant, &mail.content.sender_address).await?;
        }
        Ok(())
    }
}

async fn find_mail(tx: &mut AsyncPgConnection, tenant: TenantId, id: MailId) -> Result<Mail> {
    match mail::find(tx, tenant, id).await {
        Err(DomainError::NotFound { .. }) => Err(DomainError::invalid(
            "/mail_id",
            "unknown",
            "there is no such mail",
        )),
        found => found,
    }
}

/// What an address that is on does goes out without another question.
fn require(actor: &Actor, enabled: bool) -> Result<()> {
    actor.require(Permission::ContactsWrite)?;
    if enabled {
        actor.require(Permission::CampaignsSend)?;
    }
    Ok(())
}

/// All sign-up addresses, the newest first.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub async fn list(db: &Db, actor: &Actor) -> Result<Vec<SignupAddress>> {
    actor.require(Permission::ContactsRead)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let rows = queries::all(tx, tenant).await?;
        let mut lists = queries::lists_of_all(tx, tenant).await?;
        let pending = queries::pending_of_all(tx, tenant, now).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let lists = lists.remove(&row.id).unwrap_or_default();
                let pending = pending.get(&row.id).copied().unwrap_or(0);
                row.with(lists, pending)
            })
            .collect())
    })
    .await
}

async fn load(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SignupAddressId,
    now: DateTime<Utc>,
) -> Result<SignupAddress> {
    let row = queries::find(tx, tenant, id).await?;
    let lists = queries::lists_of(tx, tenant, id).await?;
    let pending = queries::pending_of(tx, tenant, id, now).await?;
    Ok(row.with(lists, pending))
}

/// One sign-up address.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: SignupAddressId) -> Result<SignupAddress> {
    actor.require(Permission::ContactsRead)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| load(tx, tenant, id, now).await)
        .await
}

/// Makes a sign-up address; without `local_part` one that nobody can guess.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::Conflict`] for a local part in use, for the 101st,
/// and for one that is on without a route or sender domain.
pub async fn create(
    db: &Db,
    actor: &Actor,
    installation: &Installation,
    local_part: Option<&str>,
    rule: Rule,
) -> Result<SignupAddress> {
    require(actor, rule.enabled)?;
    rule.check_values()?;
    let mut v = Validation::default();
    let local_part = match local_part {
        Some(text) => v.keep("/local_part", LocalPart::parse(text)),
        None => Some(LocalPart::random()),
    };
    v.finish()?;
    let local_part =
        local_part.ok_or_else(|| DomainError::internal("a name that passed its check"))?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        rule.check(tx, tenant, installation, now).await?;
        if queries::all(tx, tenant).await?.len() >= MAX {
            return Err(DomainError::conflict(
                "too_many",
                format!("there are {MAX} sign-up addresses already"),
            ));
        }
        let id = SignupAddressId::new();
        queries::insert(tx, tenant, id, &local_part, &rule, actor.user_id).await?;
        queries::set_lists(tx, tenant, id, &rule.list_ids).await?;
        record(
            tx,
            actor,
            "signup_address.created",
            id,
            local_part.as_str(),
            &rule,
        )
        .await?;
        load(tx, tenant, id, now).await
    })
    .await
}

/// Changes a sign-up address of version `version`; its local part stays.
///
/// # Errors
/// As [`create`], and [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn update(
    db: &Db,
    actor: &Actor,
    installation: &Installation,
    id: SignupAddressId,
    version: i32,
    rule: Rule,
) -> Result<SignupAddress> {
    require(actor, rule.enabled)?;
    rule.check_values()?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        let before = queries::lock(tx, tenant, id).await?;
        require(actor, before.enabled)?;
        if before.version != version {
            return Err(DomainError::Stale);
        }
        rule.check(tx, tenant, installation, now).await?;
        queries::update(tx, tenant, id, version, &rule, now).await?;
        queries::set_lists(tx, tenant, id, &rule.list_ids).await?;
        record(
            tx,
            actor,
            "signup_address.updated",
            id,
            &before.local_part,
            &rule,
        )
        .await?;
        load(tx, tenant, id, now).await
    })
    .await
}

/// Deletes a sign-up address of version `version`, and with it who has not
/// confirmed yet. Contacts and their consents stay.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn delete(db: &Db, actor: &Actor, id: SignupAddressId, version: i32) -> Result<()> {
    actor.require(Permission::ContactsWrite)?;
    let tenant = actor.tenant_id;
    db.tenant(tenant, async |tx| {
        let before = queries::lock(tx, tenant, id).await?;
        if before.version != version {
            return Err(DomainError::Stale);
        }
        queries::delete(tx, tenant, id).await?;
        let (local_part, rule) = (before.local_part.clone(), before.with(Vec::new(), 0).rule);
        record(tx, actor, "signup_address.deleted", id, &local_part, &rule).await
    })
    .await
}

async fn record(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &'static str,
    id: SignupAddressId,
    local_part: &str,
    rule: &Rule,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "signup_address",
        subject_id: Some(id.0),
        after: Some(json!({
            "local_part": local_part, "name": rule.name, "mail_id": rule.mail_id, "list_ids": rule.list_ids,
            "wording": rule.wording, "enabled": rule.enabled, "hourly_limit": rule.hourly_limit, "valid_hours": rule.valid_hours
        })),
        ..audit::Entry::default()
    };
    audit::record(tx, actor, entry).await
}
