//! Accounts of staff: made, disabled and given a new factor by the command
//! line only. Nobody of the console can make another account.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::SecretString;
use serde_json::json;

use super::{Operator, journal};
use crate::db::Db;
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result, Validation};
use crate::ids::OperatorId;
use crate::schema::{operator_account, operator_session};
use crate::secret;
use crate::session::password::{Hasher, Who};
use crate::user::LoginId;

/// How long the password that the command line prints is good for setting up.
pub const ONE_TIME: TimeDelta = TimeDelta::hours(24);

/// A person of the staff, as the command line lists them.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = operator_account)]
pub struct Account {
    pub id: OperatorId,
    pub login_id: String,
    pub name: String,
    pub one_time_until: Option<DateTime<Utc>>,
    #[diesel(select_expression = operator_account::factor_sealed.is_not_null())]
    pub has_factor: bool,
    pub disabled_at: Option<DateTime<Utc>>,
    pub last_login_at: Option<DateTime<Utc>>,
}

/// Adds a person; answers the one-time password for their first log-in.
///
/// # Errors
/// [`DomainError::Invalid`], [`DomainError::Conflict`] for a login id in use.
pub async fn add(db: &Db, hasher: &Hasher, login_id: &str, name: &str) -> Result<SecretString> {
    let mut v = Validation::default();
    let login_id = v.keep("/login_id", LoginId::parse(login_id));
    v.length("/name", name, 1, 100);
    v.finish()?;
    let login_id = login_id.ok_or_else(|| DomainError::internal("a login id that passed"))?;
    let password = secret::random_password();
    let hash = hasher.enter(Who::Known)?.hash(password.clone()).await?;
    let now = db.now();
    db.system(async |tx| {
        let inserted = diesel::insert_into(operator_account::table)
            .values((
                operator_account::id.eq(OperatorId::new()),
                operator_account::login_id.eq(login_id.as_str()),
                operator_account::name.eq(name),
                operator_account::password_hash.eq(hash),
                operator_account::one_time_until.eq(now + ONE_TIME),
                operator_account::created_at.eq(now),
            ))
            .execute(tx)
            .await;
        expect_unique(inserted, "operator_account_login_id_key", || {
            DomainError::conflict("login_id_taken", "this login id is in use")
        })?;
        note(tx, "operator.added", login_id.as_str()).await
    })
    .await?;
    Ok(password)
}

/// Disables a person; their sessions end at once.
///
/// # Errors
/// [`DomainError::NotFound`].
pub async fn disable(db: &Db, login_id: &str) -> Result<()> {
    let now = db.now();
    db.system(async |tx| {
        let id = find(tx, login_id).await?;
        diesel::update(operator_account::table.find(id))
            .set(operator_account::disabled_at.eq(now))
            .execute(tx)
            .await?;
        end_sessions(tx, id, "disabled", now).await?;
        note(tx, "operator.disabled", login_id).await
    })
    .await
}

/// Takes the factor away and gives a new one-time password, also to a disabled
/// person, who is let in again by it.
///
/// # Errors
/// [`DomainError::NotFound`].
pub async fn reset_factor(db: &Db, hasher: &Hasher, login_id: &str) -> Result<SecretString> {
    let password = secret::random_password();
    let hash = hasher.enter(Who::Known)?.hash(password.clone()).await?;
    let now = db.now();
    db.system(async |tx| {
        let id = find(tx, login_id).await?;
        diesel::update(operator_account::table.find(id))
            .set((
                operator_account::password_hash.eq(hash),
                operator_account::one_time_until.eq(now + ONE_TIME),
                operator_account::factor_sealed.eq(None::<Vec<u8>>),
                operator_account::factor_step.eq(None::<i64>),
                operator_account::disabled_at.eq(None::<DateTime<Utc>>),
            ))
            .execute(tx)
            .await?;
        end_sessions(tx, id, "factor_reset", now).await?;
        note(tx, "operator.factor_reset", login_id).await
    })
    .await?;
    Ok(password)
}

/// All of them, at most 1,000.
///
/// # Errors
/// When the database does.
pub async fn list(db: &Db) -> Result<Vec<Account>> {
    db.system(async |tx| {
        Ok(operator_account::table
            .order(operator_account::login_id)
            .limit(1000)
            .select(Account::as_select())
            .load(tx)
            .await?)
    })
    .await
}

async fn find(tx: &mut AsyncPgConnection, login_id: &str) -> Result<OperatorId> {
    operator_account::table
        .filter(operator_account::login_id.eq(login_id.trim().to_ascii_lowercase()))
        .select(operator_account::id)
        .for_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(|| DomainError::not_found("operator account"))
}

async fn end_sessions(
    tx: &mut AsyncPgConnection,
    id: OperatorId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(operator_session::table)
        .filter(operator_session::operator_id.eq(id))
        .filter(operator_session::ended_at.is_null())
        .set((
            operator_session::ended_at.eq(now),
            operator_session::end_reason.eq(reason),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

async fn note(tx: &mut AsyncPgConnection, action: &str, login_id: &str) -> Result<()> {
    let detail = json!({ "login_id": login_id });
    journal::record(tx, &Operator::command_line(), action, None, Some(detail)).await
}
