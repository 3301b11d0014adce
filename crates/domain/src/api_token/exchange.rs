//! A client id and its secret for an access token (RFC 6749 §4.4), and what is
//! asked of it at each request.

use std::collections::BTreeSet;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use secrecy::SecretString;

use super::queries::{self, Gate};
use super::secret::{Secret, is_same, parse_client_id};
use crate::actor::{Actor, ActorKind, Permission};
use crate::audit;
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{ApiTokenId, TenantId};
use crate::session::throttle;
use crate::session::token::{ACCESS_LIFETIME, AccessTokens, Claims, Holder};
use crate::tenant;

/// The last use is written at most this often.
const USE_STEP: TimeDelta = TimeDelta::minutes(1);

/// What a program gets for its secret.
#[derive(Debug)]
pub struct Exchanged {
    pub token_id: ApiTokenId,
    pub access_token: SecretString,
    /// Seconds.
    pub expires_in: i64,
    /// Names of the scopes, with spaces between.
    pub scope: String,
}

/// Unknown, wrong, over, revoked, or from an address that it may not be used
/// from: whoever guesses learns nothing, also of a secret that is right.
fn refused() -> DomainError {
    DomainError::Unauthenticated {
        code: "invalid_client",
        detail: "the client id or its secret is wrong, over or revoked, or may not be used from this address",
    }
}

fn ended() -> DomainError {
    DomainError::Unauthenticated {
        code: "token_ended",
        detail: "the API token is over, revoked, has a new secret, or may not be used from this address",
    }
}

/// Exchanges a secret for an access token with the scopes that were asked for,
/// or with all that the API token has.
///
/// # Errors
/// [`DomainError::Unauthenticated`], [`DomainError::Invalid`] for a scope that it does not have,
/// [`DomainError::TooManyRequests`] after too many failures.
pub async fn exchange(
    db: &Db,
    tokens: &AccessTokens,
    client_id: &str,
    secret: &SecretString,
    scope: Option<&str>,
    ip: Option<IpAddr>,
) -> Result<Exchanged> {
    let client: String = client_id.chars().take(64).collect();
    let lanes = throttle::Lanes::program(&client, ip);
    throttle::reserve(db, &lanes).await?;
    let admitted = match (parse_client_id(client_id), Secret::parse(secret)) {
        (Some((tenant, id)), Some(secret)) => {
            let hash = secret.hash();
            admit(db, tenant, id, &hash, ip).await?
        }
        _ => None,
    };
    let Some(admitted) = admitted else {
        return Err(refused());
    };
    throttle::release(db, &lanes).await?;
    let now = db.now();
    let scope = narrow(&admitted.scopes, scope)?;
    let until = (now + ACCESS_LIFETIME).min(admitted.until);
    let holder = (admitted.id, admitted.generation);
    Ok(Exchanged {
        token_id: admitted.id,
        access_token: tokens.issue_for_program(
            admitted.tenant,
            holder,
            scope.clone(),
            now,
            until,
        )?,
        expires_in: (until - now).num_seconds(),
        scope,
    })
}

struct Admitted {
    tenant: TenantId,
    id: ApiTokenId,
    generation: i32,
    scopes: BTreeSet<Permission>,
    /// The access token must not outlive what it was given for.
    until: DateTime<Utc>,
}

async fn admit(
    db: &Db,
    tenant: TenantId,
    id: ApiTokenId,
    hash: &[u8; 32],
    ip: Option<IpAddr>,
) -> Result<Option<Admitted>> {
    let now = db.now();
    db.tenant(tenant, async |tx| {
        let Some(gate) = queries::gate(tx, tenant, id).await? else {
            return Ok(None);
        };
        let Some((generation, until)) = secret_of(&gate, hash, now) else {
            return Ok(None);
        };
        if !gate.is_live(now) {
            return Ok(None);
        }
        if !gate.admits(ip) {
            // The right secret in a wrong place: it may have leaked.
            let actor = program(tenant, id, BTreeSet::new(), ip);
            let entry = audit::Entry {
                action: "api_token.refused_address",
                subject_kind: "api_token",
                subject_id: Some(id.0),
                ..audit::Entry::default()
            };
            audit::record(tx, &actor, entry).await?;
            return Ok(None);
        }
        tenant::require_active(&gate.tenant_state)?;
        queries::touch(tx, tenant, id, ip.map(IpNet::from), now).await?;
        Ok(Some(Admitted {
            tenant,
            id,
            generation,
            scopes: gate.scopes(),
            until,
        }))
    })
    .await
}

/// Which generation of the secret the hash is of, and until when it is good.
fn secret_of(gate: &Gate, hash: &[u8; 32], now: DateTime<Utc>) -> Option<(i32, DateTime<Utc>)> {
    if is_same(&gate.secret_hash, hash) {
        return Some((gate.generation, gate.expires_at));
    }
    let old = gate.old_secret_hash.as_deref()?;
    let until = gate.old_secret_until.filter(|until| now < *until)?;
    is_same(old, hash).then(|| (gate.generation - 1, until.min(gate.expires_at)))
}

fn narrow(scopes: &BTreeSet<Permission>, asked: Option<&str>) -> Result<String> {
    let names: Vec<&str> = match asked.map(str::trim).filter(|asked| !asked.is_empty()) {
        None => scopes.iter().map(|scope| scope.as_str()).collect(),
        Some(asked) => {
            let mut wanted = BTreeSet::new();
            for name in asked.split(' ').filter(|name| !name.is_empty()) {
                let scope = Permission::parse(name).filter(|scope| scopes.contains(scope));
                wanted.insert(scope.ok_or_else(|| {
                    DomainError::invalid(
                        "/scope",
                        "invalid_scope",
                        "names a scope that the API token does not have",
                    )
                })?);
            }
            wanted.iter().map(|scope| scope.as_str()).collect()
        }
    };
    Ok(names.join(" "))
}

/// Whether the API token behind an access token is still good here, and what it may.
///
/// # Errors
/// [`DomainError::Unauthenticated`] when it is over, revoked, rotated without overlap, or used from elsewhere.
pub async fn authenticate(db: &Db, claims: &Claims, ip: Option<IpAddr>) -> Result<Actor> {
    let Some(Holder::Program {
        token,
        generation,
        scope,
    }) = claims.holder()
    else {
        return Err(ended());
    };
    let now = db.now();
    db.tenant_pipelined(claims.tenant, async |tx| {
        let gate = queries::gate(tx, claims.tenant, token)
            .await?
            .ok_or_else(ended)?;
        let is_current = generation == gate.generation
            || (generation == gate.generation - 1 && gate.overlaps(now));
        if !is_current || !gate.is_live(now) || !gate.admits(ip) {
            return Err(ended());
        }
        tenant::require_active(&gate.tenant_state)?;
        if gate.last_used_at.is_none_or(|at| now - at > USE_STEP) {
            queries::touch(tx, claims.tenant, token, ip.map(IpNet::from), now).await?;
        }
        let asked: BTreeSet<Permission> = scope.split(' ').filter_map(Permission::parse).collect();
        let permissions = gate.scopes().intersection(&asked).copied().collect();
        Ok(program(claims.tenant, token, permissions, ip))
    })
    .await
}

fn program(
    tenant: TenantId,
    token: ApiTokenId,
    permissions: BTreeSet<Permission>,
    ip: Option<IpAddr>,
) -> Actor {
    Actor {
        kind: ActorKind::Token,
        token_id: Some(token),
        permissions,
        ip,
        ..Actor::public(tenant)
    }
}
