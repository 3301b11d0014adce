//! Webhooks: addresses of a tenant that are told what happens, signed after
//! Standard Webhooks. The outbox ([`outbox`]) becomes messages, a mailer sends
//! them ([`work`]), people look at what became of them ([`log`]).

pub mod log;
pub mod outbox;
mod queries;
mod retry;
pub mod sign;
mod sweep;
mod topic;
pub mod work;

pub use topic::{TEST, Topic};

pub(crate) use sweep::{MESSAGE_DAYS, sweep};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;

use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::egress::Rules;
use crate::error::{DomainError, Result, Validation};
use crate::ids::WebhookId;
use crate::schema::webhook;
use crate::secret::Keys;
use crate::text_enum::text_enum;
use sign::Secret;

/// Most webhooks of a tenant.
pub const MOST: i64 = 10;
/// How long the secret before the last rotation signs too.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);
/// Longest description.
pub const MAX_DESCRIPTION: usize = 200;

text_enum! {
    /// Where a message stands.
    pub enum State {
        Pending = "pending",
        Delivered = "delivered",
        Failed = "failed",
    }
}

text_enum! {
    /// Why a message is not tried any more.
    pub enum FailReason {
        /// For three days.
        GivenUp = "given_up",
        /// 410.
        Gone = "gone",
    }
}

text_enum! {
    /// Why the service turned a webhook off.
    pub enum DisabledReason {
        /// It answered 410.
        Gone = "gone",
        /// For three days nothing went through.
        Failing = "failing",
    }
}

/// A webhook, without its secret.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = webhook)]
pub struct Webhook {
    pub id: WebhookId,
    pub url: String,
    pub description: String,
    #[diesel(deserialize_as = Topics)]
    pub events: Vec<Topic>,
    pub enabled: bool,
    pub disabled_reason: Option<DisabledReason>,
    /// Until when the secret before signs too.
    pub old_secret_until: Option<DateTime<Utc>>,
    /// Requests in a row that failed, since when, and until when it rests.
    #[serde(skip)]
    pub failures: i32,
    #[serde(skip)]
    pub failing_since: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub retry_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub last_error: Option<String>,
    #[serde(skip)]
    pub last_failure_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub last_success_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// Topics as the database keeps them; words of a later version are passed over.
pub struct Topics(Vec<Option<String>>);

impl<DB>
    diesel::deserialize::Queryable<
        diesel::sql_types::Array<diesel::sql_types::Nullable<diesel::sql_types::Text>>,
        DB,
    > for Topics
where
    DB: diesel::backend::Backend,
    Vec<Option<String>>: diesel::deserialize::FromSql<
            diesel::sql_types::Array<diesel::sql_types::Nullable<diesel::sql_types::Text>>,
            DB,
        >,
{
    type Row = Vec<Option<String>>;

    fn build(row: Self::Row) -> diesel::deserialize::Result<Self> {
        Ok(Self(row))
    }
}

impl From<Topics> for Vec<Topic> {
    fn from(words: Topics) -> Self {
        let words = words.0.iter().flatten();
        words.filter_map(|word| Topic::parse(word)).collect()
    }
}

/// A webhook to be made.
#[derive(Debug)]
pub struct NewWebhook {
    pub url: String,
    pub description: String,
    pub events: Vec<Topic>,
    pub enabled: bool,
}

/// A change; `None` stays.
#[derive(Debug, Default)]
pub struct WebhookChange {
    pub url: Option<String>,
    pub description: Option<String>,
    pub events: Option<Vec<Topic>>,
    pub enabled: Option<bool>,
}

/// Refuses what can't work; takes an event that is named twice once.
fn check(rules: &Rules, new: &mut NewWebhook) -> Result<()> {
    let mut v = Validation::default();
    v.keep("/url", rules.target(&new.url));
    v.length("/description", &new.description, 0, MAX_DESCRIPTION);
    new.events.sort_unstable();
    new.events.dedup();
    if new.events.is_empty() {
        v.add("/events", "required", "name at least one event");
    }
    v.finish()
}

/// Adds a webhook; answers it with its secret, which is never shown again.
///
/// # Errors
/// [`DomainError::Forbidden`] also for an event that the actor may not read, [`DomainError::Refused`] without step-up,
/// [`DomainError::Invalid`], [`DomainError::Conflict`] beyond [`MOST`].
pub async fn create(
    db: &Db,
    keys: &Keys,
    rules: &Rules,
    actor: &Actor,
    mut new: NewWebhook,
) -> Result<(Webhook, SecretString)> {
    actor.require(Permission::WebhooksManage)?;
    actor.require_step_up()?;
    check(rules, &mut new)?;
    topic::require_all(actor, &new.events)?;
    let (id, secret) = (WebhookId::new(), Secret::new());
    let sealed = secret.seal(keys, actor.tenant_id, id)?;
    let now = db.now();
    let made = db
        .tenant(actor.tenant_id, async |tx| {
            if queries::count_locked(tx, actor.tenant_id).await? >= MOST {
                return Err(DomainError::conflict(
                    "too_many_webhooks",
                    format!("there are {MOST} webhooks already: delete one first"),
                ));
            }
            queries::insert(tx, actor, id, &new, &sealed, now).await?;
            let made = queries::find(tx, actor.tenant_id, id).await?;
            note(tx, actor, "webhook.created", None, Some(&made)).await?;
            Ok(made)
        })
        .await?;
    Ok((made, secret.show()))
}

/// All of them, the oldest first.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub async fn list(db: &Db, actor: &Actor) -> Result<Vec<Webhook>> {
    actor.require(Permission::WebhooksManage)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::all(tx, actor.tenant_id).await
    })
    .await
}

