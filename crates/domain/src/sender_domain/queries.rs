//! SQL of sender domains and their keys.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use uuid::Uuid;

use super::dkim::Checked;
use super::{DkimKey, SealedKey, Seen, SenderDomain};
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::{DkimKeyId, SenderDomainId, TenantId};
use crate::schema::{dkim_key, route, sender_domain};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sender_domain)]
pub(super) struct Row {
    pub(super) id: SenderDomainId,
    pub(super) domain: String,
    pub(super) spf_state: String,
    pub(super) spf_found: Option<String>,
    pub(super) dmarc_state: String,
    pub(super) dmarc_found: Option<String>,
    pub(super) checked_at: Option<DateTime<Utc>>,
    pub(super) return_path_label: String,
    pub(super) return_path_state: String,
    pub(super) return_path_found: Option<String>,
    pub(super) host_state: String,
    pub(super) host_found: Option<String>,
    pub(super) spf_since: Option<DateTime<Utc>>,
    pub(super) dmarc_since: Option<DateTime<Utc>>,
    pub(super) return_path_since: Option<DateTime<Utc>>,
    pub(super) host_since: Option<DateTime<Utc>>,
    pub(super) version: i32,
    pub(super) created_at: DateTime<Utc>,
}

impl Row {
    pub(super) fn with_keys(self, keys: Vec<DkimKey>) -> SenderDomain {
        let seen = |state, found, since| Seen {
            state,
            found,
            since,
        };
        SenderDomain {
            keys,
            id: self.id,
            domain: self.domain,
            spf: seen(self.spf_state, self.spf_found, self.spf_since),
            dmarc: seen(self.dmarc_state, self.dmarc_found, self.dmarc_since),
            return_path_label: self.return_path_label,
            return_path: seen(
                self.return_path_state,
                self.return_path_found,
                self.return_path_since,
            ),
            host: seen(self.host_state, self.host_found, self.host_since),
            checked_at: self.checked_at,
            version: self.version,
            created_at: self.created_at,
        }
    }
}

#[derive(Debug, Insertable)]
#[diesel(table_name = dkim_key)]
pub(super) struct NewKey {
    pub(super) tenant_id: TenantId,
    pub(super) id: DkimKeyId,
    pub(super) sender_domain_id: SenderDomainId,
    pub(super) selector: String,
    pub(super) algorithm: &'static str,
    pub(super) private_key_sealed: Vec<u8>,
    pub(super) public_key: String,
    pub(super) active: bool,
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SenderDomainId,
    domain: &str,
) -> Result<()> {
    expect_unique(
        diesel::insert_into(sender_domain::table)
            .values((
                sender_domain::tenant_id.eq(tenant),
                sender_domain::id.eq(id),
                sender_domain::domain.eq(domain),
            ))
            .execute(tx)
            .await,
        "sender_domain_tenant_id_domain_key",
        || DomainError::conflict("domain_taken", "this domain is there already"),
    )?;
    Ok(())
}

pub(super) async fn insert_keys(tx: &mut AsyncPgConnection, keys: &[NewKey]) -> Result<()> {
    diesel::insert_into(dkim_key::table)
        .values(keys)
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SenderDomainId,
) -> Result<Row> {
    sender_domain::table
        .find((tenant, id))
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("sender domain"))
}

/// As [`find`], for who is about to change what was seen: of two at the same
/// time the second sees what the first wrote.
pub(super) async fn lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SenderDomainId,
) -> Result<Row> {
    sender_domain::table
        .find((tenant, id))
        .select(Row::as_select())
        .for_no_key_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("sender domain"))
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    after: Option<(String, Uuid)>,
    limit: i64,
) -> Result<Vec<Row>> {
    let mut query = sender_domain::table
        .filter(sender_domain::tenant_id.eq(tenant))
        .order((sender_domain::domain, sender_domain::id))
        .limit(limit)
        .select(Row::as_select())
        .into_boxed();
    // A domain is unique in its tenant, so it alone places the cursor.
    if let Some((domain, _)) = after {
        query = query.filter(sender_domain::domain.gt(domain));
    }
    Ok(query.load(tx).await?)
}

/// Keys of these domains, the active before the waiting and the retired, RSA first.
pub(super) async fn keys(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    domains: &[SenderDomainId],
) -> Result<Vec<(SenderDomainId, DkimKey)>> {
    Ok(dkim_key::table
        .filter(
            dkim_key::tenant_id
                .eq(tenant)
                .and(dkim_key::sender_domain_id.eq_any(domains)),
        )
        .order((
            dkim_key::active.desc(),
            dkim_key::created_at.desc(),
            dkim_key::algorithm.desc(),
            dkim_key::id,
        ))
        .select((dkim_key::sender_domain_id, DkimKey::as_select()))
        .load(tx)
        .await?)
}

