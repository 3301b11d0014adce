//! A new password in the place of the one before.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::SecretString;
use uuid::Uuid;

use super::Turn;
use super::policy::{self, Policy};
use crate::error::{DomainError, Result};
use crate::ids::{TenantId, UserId};
use crate::schema::{password_history, user_account};
use crate::user::Credentials;
use crate::{tenant, user};

/// What a new password of a person is held against.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// PHC strings, the current one first, no more than the tenant looks at.
    pub(crate) former: Vec<String>,
    pub(crate) credentials: Credentials,
}

/// Reads them. The person is of the tenant of the transaction.
pub(crate) async fn rules(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: UserId,
) -> Result<Rules> {
    let credentials = user::credentials(tx, tenant, id)
        .await?
        .ok_or_else(|| DomainError::not_found("user"))?;
    let settings = tenant::find(tx, tenant).await?;
    let person = user::find(tx, tenant, id).await?;
    let policy =
        Policy::of(&settings).for_person(&person.login_id, &person.display_name, &person.email);
    let mut former = Vec::new();
    if policy.history > 0 {
        former.extend(credentials.password_hash.clone());
        let rest: Vec<String> = password_history::table
            .filter(password_history::tenant_id.eq(tenant))
            .filter(password_history::user_id.eq(id))
            .order(password_history::id.desc())
            .limit(i64::from(policy.history) - 1)
            .select(password_history::hash)
            .load(tx)
            .await?;
        former.extend(rest);
    }
    Ok(Rules {
        policy,
        former,
        credentials,
    })
}

/// Checks a new password and hashes it, outside of any transaction.
///
/// # Errors
/// [`DomainError::Invalid`] under `/new_password`.
pub(crate) async fn prepare(turn: &Turn, rules: Rules, new: SecretString) -> Result<String> {
    policy::check(turn, &rules.policy, &new, "/new_password").await?;
    let n = rules.policy.history;
    if turn.is_one_of(&new, rules.former).await? {
        return Err(DomainError::invalid(
            "/new_password",
            "used_before",
            format!("is one of your last {n} passwords: choose another one"),
        ));
    }
    turn.hash(new).await
}

/// Writes it, keeps the one before as far as the tenant's rule looks back, and
/// the person alone knows it from now on (unless `temporary`).
pub(crate) async fn write(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: UserId,
    hash: &str,
    temporary: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let keep = tenant::find(tx, tenant).await?.password_history_length;
    let before = user::credentials(tx, tenant, id).await?;
    if let Some(before) = before.and_then(|c| c.password_hash)
        && keep > 0
    {
        diesel::insert_into(password_history::table)
            .values((
                password_history::tenant_id.eq(tenant),
                password_history::id.eq(Uuid::now_v7()),
                password_history::user_id.eq(id),
                password_history::hash.eq(before),
            ))
            .execute(tx)
            .await?;
    }
    let of_person = || {
        password_history::table
            .filter(password_history::tenant_id.eq(tenant))
            .filter(password_history::user_id.eq(id))
    };
    let kept: Vec<Uuid> = of_person()
        .order(password_history::id.desc())
        .limit(keep.into())
        .select(password_history::id)
        .load(tx)
        .await?;
    diesel::delete(of_person().filter(diesel::dsl::not(password_history::id.eq_any(kept))))
        .execute(tx)
        .await?;
    diesel::update(user_account::table.find((tenant, id)))
        .set((
            user_account::password_hash.eq(hash),
            user_account::password_changed_at.eq(now),
            user_account::password_temporary.eq(temporary),
            user_account::expiry_reminded_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx)
        .await?;
    Ok(())
}