/// One of them.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: WebhookId) -> Result<Webhook> {
    actor.require(Permission::WebhooksManage)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::find(tx, actor.tenant_id, id).await
    })
    .await
}

/// Changes a webhook of version `version`. One that is turned on, or gets another
/// address, begins with a clean slate; what waits goes to where it leads now.
///
/// # Errors
/// [`DomainError::Forbidden`] also for an event that the actor may not read, [`DomainError::Refused`] without step-up
/// for more than a description, [`DomainError::Invalid`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn update(
    db: &Db,
    rules: &Rules,
    actor: &Actor,
    id: WebhookId,
    version: i32,
    change: WebhookChange,
) -> Result<Webhook> {
    actor.require(Permission::WebhooksManage)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    db.tenant(tenant, async |tx| {
        queries::hold(tx, tenant, id).await?;
        let before = queries::find(tx, tenant, id).await?;
        let mut merged = NewWebhook {
            url: change.url.unwrap_or_else(|| before.url.clone()),
            description: change
                .description
                .unwrap_or_else(|| before.description.clone()),
            events: change.events.unwrap_or_else(|| before.events.clone()),
            enabled: change.enabled.unwrap_or(before.enabled),
        };
        check(rules, &mut merged)?;
        require_change(actor, &before, &merged)?;
        if !queries::update(tx, tenant, id, version, &merged, now).await? {
            return Err(DomainError::Stale);
        }
        if merged.url != before.url || merged.enabled != before.enabled {
            queries::forgive(tx, tenant, id).await?;
        }
        work::settle(tx, tenant, id).await?;
        crate::signal::publish(tx, crate::signal::Signal::Webhooks).await?;
        let after = queries::find(tx, tenant, id).await?;
        note(tx, actor, "webhook.updated", Some(&before), Some(&after)).await?;
        Ok(after)
    })
    .await
}

/// Who is told of what is as dangerous to change as to begin with. Telling less
/// takes no right to read what is told no more.
fn require_change(actor: &Actor, before: &Webhook, after: &NewWebhook) -> Result<()> {
    let another_place = after.url != before.url || (after.enabled && !before.enabled);
    let is_same =
        !another_place && after.enabled == before.enabled && after.events == before.events;
    if is_same {
        return Ok(());
    }
    actor.require_step_up()?;
    let told = after.events.iter().copied();
    let more = told.filter(|topic| another_place || !before.events.contains(topic));
    topic::require_all(actor, &more.collect::<Vec<_>>())
}

/// Takes a webhook away with all that waits for it.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn delete(db: &Db, actor: &Actor, id: WebhookId, version: i32) -> Result<()> {
    actor.require(Permission::WebhooksManage)?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::hold(tx, actor.tenant_id, id).await?;
        let before = queries::find(tx, actor.tenant_id, id).await?;
        if !queries::delete(tx, actor.tenant_id, id, version).await? {
            return Err(DomainError::Stale);
        }
        note(tx, actor, "webhook.deleted", Some(&before), None).await
    })
    .await
}

/// Makes a new secret and shows it once. The one before signs too for
/// [`OVERLAP`], so that the receiver can change over; after another rotation
/// meanwhile the older one is forgotten.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn rotate_secret(
    db: &Db,
    keys: &Keys,
    actor: &Actor,
    id: WebhookId,
) -> Result<(Webhook, SecretString)> {
    actor.require(Permission::WebhooksManage)?;
    actor.require_step_up()?;
    let secret = Secret::new();
    let sealed = secret.seal(keys, actor.tenant_id, id)?;
    let now = db.now();
    let after = db
        .tenant(actor.tenant_id, async |tx| {
            queries::hold(tx, actor.tenant_id, id).await?;
            let before = queries::find(tx, actor.tenant_id, id).await?;
            queries::rotate(tx, actor.tenant_id, id, &sealed, now + OVERLAP, now).await?;
            let after = queries::find(tx, actor.tenant_id, id).await?;
            note(
                tx,
                actor,
                "webhook.secret_rotated",
                Some(&before),
                Some(&after),
            )
            .await?;
            Ok(after)
        })
        .await?;
    Ok((after, secret.show()))
}

async fn note(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &str,
    before: Option<&Webhook>,
    after: Option<&Webhook>,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "webhook",
        subject_id: after.or(before).map(|w| w.id.0),
        before: before.map(|w| json!(w)),
        after: after.map(|w| json!(w)),
    };
    audit::record(tx, actor, entry).await
}
