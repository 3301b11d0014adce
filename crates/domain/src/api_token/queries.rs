//! SQL of API tokens.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;

use super::secret::{Secret, client_id};
use super::{ApiToken, Maker, REMINDER, State};
use crate::actor::Permission;
use crate::error::{DomainError, Result};
use crate::ids::{ApiTokenId, TenantId, UserId};
use crate::schema::{api_token, tenant, user_account};

/// How long tokens that are over can be looked up.
const HISTORY: TimeDelta = TimeDelta::days(90);

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_token)]
struct Row {
    id: ApiTokenId,
    name: String,
    scopes: Vec<Option<String>>,
    allowed_ips: Vec<Option<IpNet>>,
    secret_end: String,
    secret_made_at: DateTime<Utc>,
    old_secret_until: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    last_used_ip: Option<IpNet>,
    revoked_at: Option<DateTime<Utc>>,
    version: i32,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = user_account)]
struct MakerRow {
    id: UserId,
    display_name: String,
    disabled_at: Option<DateTime<Utc>>,
}

fn parse_scopes(names: &[Option<String>]) -> BTreeSet<Permission> {
    names
        .iter()
        .flatten()
        .filter_map(|name| Permission::parse(name))
        .filter(|permission| permission.is_for_tokens())
        .collect()
}

fn scope_names(scopes: &BTreeSet<Permission>) -> Vec<&'static str> {
    scopes.iter().map(|scope| scope.as_str()).collect()
}

fn token((row, maker): (Row, Option<MakerRow>), tenant: TenantId, now: DateTime<Utc>) -> ApiToken {
    ApiToken {
        client_id: client_id(tenant, row.id),
        state: State::of(row.expires_at, row.revoked_at, now),
        id: row.id,
        name: row.name,
        scopes: parse_scopes(&row.scopes),
        allowed_ips: row.allowed_ips.into_iter().flatten().collect(),
        secret_end: row.secret_end,
        secret_made_at: row.secret_made_at,
        old_secret_until: row.old_secret_until.filter(|until| *until > now),
        expires_at: row.expires_at,
        created_by: maker.map(|maker| Maker {
            id: maker.id,
            display_name: maker.display_name,
            disabled: maker.disabled_at.is_some(),
        }),
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        last_used_ip: row.last_used_ip,
        revoked_at: row.revoked_at,
        version: row.version,
    }
}

pub(super) struct NewRow<'a> {
    pub(super) name: &'a str,
    pub(super) scopes: &'a BTreeSet<Permission>,
    pub(super) allowed_ips: &'a [IpNet],
    pub(super) expires_at: DateTime<Utc>,
    pub(super) end_notice: Option<i16>,
    pub(super) created_by: Option<UserId>,
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ApiTokenId,
    row: &NewRow<'_>,
    secret: &Secret,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(api_token::table)
        .values((
            api_token::tenant_id.eq(tenant),
            api_token::id.eq(id),
            api_token::name.eq(row.name),
            api_token::scopes.eq(scope_names(row.scopes)),
            api_token::allowed_ips.eq(row.allowed_ips),
            api_token::secret_hash.eq(secret.hash().to_vec()),
            api_token::secret_end.eq(secret.end()),
            api_token::secret_made_at.eq(now),
            api_token::expires_at.eq(row.expires_at),
            api_token::end_notice.eq(row.end_notice),
            api_token::created_by.eq(row.created_by),
            api_token::created_at.eq(now),
            api_token::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn count_live(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<i64> {
    Ok(api_token::table
        .filter(api_token::tenant_id.eq(tenant))
        .filter(api_token::revoked_at.is_null())
        .filter(api_token::expires_at.gt(now))
        .count()
        .get_result(tx)
        .await?)
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: Option<ApiTokenId>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<ApiToken>> {
    let maker_of = user_account::tenant_id
        .eq(api_token::tenant_id)
        .and(user_account::id.nullable().eq(api_token::created_by));
    let mut query = api_token::table
        .left_join(user_account::table.on(maker_of))
        .filter(api_token::tenant_id.eq(tenant))
        .select((Row::as_select(), Option::<MakerRow>::as_select()))
        .order(api_token::id.desc())
        .limit(limit)
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(api_token::id.lt(before));
    }
    let rows: Vec<(Row, Option<MakerRow>)> = query.load(tx).await?;
    Ok(rows
        .into_iter()
        .map(|row| token(row, tenant, now))
        .collect())
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ApiTokenId,
    now: DateTime<Utc>,
) -> Result<ApiToken> {
    let maker_of = user_account::tenant_id
        .eq(api_token::tenant_id)
        .and(user_account::id.nullable().eq(api_token::created_by));
    let row = api_token::table
        .left_join(user_account::table.on(maker_of))
        .filter(api_token::tenant_id.eq(tenant).and(api_token::id.eq(id)))
        .select((Row::as_select(), Option::<MakerRow>::as_select()))
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("API token"))?;
    Ok(token(row, tenant, now))
}

/// As [`find`], and nobody else changes it until the transaction ends.
pub(super) async fn lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ApiTokenId,
    now: DateTime<Utc>,
) -> Result<ApiToken> {
    api_token::table
        .find((tenant, id))
        .select(api_token::id)
        .for_no_key_update()
        .first::<ApiTokenId>(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("API token"))?;
    find(tx, tenant, id, now).await
}

pub(super) struct Changed<'a> {
    pub(super) name: &'a str,
    pub(super) scopes: &'a BTreeSet<Permission>,
    pub(super) allowed_ips: &'a [IpNet],
}

pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ApiTokenId,
    row: &Changed<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(api_token::table.find((tenant, id)))
        .set((
            api_token::name.eq(row.name),
            api_token::scopes.eq(scope_names(row.scopes)),
            api_token::allowed_ips.eq(row.allowed_ips),
            api_token::version.eq(api_token::version + 1),
            api_token::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// The secret becomes the old one, until `until`; without it it is over.
pub(super) async fn rotate(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ApiTokenId,
    secret: &Secret,
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    let row = api_token::table.find((tenant, id));
    let changed = (
        api_token::secret_hash.eq(secret.hash().to_vec()),
        api_token::secret_end.eq(secret.end()),
        api_token::secret_made_at.eq(now),
        api_token::generation.eq(api_token::generation + 1),
        api_token::version.eq(api_token::version + 1),
        api_token::updated_at.eq(now),
    );
    match until {
        // The right side of an assignment is what was there before.
        Some(until) => {
            let kept = (
                api_token::old_secret_hash.eq(api_token::secret_hash.nullable()),
                api_token::old_secret_until.eq(until),
            );
            diesel::update(row).set((changed, kept)).execute(tx).await?
        }
        None => {
            let over = (
                api_token::old_secret_hash.eq(None::<Vec<u8>>),
                api_token::old_secret_until.eq(None::<DateTime<Utc>>),
            );
            diesel::update(row).set((changed, over)).execute(tx).await?
        }
    };
    Ok(())
}

pub(super) async fn revoke(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ApiTokenId,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(api_token::table.find((tenant, id)))
        .set((
            api_token::revoked_at.eq(now),
            api_token::old_secret_hash.eq(None::<Vec<u8>>),
            api_token::old_secret_until.eq(None::<DateTime<Utc>>),
            api_token::version.eq(api_token::version + 1),
            api_token::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// All that decides whether a program gets in.
#[derive(Queryable, Selectable)]
#[diesel(table_name = api_token)]
pub(super) struct Gate {
    scopes: Vec<Option<String>>,
    allowed_ips: Vec<Option<IpNet>>,
    pub(super) secret_hash: Vec<u8>,
    pub(super) old_secret_hash: Option<Vec<u8>>,
    pub(super) old_secret_until: Option<DateTime<Utc>>,
    pub(super) generation: i32,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    #[diesel(select_expression = tenant::state)]
    pub(super) tenant_state: String,
}

impl Gate {
    pub(super) fn scopes(&self) -> BTreeSet<Permission> {
        parse_scopes(&self.scopes)
    }

    pub(super) fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    pub(super) fn admits(&self, ip: Option<std::net::IpAddr>) -> bool {
        let ip = ip.map(|ip| ip.to_canonical());
        self.allowed_ips.is_empty()
            || ip.is_some_and(|ip| {
                let mut networks = self.allowed_ips.iter().flatten();
                networks.any(|network| network.contains(&ip))
            })
    }

    /// Whether the secret before the last rotation is still good.
    pub(super) fn overlaps(&self, now: DateTime<Utc>) -> bool {
        self.old_secret_until.is_some_and(|until| now < until)
    }
}

pub(super) async fn gate(
    mut tx: &AsyncPgConnection,
    tenant_id: TenantId,
    id: ApiTokenId,
) -> Result<Option<Gate>> {
    Ok(api_token::table
        .inner_join(tenant::table)
        .filter(api_token::tenant_id.eq(tenant_id).and(api_token::id.eq(id)))
        .select(Gate::as_select())
        .first(&mut tx)
        .await
        .optional()?)
}

pub(super) async fn touch(
    mut tx: &AsyncPgConnection,
    tenant: TenantId,
    id: ApiTokenId,
    ip: Option<IpNet>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(api_token::table.find((tenant, id)))
        .set((
            api_token::last_used_at.eq(now),
            api_token::last_used_ip.eq(ip),
        ))
        .execute(&mut tx)
        .await?;
    Ok(())
}

/// Tokens that are over soon, the first to end first.
pub(crate) async fn ending(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(ApiTokenId, String)>> {
    Ok(api_token::table
        .filter(api_token::tenant_id.eq(tenant))
        .filter(api_token::revoked_at.is_null())
        .filter(api_token::expires_at.gt(now))
        .filter(api_token::expires_at.le(now + REMINDER))
        .order((api_token::expires_at, api_token::id))
        .select((api_token::id, api_token::name))
        .limit(limit)
        .load(tx)
        .await?)
}

/// Sweeps tokens that have been over for a while.
pub(crate) async fn forget(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<()> {
    let over = api_token::revoked_at
        .lt(now - HISTORY)
        .or(api_token::expires_at.nullable().lt(now - HISTORY));
    diesel::delete(api_token::table.filter(api_token::tenant_id.eq(tenant)))
        .filter(over)
        .execute(tx)
        .await?;
    Ok(())
}
