//! Sender domains: what a tenant sends from, with the keys that sign. What DNS
//! says of them is asked by a person ([`check()`]) and daily by a mailer ([`watch`]).
//!
//! A key is *active* (signs), *waiting* (neither active nor retired: made by a
//! rotation, signs once its record is seen in DNS) or *retired* (kept, since
//! mails under way are checked against its record).

mod check;
pub mod dkim;
mod queries;
mod records;
pub mod return_path;
mod seen;
pub mod watch;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use serde_json::json;

use self::dkim::{Algorithm, Checked, GeneratedKey};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, FieldError, Result};
use crate::ids::{DkimKeyId, SenderDomainId, TenantId};
use crate::page::{Page, PageRequest};
use crate::schema::dkim_key;
use crate::secret::Keys;

pub use self::check::check;
pub use self::records::{DnsRecord, records};

/// A sender domain with its keys, active ones first.
#[derive(Debug, Clone, Serialize)]
pub struct SenderDomain {
    pub id: SenderDomainId,
    /// Lower-case ASCII.
    pub domain: String,
    pub keys: Vec<DkimKey>,
    pub spf: Seen,
    pub dmarc: Seen,
    /// Left of the domain: where its mails come back to, once that is seen in DNS.
    pub return_path_label: String,
    pub return_path: Seen,
    /// Its mail server or address, without which some receivers refuse its mails.
    pub host: Seen,
    /// When [`check`] asked last.
    pub checked_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// What [`check`] saw of a record.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    /// `unchecked`, `ok`, `missing` or `differs`.
    pub state: String,
    pub found: Option<String>,
    /// When a check first saw this state.
    pub since: Option<DateTime<Utc>>,
}

/// A key without its private half.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = dkim_key)]
pub struct DkimKey {
    pub id: DkimKeyId,
    pub selector: String,
    pub algorithm: String,
    /// Base64 as after `p=`.
    pub public_key: String,
    pub active: bool,
    /// `unchecked`, `ok`, `missing` or `differs`.
    pub checked_state: String,
    pub checked_at: Option<DateTime<Utc>>,
    /// When a check first saw this state.
    pub checked_since: Option<DateTime<Utc>>,
    pub retired_at: Option<DateTime<Utc>>,
}

impl DkimKey {
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::parse(&self.algorithm)
    }

    /// Made by a rotation, and not yet seen in DNS.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.active && self.retired_at.is_none()
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = dkim_key)]
struct SealedKey {
    id: DkimKeyId,
    selector: String,
    algorithm: String,
    private_key_sealed: Vec<u8>,
}

/// A key that signs, opened.
pub struct SigningKey {
    /// The `d=` tag.
    pub domain: String,
    pub selector: String,
    pub algorithm: Algorithm,
    /// PKCS#8 DER.
    pub private: Vec<u8>,
}

/// A domain that DNS can hold, in lower-case ASCII.
///
/// # Errors
/// A field error that says what is allowed.
pub fn parse_domain(text: &str) -> std::result::Result<String, FieldError> {
    let domain = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let number = domain
        .rsplit('.')
        .next()
        .is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()));
    if domain.len() <= 253 && domain.contains('.') && !number && domain.split('.').all(label) {
        return Ok(domain);
    }
    Err(FieldError::new(
        "/domain",
        "malformed",
        "is no domain, for example example.co.jp (xn--… for Japanese ones)",
    ))
}

/// The domain itself and those above it, nearest first: a key of `example.jp`
/// signs, aligned, for `mail.example.jp` (RFC 9989, relaxed alignment).
fn lineage(domain: &str) -> Vec<&str> {
    let above = domain.match_indices('.').map(|(i, _)| &domain[i + 1..]);
    std::iter::once(domain)
        .chain(above)
        .filter(|d| d.contains('.'))
        .collect()
}

async fn generate(now: DateTime<Utc>) -> Result<Vec<GeneratedKey>> {
    tokio::task::spawn_blocking(move || dkim::generate(now))
        .await
        .map_err(DomainError::internal)?
}

