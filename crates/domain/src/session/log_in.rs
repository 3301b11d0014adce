//! Logging in: who it is, and a session for them.

use ipnet::IpNet;
use secrecy::SecretString;

use super::password::Hasher;
use super::token::{AccessTokens, RefreshToken};
use super::{
    ABSOLUTE_LIFETIME, Device, LoggedIn, Session, answer, device, queries, throttle,
    wrong_credentials,
};
use crate::actor::{Actor, ActorKind};
use crate::audit;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{SessionId, TenantId, UserId};
use crate::tenant::{self, network};
use crate::user::{self, LoginId};

/// Logs a person in. An unknown id, a wrong password and a disabled person
/// answer alike, after the same work.
///
/// # Errors
/// [`DomainError::Unauthenticated`], [`DomainError::TooManyRequests`], [`DomainError::Refused`] from
/// a network that the tenant does not let in.
pub async fn log_in(
    db: &Db,
    hasher: &Hasher,
    tokens: &AccessTokens,
    login_id: &str,
    secret: SecretString,
    device: Device,
) -> Result<LoggedIn> {
    let login_id = LoginId::parse(login_id).ok();
    let name = login_id.as_ref().map_or("", LoginId::as_str);
    let lanes = throttle::Lanes::log_in(name, device.ip, device.known);
    throttle::reserve(db, &lanes).await?;
    let known = match &login_id {
        Some(login_id) => find_credentials(db, login_id).await?,
        None => None,
    };
    let stored = known.as_ref().and_then(|(_, c)| c.password_hash.clone());
    let right = hasher.verify(secret, stored).await?;
    let (tenant_id, user_id) = match known {
        Some((tenant, credentials)) if right && credentials.disabled_at.is_none() => {
            (tenant, credentials.id)
        }
        _ => return Err(wrong_credentials()),
    };
    throttle::release(db, &lanes).await?;
    admit(db, tenant_id, user_id, &device).await?;
    open(db, tokens, tenant_id, user_id, device).await
}

async fn find_credentials(
    db: &Db,
    login_id: &LoginId,
) -> Result<Option<(TenantId, user::Credentials)>> {
    let home = db
        .system(async |tx| user::find_home(tx, login_id).await)
        .await?;
    // The second step is walked for an unknown id too, in nobody's tenant, so
    // that it takes as long.
    let (tenant, id) = home.unwrap_or((TenantId::new(), UserId::new()));
    let credentials = db
        .tenant(tenant, async |tx| user::credentials(tx, tenant, id).await)
        .await?;
    Ok(credentials.map(|c| (tenant, c)))
}

/// Refuses, and notes, a log-in from a network that the tenant does not let in.
/// Only who knows the password learns of it.
async fn admit(db: &Db, tenant_id: TenantId, user_id: UserId, device: &Device) -> Result<()> {
    let admitted = db
        .tenant(tenant_id, async |tx| {
            let settings = tenant::find(tx, tenant_id).await?;
            if settings.allowed_networks.admits(device.ip) {
                return Ok(true);
            }
            let actor = Actor {
                user_id: Some(user_id),
                ip: device.ip,
                kind: ActorKind::User,
                ..Actor::public(tenant_id)
            };
            let entry = audit::Entry {
                action: "session.network_refused",
                subject_kind: "user",
                subject_id: Some(user_id.0),
                ..audit::Entry::default()
            };
            audit::record(tx, &actor, entry).await?;
            Ok(false)
        })
        .await?;
    if admitted {
        Ok(())
    } else {
        Err(network::refused())
    }
}

async fn open(
    db: &Db,
    tokens: &AccessTokens,
    tenant_id: TenantId,
    user_id: UserId,
    from: Device,
) -> Result<LoggedIn> {
    let now = db.now();
    let refresh = RefreshToken::new(tenant_id);
    let row = Session {
        id: SessionId::new(),
        user_id,
        user_agent: from
            .user_agent
            .chars()
            .filter(|c| !c.is_control())
            .take(400)
            .collect(),
        ip: from.ip.map(IpNet::from),
        created_at: now,
        last_active_at: now,
        expires_at: now + ABSOLUTE_LIFETIME,
        ended_at: None,
    };
    let me = db
        .tenant(tenant_id, async |tx| {
            let agent = &row.user_agent;
            device::tell_if_new(tx, tenant_id, user_id, &from, agent, now).await?;
            queries::insert(tx, tenant_id, &row).await?;
            queries::insert_refresh(tx, tenant_id, row.id, &refresh.hash(), now).await?;
            user::note_login(tx, tenant_id, user_id, now).await?;
            let actor = Actor {
                user_id: Some(user_id),
                session_id: Some(row.id),
                ip: from.ip,
                kind: ActorKind::User,
                ..Actor::public(tenant_id)
            };
            audit::record(
                tx,
                &actor,
                audit::Entry {
                    action: "session.opened",
                    subject_kind: "session",
                    subject_id: Some(row.id.0),
                    ..audit::Entry::default()
                },
            )
            .await?;
            queries::me(tx, tenant_id, user_id, row.expires_at, now).await
        })
        .await?;
    answer(tokens, tenant_id, row.id, now, Some(refresh.encode()), me)
}
