//! Logging in: who it is, and a session for them.

use ipnet::IpNet;
use secrecy::SecretString;

use super::password::Hasher;
use super::token::{AccessTokens, RefreshToken};
use super::{
    ABSOLUTE_LIFETIME, Device, LoggedIn, Session, answer, queries, throttle, wrong_credentials,
};
use crate::actor::{Actor, ActorKind};
use crate::audit;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{SessionId, TenantId, UserId};
use crate::tenant;
use crate::user::{self, LoginId};

/// Logs a person in. An unknown id, a wrong password and a disabled person
/// answer alike, after the same work.
///
/// # Errors
/// [`DomainError::Unauthenticated`], [`DomainError::TooManyRequests`].
pub async fn log_in(
    db: &Db,
    hasher: &Hasher,
    tokens: &AccessTokens,
    login_id: &str,
    secret: SecretString,
    device: Device,
) -> Result<LoggedIn> {
    let login_id = LoginId::parse(login_id).ok();
    let counters = throttle::Counters::of(login_id.as_ref().map_or("", LoginId::as_str), device.ip);
    throttle::check(db, &counters).await?;
    let known = match &login_id {
        Some(login_id) => find_credentials(db, login_id).await?,
        None => None,
    };
    let stored = known.as_ref().map(|(_, c)| c.password_hash.clone());
    let right = hasher.verify(secret, stored).await?;
    let (tenant_id, user_id) = match known {
        Some((tenant, credentials)) if right && credentials.disabled_at.is_none() => {
            (tenant, credentials.id)
        }
        _ => {
            throttle::note_failure(db, &counters).await?;
            return Err(wrong_credentials());
        }
    };
    throttle::note_success(db, &counters).await?;
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

async fn open(
    db: &Db,
    tokens: &AccessTokens,
    tenant_id: TenantId,
    user_id: UserId,
    device: Device,
) -> Result<LoggedIn> {
    let now = db.now();
    let refresh = RefreshToken::new(tenant_id);
    let row = Session {
        id: SessionId::new(),
        user_id,
        user_agent: device
            .user_agent
            .chars()
            .filter(|c| !c.is_control())
            .take(400)
            .collect(),
        ip: device.ip.map(IpNet::from),
        created_at: now,
        last_active_at: now,
        expires_at: now + ABSOLUTE_LIFETIME,
        ended_at: None,
    };
    let me = db
        .tenant(tenant_id, async |tx| {
            queries::insert(tx, tenant_id, &row).await?;
            queries::insert_refresh(tx, tenant_id, row.id, &refresh.hash(), now).await?;
            user::note_login(tx, tenant_id, user_id, now).await?;
            let actor = Actor {
                user_id: Some(user_id),
                session_id: Some(row.id),
                ip: device.ip,
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
            let me = queries::me(tx, tenant_id, user_id, row.expires_at).await?;
            tenant::require_active(&me.tenant.state)?;
            Ok(me)
        })
        .await?;
    answer(tokens, tenant_id, row.id, now, Some(refresh.encode()), me)
}
