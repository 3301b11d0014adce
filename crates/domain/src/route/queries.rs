//! SQL of routes.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use secrecy::SecretString;
use uuid::Uuid;

use super::check::Checked;
use super::{
    Auth, Kind, MOST_OF_A_CAMPAIGN, NewRoute, OpenRoute, Relay, Route, Security, Via, place,
};
use crate::db::error::{expect_foreign_key, expect_unique};
use crate::error::{DomainError, Result};
use crate::ids::{CampaignId, RouteId, TenantId};
use crate::schema::{campaign, route, route_health};
use crate::secret::Keys;

/// The columns that a write sets.
#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = route)]
pub(super) struct Row {
    name: String,
    kind: Kind,
    // Twice optional: `Some(None)` writes NULL.
    host: Option<Option<String>>,
    port: Option<Option<i32>>,
    security: Option<Option<Security>>,
    auth: Auth,
    username: String,
    // `None` stays.
    password_sealed: Option<Option<Vec<u8>>>,
    source_address: Option<Option<IpNet>>,
    helo: String,
    max_sessions: i32,
    sign: bool,
    enabled: bool,
    position: i32,
    weight: i32,
}

impl Row {
    pub(super) fn of(
        new: &NewRoute,
        checked: Checked,
        password_sealed: Option<Option<Vec<u8>>>,
    ) -> Self {
        Self {
            name: new.name.clone(),
            kind: new.kind,
            host: Some(checked.host),
            port: Some(new.port),
            security: Some(new.security),
            auth: new.auth,
            username: new.username.clone(),
            password_sealed,
            source_address: Some(checked.source_address.map(IpNet::from)),
            helo: checked.helo,
            max_sessions: new.max_sessions,
            sign: new.sign,
            enabled: new.enabled,
            position: new.position,
            weight: new.weight,
        }
    }
}

fn name_taken() -> DomainError {
    DomainError::conflict(
        "name_taken",
        "another route has this name: choose another one",
    )
}

pub(super) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: RouteId,
    row: &Row,
) -> Result<()> {
    expect_unique(
        diesel::insert_into(route::table)
            .values((route::tenant_id.eq(tenant), route::id.eq(id), row))
            .execute(tx)
            .await,
        "route_tenant_id_name_key",
        name_taken,
    )?;
    Ok(())
}

/// Routes, each with what was seen of it if it ever failed.
macro_rules! with_health {
    () => {
        route::table.left_join(
            route_health::table.on(route_health::tenant_id
                .eq(route::tenant_id)
                .and(route_health::route_id.eq(route::id))),
        )
    };
}

pub(super) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: RouteId,
) -> Result<Route> {
    with_health!()
        .filter(route::tenant_id.eq(tenant).and(route::id.eq(id)))
        .select(Route::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("route"))
}

pub(super) async fn page(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    after: Option<(i32, Uuid)>,
    limit: i64,
) -> Result<Vec<Route>> {
    let mut query = with_health!()
        .filter(route::tenant_id.eq(tenant))
        .order((route::position, route::id))
        .limit(limit)
        .select(Route::as_select())
        .into_boxed();
    if let Some((position, id)) = after {
        query = query.filter(
            route::position
                .gt(position)
                .or(route::position.eq(position).and(route::id.gt(id))),
        );
    }
    Ok(query.load(tx).await?)
}

/// False when the version is not the current one.
pub(super) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: RouteId,
    version: i32,
    row: &Row,
    now: DateTime<Utc>,
) -> Result<bool> {
    let changed = expect_unique(
        diesel::update(
            route::table
                .find((tenant, id))
                .filter(route::version.eq(version)),
        )
        .set((
            row,
            route::version.eq(version + 1),
            route::updated_at.eq(now),
        ))
        .execute(tx)
        .await,
        "route_tenant_id_name_key",
        name_taken,
    )?;
    Ok(changed == 1)
}

pub(super) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: RouteId,
    version: i32,
) -> Result<bool> {
    let deleted = expect_foreign_key(
        diesel::delete(
            route::table
                .find((tenant, id))
                .filter(route::version.eq(version)),
        )
        .execute(tx)
        .await,
        "campaign_tenant_id_route_id_fkey",
        || {
            DomainError::conflict(
                "route_in_use",
                "campaigns went or go by this route: turn it off instead of deleting it",
            )
        },
    )?;
    Ok(deleted == 1)
}

/// A route with its sealed password.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = route)]
pub(super) struct SealedRoute {
    id: RouteId,
    version: i32,
    kind: Kind,
    host: Option<String>,
    port: Option<i32>,
    security: Option<Security>,
    auth: Auth,
    username: String,
    password_sealed: Option<Vec<u8>>,
    source_address: Option<IpNet>,
    helo: String,
    max_sessions: i32,
    sign: bool,
    position: i32,
    weight: i32,
}

impl SealedRoute {
    pub(super) fn open(self, keys: &Keys, tenant: TenantId) -> Result<OpenRoute> {
        Ok(OpenRoute {
            via: self.via(keys, tenant)?,
            id: self.id,
            version: self.version,
            source_address: self.source_address.map(|net| net.addr()),
            helo: Some(self.helo).filter(|name| !name.is_empty()),
            max_sessions: usize::try_from(self.max_sessions).unwrap_or(1),
            sign: self.sign,
            position: self.position,
            weight: u32::try_from(self.weight).unwrap_or(1),
        })
    }

    fn via(&self, keys: &Keys, tenant: TenantId) -> Result<Via> {
        let broken =
            |word: &str| DomainError::internal(format_args!("route {} with {word}", self.id));
        if self.kind == Kind::Direct {
            return Ok(Via::Direct);
        }
        let (Some(host), Some(port), Some(security)) = (&self.host, self.port, self.security)
        else {
            return Err(broken("no host"));
        };
        let password = match &self.password_sealed {
            Some(sealed) => String::from_utf8(keys.open(tenant, &place(self.id), sealed)?)
                .map_err(|_| broken("a password that is no text"))?,
            None => String::new(),
        };
        Ok(Via::Relay(Relay {
            host: host.clone(),
            port: u16::try_from(port).map_err(|_| broken("an impossible port"))?,
            security,
            auth: self.auth,
            username: self.username.clone(),
            password: SecretString::from(password),
        }))
    }
}

pub(super) async fn of_campaign(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaign: CampaignId,
) -> Result<Vec<SealedRoute>> {
    let named: Option<Option<RouteId>> = campaign::table
        .find((tenant, campaign))
        .select(campaign::route_id)
        .first(tx)
        .await
        .optional()?;
    let enabled = route::table
        .filter(route::tenant_id.eq(tenant).and(route::enabled.eq(true)))
        .order((route::position, route::id))
        .limit(MOST_OF_A_CAMPAIGN)
        .select(SealedRoute::as_select())
        .into_boxed();
    let query = match named.flatten() {
        Some(id) => enabled.filter(route::id.eq(id)),
        None => enabled,
    };
    Ok(query.load(tx).await?)
}
