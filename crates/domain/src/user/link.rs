//! Links that let a person set a password without knowing one: mailed, good
//! for one use and a limited time. The database knows the token's hash only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::error::{DomainError, Result};
use crate::ids::{TenantId, UserId};
use crate::schema::user_link;
use crate::secret::{self, sha256};
use crate::text_enum::text_enum;

text_enum! {
    /// What a link is for.
    pub enum Purpose {
        PasswordReset = "password_reset",
        Invitation = "invitation",
    }
}

impl Purpose {
    /// How long a link is good (ASVS 5.0 6.4.1, security.md).
    #[must_use]
    pub fn lifetime(self) -> TimeDelta {
        match self {
            Self::PasswordReset => TimeDelta::minutes(15),
            Self::Invitation => TimeDelta::hours(72),
        }
    }
}

/// Names its tenant, so that it can be looked up behind the tenant door, and
/// 256 random bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) tenant: TenantId,
    secret: [u8; 32],
}

impl Token {
    fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            secret: secret::random(),
        }
    }

    fn encode(&self) -> SecretString {
        let mut bytes = self.tenant.0.as_bytes().to_vec();
        bytes.extend_from_slice(&self.secret);
        URL_SAFE_NO_PAD.encode(bytes).into()
    }

    /// # Errors
    /// As for a link that is used up: which of the two it is helps nobody.
    pub(crate) fn decode(text: &SecretString) -> Result<Self> {
        let text = text.expose_secret();
        let bytes = (text.len() <= 100)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()
            .ok_or_else(no_good)?;
        let (tenant, secret) = bytes.split_at_checked(16).ok_or_else(no_good)?;
        Ok(Self {
            tenant: TenantId(Uuid::from_slice(tenant).map_err(|_| no_good())?),
            secret: secret.try_into().map_err(|_| no_good())?,
        })
    }

    fn hash(&self) -> Vec<u8> {
        sha256(&self.secret).to_vec()
    }
}

/// The one answer for every link that can't be used.
pub(crate) fn no_good() -> DomainError {
    DomainError::invalid(
        "/token",
        "link_invalid",
        "the link was used, replaced by a newer one, or has expired: ask for another one",
    )
}

/// Makes a link, and voids those for the same purpose before it.
pub(crate) async fn issue(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    user: UserId,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<(SecretString, DateTime<Utc>)> {
    void(tx, tenant, user, Some(purpose), now).await?;
    let token = Token::new(tenant);
    let expires_at = now + purpose.lifetime();
    diesel::insert_into(user_link::table)
        .values((
            user_link::tenant_id.eq(tenant),
            user_link::hash.eq(token.hash()),
            user_link::user_id.eq(user),
            user_link::purpose.eq(purpose),
            user_link::created_at.eq(now),
            user_link::expires_at.eq(expires_at),
        ))
        .execute(tx)
        .await?;
    Ok((token.encode(), expires_at))
}

/// Voids what was mailed to a person and not used yet; answers how many.
pub(crate) async fn void(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    user: UserId,
    purpose: Option<Purpose>,
    now: DateTime<Utc>,
) -> Result<usize> {
    let mut query = diesel::update(
        user_link::table
            .filter(user_link::tenant_id.eq(tenant))
            .filter(user_link::user_id.eq(user))
            .filter(user_link::used_at.is_null())
            .filter(user_link::voided_at.is_null()),
    )
    .set(user_link::voided_at.eq(now))
    .into_boxed();
    if let Some(purpose) = purpose {
        query = query.filter(user_link::purpose.eq(purpose));
    }
    Ok(query.execute(tx).await?)
}

/// Whose link it is and until when, if it can be used.
///
/// # Errors
/// [`no_good`] for every reason.
pub(crate) async fn find(
    tx: &mut AsyncPgConnection,
    token: &Token,
    now: DateTime<Utc>,
) -> Result<(UserId, Purpose, DateTime<Utc>)> {
    user_link::table
        .find((token.tenant, token.hash()))
        .filter(user_link::used_at.is_null())
        .filter(user_link::voided_at.is_null())
        .filter(user_link::expires_at.gt(now))
        .select((
            user_link::user_id,
            user_link::purpose,
            user_link::expires_at,
        ))
        .first(tx)
        .await
        .optional()?
        .ok_or_else(no_good)
}

/// Uses it up; of two at once only one does.
///
/// # Errors
/// As [`find`].
pub(crate) async fn use_up(
    tx: &mut AsyncPgConnection,
    token: &Token,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<UserId> {
    diesel::update(
        user_link::table
            .find((token.tenant, token.hash()))
            .filter(user_link::purpose.eq(purpose))
            .filter(user_link::used_at.is_null())
            .filter(user_link::voided_at.is_null())
            .filter(user_link::expires_at.gt(now)),
    )
    .set(user_link::used_at.eq(now))
    .returning(user_link::user_id)
    .get_result(tx)
    .await
    .optional()?
    .ok_or_else(no_good)
}

/// When a person's links of a purpose were made since then, newest first.
pub(crate) async fn made_since(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    user: UserId,
    purpose: Purpose,
    since: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>> {
    Ok(user_link::table
        .filter(user_link::tenant_id.eq(tenant))
        .filter(user_link::user_id.eq(user))
        .filter(user_link::purpose.eq(purpose))
        .filter(user_link::created_at.gt(since))
        .order(user_link::created_at.desc())
        .limit(100)
        .select(user_link::created_at)
        .load(tx)
        .await?)
}

/// When the `n`th last invitation of the company was made since then, if there
/// were so many. Found by when they expire, which is always as much later.
pub(crate) async fn nth_invitation_since(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    since: DateTime<Utc>,
    n: i64,
) -> Result<Option<DateTime<Utc>>> {
    let purpose = Purpose::Invitation;
    Ok(user_link::table
        .filter(user_link::tenant_id.eq(tenant))
        .filter(user_link::purpose.eq(purpose))
        .filter(user_link::expires_at.gt(since + purpose.lifetime()))
        .order(user_link::expires_at.desc())
        .offset(n - 1)
        .select(user_link::created_at)
        .first(tx)
        .await
        .optional()?)
}

/// Until when the open invitations of these people are good.
pub(crate) async fn open_invitations(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    users: &[UserId],
    now: DateTime<Utc>,
) -> Result<Vec<(UserId, DateTime<Utc>)>> {
    Ok(user_link::table
        .filter(user_link::tenant_id.eq(tenant))
        .filter(user_link::user_id.eq_any(users))
        .filter(user_link::purpose.eq(Purpose::Invitation))
        .filter(user_link::used_at.is_null())
        .filter(user_link::voided_at.is_null())
        .filter(user_link::expires_at.gt(now))
        .select((user_link::user_id, user_link::expires_at))
        .load(tx)
        .await?)
}

/// Forgets links that expired before then.
pub(crate) async fn forget(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    before: DateTime<Utc>,
) -> Result<()> {
    diesel::delete(user_link::table)
        .filter(user_link::tenant_id.eq(tenant))
        .filter(user_link::expires_at.lt(before))
        .execute(tx)
        .await?;
    Ok(())
}