/// More relays than one SPF record can name (RFC 7208 §4.6.4: ten lookups).
const MOST_RELAYS: i64 = 20;

pub(super) async fn relay_hosts(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<Vec<String>> {
    // A direct route shows the address that it names; without one nobody knows here.
    let routes: Vec<(Option<String>, Option<IpNet>)> = route::table
        .filter(route::tenant_id.eq(tenant).and(route::enabled.eq(true)))
        .filter(
            route::host
                .is_not_null()
                .or(route::source_address.is_not_null()),
        )
        .order((route::host, route::source_address))
        .select((route::host, route::source_address))
        .distinct()
        .limit(MOST_RELAYS)
        .load(tx)
        .await?;
    let named = routes
        .into_iter()
        .filter_map(|(host, source)| host.or_else(|| source.map(|net| net.addr().to_string())));
    Ok(named.collect())
}

/// False when the version is not the current one.
pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SenderDomainId,
    version: i32,
) -> Result<bool> {
    let deleted = diesel::delete(
        sender_domain::table
            .find((tenant, id))
            .filter(sender_domain::version.eq(version)),
    )
    .execute(tx)
    .await?;
    Ok(deleted == 1)
}

pub(super) async fn touch(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SenderDomainId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(sender_domain::table.find((tenant, id)))
        .set((
            sender_domain::version.eq(sender_domain::version + 1),
            sender_domain::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Another name of the return path, which nobody has seen in DNS yet; false when
/// the version is not the current one.
pub(super) async fn set_return_path(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SenderDomainId,
    version: i32,
    label: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    let changed = diesel::update(
        sender_domain::table
            .find((tenant, id))
            .filter(sender_domain::version.eq(version)),
    )
    .set((
        sender_domain::return_path_label.eq(label),
        sender_domain::return_path_state.eq(Checked::Unchecked.as_str()),
        sender_domain::return_path_found.eq(None::<String>),
        sender_domain::return_path_since.eq(None::<DateTime<Utc>>),
        sender_domain::version.eq(version + 1),
        sender_domain::updated_at.eq(now),
    ))
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Of these domains, those of the tenant, with the label and state of their return paths.
pub(super) async fn return_paths(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    domains: &[&str],
) -> Result<Vec<(String, String, String)>> {
    Ok(sender_domain::table
        .filter(sender_domain::tenant_id.eq(tenant))
        .filter(sender_domain::domain.eq_any(domains))
        .select((
            sender_domain::domain,
            sender_domain::return_path_label,
            sender_domain::return_path_state,
        ))
        .load(tx)
        .await?)
}

/// Retires the keys that sign now.
pub(super) async fn retire_active(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    domain: SenderDomainId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(dkim_key::table)
        .filter(
            dkim_key::tenant_id
                .eq(tenant)
                .and(dkim_key::sender_domain_id.eq(domain)),
        )
        .filter(dkim_key::active.eq(true))
        .set((dkim_key::active.eq(false), dkim_key::retired_at.eq(now)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Retires keys that wait for their record, replaced by newer ones.
pub(super) async fn retire_waiting(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    domain: SenderDomainId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(dkim_key::table)
        .filter(
            dkim_key::tenant_id
                .eq(tenant)
                .and(dkim_key::sender_domain_id.eq(domain)),
        )
        .filter(
            dkim_key::active
                .eq(false)
                .and(dkim_key::retired_at.is_null()),
        )
        .set(dkim_key::retired_at.eq(now))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn activate(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    keys: &[DkimKeyId],
) -> Result<()> {
    diesel::update(dkim_key::table)
        .filter(
            dkim_key::tenant_id
                .eq(tenant)
                .and(dkim_key::id.eq_any(keys)),
        )
        .set(dkim_key::active.eq(true))
        .execute(tx)
        .await?;
    Ok(())
}

/// The active keys of the first of `domains` that is a sender domain of the
/// tenant and has any.
pub(super) async fn signing(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    domains: &[&str],
) -> Result<Vec<(String, SealedKey)>> {
    Ok(dkim_key::table
        .inner_join(
            sender_domain::table.on(sender_domain::tenant_id
                .eq(dkim_key::tenant_id)
                .and(sender_domain::id.eq(dkim_key::sender_domain_id))),
        )
        .filter(
            dkim_key::tenant_id
                .eq(tenant)
                .and(dkim_key::active.eq(true)),
        )
        .filter(sender_domain::domain.eq_any(domains))
        .order(dkim_key::algorithm.desc())
        .select((sender_domain::domain, SealedKey::as_select()))
        .load(tx)
        .await?)
}