fn sealed(
    keys: &Keys,
    tenant: TenantId,
    domain: SenderDomainId,
    made: Vec<GeneratedKey>,
    active: bool,
) -> Result<Vec<queries::NewKey>> {
    made.into_iter()
        .map(|key| {
            let id = DkimKeyId::new();
            Ok(queries::NewKey {
                tenant_id: tenant,
                id,
                sender_domain_id: domain,
                selector: key.selector,
                algorithm: key.algorithm.as_str(),
                private_key_sealed: keys.seal(tenant, &place(id), &key.private)?,
                public_key: key.public,
                active,
            })
        })
        .collect()
}

fn place(key: DkimKeyId) -> String {
    format!("dkim_key:{key}")
}

async fn load(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    rows: Vec<queries::Row>,
) -> Result<Vec<SenderDomain>> {
    let ids: Vec<SenderDomainId> = rows.iter().map(|row| row.id).collect();
    let mut keys: HashMap<SenderDomainId, Vec<DkimKey>> = HashMap::new();
    for (domain, key) in queries::keys(tx, tenant, &ids).await? {
        keys.entry(domain).or_default().push(key);
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let keys = keys.remove(&row.id).unwrap_or_default();
            row.with_keys(keys)
        })
        .collect())
}

async fn load_one(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SenderDomainId,
) -> Result<SenderDomain> {
    let row = queries::find(tx, tenant, id).await?;
    with_keys(tx, tenant, row).await
}

async fn with_keys(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    row: queries::Row,
) -> Result<SenderDomain> {
    load(tx, tenant, vec![row])
        .await?
        .pop()
        .ok_or_else(|| DomainError::not_found("sender domain"))
}

/// Adds a domain with an RSA-2048 and an Ed25519 key. Both sign at once: a
/// mail with a signature that can't be checked yet is no worse than one without.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`], [`DomainError::Conflict`] when it is there already.
pub async fn create(db: &Db, keys: &Keys, actor: &Actor, domain: &str) -> Result<SenderDomain> {
    actor.require(Permission::SettingsWrite)?;
    let domain = parse_domain(domain).map_err(|error| DomainError::Invalid(vec![error]))?;
    let (tenant, id, now) = (actor.tenant_id, SenderDomainId::new(), db.now());
    let new_keys = sealed(keys, tenant, id, generate(now).await?, true)?;
    db.tenant(tenant, async |tx| {
        queries::insert(tx, tenant, id, &domain).await?;
        queries::insert_keys(tx, &new_keys).await?;
        watch::begin(tx, tenant, id, now).await?;
        let made = load_one(tx, tenant, id).await?;
        note(tx, actor, "sender_domain.created", None, Some(&made)).await?;
        Ok(made)
    })
    .await
}

/// Pages the domains by name.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the page.
pub async fn list(db: &Db, actor: &Actor, page: &PageRequest) -> Result<Page<SenderDomain>> {
    actor.require(Permission::SettingsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor("domain")?);
    let after = cursor.map(|c| (c.value, c.id));
    let domains = db
        .tenant(actor.tenant_id, async |tx| {
            let rows = queries::page(tx, actor.tenant_id, after, limit + 1).await?;
            load(tx, actor.tenant_id, rows).await
        })
        .await?;
    Ok(Page::cut(domains, limit, "domain", |d: &SenderDomain| {
        (d.domain.clone(), d.id.0)
    }))
}

/// One domain.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn get(db: &Db, actor: &Actor, id: SenderDomainId) -> Result<SenderDomain> {
    actor.require(Permission::SettingsRead)?;
    db.tenant(actor.tenant_id, async |tx| {
        load_one(tx, actor.tenant_id, id).await
    })
    .await
}

/// Hosts of the tenant's relays, for the SPF record that names them: part of
/// what is answered to who reads a domain and to who has written one.
///
/// # Errors
/// [`DomainError::Forbidden`].
pub async fn relay_hosts(db: &Db, actor: &Actor) -> Result<Vec<String>> {
    let writes = actor.require(Permission::SettingsWrite);
    writes.or_else(|_| actor.require(Permission::SettingsRead))?;
    db.tenant(actor.tenant_id, async |tx| {
        queries::relay_hosts(tx, actor.tenant_id).await
    })
    .await
}

/// Takes a domain of version `version` away, with its keys. Mails sent from it
/// are no longer signed.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Stale`].
pub async fn delete(db: &Db, actor: &Actor, id: SenderDomainId, version: i32) -> Result<()> {
    actor.require(Permission::SettingsWrite)?;
    db.tenant(actor.tenant_id, async |tx| {
        let before = load_one(tx, actor.tenant_id, id).await?;
        if !queries::delete(tx, actor.tenant_id, id, version).await? {
            return Err(DomainError::Stale);
        }
        note(tx, actor, "sender_domain.deleted", Some(&before), None).await
    })
    .await
}

/// Makes new keys. When the present ones are known to stand in DNS they sign on
/// until the new ones are seen there too ([`check`]), so that no mail
/// goes out with a signature nobody can check; otherwise the new ones sign at once.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`].
pub async fn rotate(
    db: &Db,
    keys: &Keys,
    actor: &Actor,
    id: SenderDomainId,
) -> Result<SenderDomain> {
    actor.require(Permission::SettingsWrite)?;
    let (tenant, now) = (actor.tenant_id, db.now());
    let made = generate(now).await?;
    db.tenant(tenant, async |tx| {
        let before = load_one(tx, tenant, id).await?;
        let published = before
            .keys
            .iter()
            .any(|key| key.active && key.checked_state == Checked::Ok.as_str());
        queries::retire_waiting(tx, tenant, id, now).await?;
        if !published {
            queries::retire_active(tx, tenant, id, now).await?;
        }
        queries::insert_keys(tx, &sealed(keys, tenant, id, made, !published)?).await?;
        queries::touch(tx, tenant, id, now).await?;
        let after = load_one(tx, tenant, id).await?;
        note(
            tx,
            actor,
            "sender_domain.keys_rotated",
            Some(&before),
            Some(&after),
        )
        .await?;
        Ok(after)
    })
    .await
}

/// The keys that sign for a From address of `domain`, RSA first: its own, or
/// those of the nearest domain above it. Empty when the tenant has none. For
/// the mailer.
///
/// # Errors
/// When the database does, or a key does not open.
pub async fn signing_keys(
    db: &Db,
    keys: &Keys,
    tenant: TenantId,
    domain: &str,
) -> Result<Vec<SigningKey>> {
    let domain = domain.to_ascii_lowercase();
    let candidates = lineage(&domain);
    let found = db
        .tenant(tenant, async |tx| {
            queries::signing(tx, tenant, &candidates).await
        })
        .await?;
    let Some(nearest) = candidates
        .iter()
        .find(|c| found.iter().any(|(d, _)| d == *c))
    else {
        return Ok(Vec::new());
    };
    found
        .into_iter()
        .filter(|(domain, _)| domain == nearest)
        .map(|(domain, key)| {
            let algorithm = Algorithm::parse(&key.algorithm).ok_or_else(|| {
                DomainError::internal(format_args!("DKIM key with {}", key.algorithm))
            })?;
            let private = keys.open(tenant, &place(key.id), &key.private_key_sealed)?;
            Ok(SigningKey {
                domain,
                selector: key.selector,
                algorithm,
                private,
            })
        })
        .collect()
}

async fn note(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    action: &str,
    before: Option<&SenderDomain>,
    after: Option<&SenderDomain>,
) -> Result<()> {
    let entry = audit::Entry {
        action,
        subject_kind: "sender_domain",
        subject_id: after.or(before).map(|d| d.id.0),
        before: before.map(|d| json!(d)),
        after: after.map(|d| json!(d)),
    };
    audit::record(tx, actor, entry).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_what_dns_can_hold() {
        assert_eq!(parse_domain(" Example.CO.jp. ").unwrap(), "example.co.jp");
        for bad in [
            "",
            "localhost",
            "a..jp",
            "-a.jp",
            "a_b.jp",
            "日本.jp",
            "1.2.3.4",
            "a.jp\r\nx",
        ] {
            assert!(parse_domain(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_signs_for_the_domains_below_but_never_a_top_level() {
        assert_eq!(
            lineage("a.mail.example.jp"),
            ["a.mail.example.jp", "mail.example.jp", "example.jp"]
        );
        assert_eq!(lineage("example.jp"), ["example.jp"]);
    }
}
