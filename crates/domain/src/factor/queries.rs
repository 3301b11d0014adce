//! SQL of factors.

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, select};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::passkey::Passkey;
use super::{Method, Person};
use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::PasskeyId;
use crate::schema::{passkey, recovery_code, totp_seed, user_account};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = totp_seed)]
pub(super) struct Seed {
    pub(super) seed_sealed: Vec<u8>,
    pub(super) confirmed_at: Option<DateTime<Utc>>,
    pub(super) last_step: Option<i64>,
}

/// What the check of a passkey looks at.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = passkey)]
pub(super) struct Key {
    pub(super) id: PasskeyId,
    pub(super) public_key: Vec<u8>,
    pub(super) sign_count: i64,
    pub(super) discoverable: bool,
}

/// The seed, locked: of two answers with one code the second sees the first.
pub(super) async fn seed(tx: &mut AsyncPgConnection, person: Person) -> Result<Option<Seed>> {
    Ok(totp_seed::table
        .find((person.tenant, person.user))
        .select(Seed::as_select())
        .for_update()
        .first(tx)
        .await
        .optional()?)
}

pub(super) async fn put_seed(
    tx: &mut AsyncPgConnection,
    person: Person,
    sealed: &[u8],
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(totp_seed::table)
        .values((
            totp_seed::tenant_id.eq(person.tenant),
            totp_seed::user_id.eq(person.user),
            totp_seed::seed_sealed.eq(sealed),
            totp_seed::created_at.eq(now),
        ))
        .on_conflict((totp_seed::tenant_id, totp_seed::user_id))
        .do_update()
        .set((
            totp_seed::seed_sealed.eq(sealed),
            totp_seed::created_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn confirm_seed(
    tx: &mut AsyncPgConnection,
    person: Person,
    step: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(totp_seed::table.find((person.tenant, person.user)))
        .set((
            totp_seed::confirmed_at.eq(now),
            totp_seed::last_step.eq(step),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn use_step(tx: &mut AsyncPgConnection, person: Person, step: i64) -> Result<()> {
    diesel::update(totp_seed::table.find((person.tenant, person.user)))
        .set(totp_seed::last_step.eq(step))
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether the one that is gone counted; `None` when there was none.
pub(super) async fn delete_seed(
    tx: &mut AsyncPgConnection,
    person: Person,
) -> Result<Option<bool>> {
    let row = totp_seed::table.find((person.tenant, person.user));
    Ok(diesel::delete(row)
        .returning(totp_seed::confirmed_at.is_not_null())
        .get_result(tx)
        .await
        .optional()?)
}

/// Oldest first.
pub(super) async fn passkeys(tx: &mut AsyncPgConnection, person: Person) -> Result<Vec<Passkey>> {
    Ok(passkey::table
        .filter(passkey::tenant_id.eq(person.tenant))
        .filter(passkey::user_id.eq(person.user))
        .order((passkey::created_at, passkey::id))
        .select(Passkey::as_select())
        .load(tx)
        .await?)
}

pub(super) async fn credential_ids(
    tx: &mut AsyncPgConnection,
    person: Person,
) -> Result<Vec<Vec<u8>>> {
    Ok(passkey::table
        .filter(passkey::tenant_id.eq(person.tenant))
        .filter(passkey::user_id.eq(person.user))
        .order(passkey::last_used_at.desc().nulls_last())
        .select(passkey::credential_id)
        .load(tx)
        .await?)
}

/// The person's key, locked for its counter.
pub(super) async fn key(
    tx: &mut AsyncPgConnection,
    person: Person,
    credential_id: &[u8],
) -> Result<Option<Key>> {
    Ok(passkey::table
        .filter(passkey::tenant_id.eq(person.tenant))
        .filter(passkey::user_id.eq(person.user))
        .filter(passkey::credential_id.eq(credential_id))
        .select(Key::as_select())
        .for_update()
        .first(tx)
        .await
        .optional()?)
}

pub(super) async fn insert_passkey(
    tx: &mut AsyncPgConnection,
    person: Person,
    row: &Passkey,
    credential_id: &[u8],
    public_key: &[u8],
) -> Result<()> {
    expect_unique(
        diesel::insert_into(passkey::table)
            .values((
                passkey::tenant_id.eq(person.tenant),
                passkey::user_id.eq(person.user),
                row,
                passkey::credential_id.eq(credential_id),
                passkey::public_key.eq(public_key),
            ))
            .execute(tx)
            .await,
        "passkey_tenant_id_credential_id_key",
        || DomainError::conflict("passkey_exists", "this passkey is registered already"),
    )?;
    Ok(())
}

pub(super) async fn use_passkey(
    tx: &mut AsyncPgConnection,
    person: Person,
    id: PasskeyId,
    sign_count: i64,
    backed_up: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(passkey::table.find((person.tenant, id)))
        .set((
            passkey::sign_count.eq(sign_count),
            passkey::backed_up.eq(backed_up),
            passkey::last_used_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// The new row, when there was one of the person's.
pub(super) async fn rename_passkey(
    tx: &mut AsyncPgConnection,
    person: Person,
    id: PasskeyId,
    name: &str,
) -> Result<Option<Passkey>> {
    let row = passkey::table
        .find((person.tenant, id))
        .filter(passkey::user_id.eq(person.user));
    Ok(diesel::update(row)
        .set(passkey::name.eq(name))
        .returning(Passkey::as_returning())
        .get_result(tx)
        .await
        .optional()?)
}

/// The name of the one that is gone.
pub(super) async fn delete_passkey(
    tx: &mut AsyncPgConnection,
    person: Person,
    id: PasskeyId,
) -> Result<Option<String>> {
    let row = passkey::table
        .find((person.tenant, id))
        .filter(passkey::user_id.eq(person.user));
    Ok(diesel::delete(row)
        .returning(passkey::name)
        .get_result(tx)
        .await
        .optional()?)
}

pub(super) async fn codes_left(tx: &mut AsyncPgConnection, person: Person) -> Result<i64> {
    Ok(recovery_code::table
        .filter(recovery_code::tenant_id.eq(person.tenant))
        .filter(recovery_code::user_id.eq(person.user))
        .count()
        .get_result(tx)
        .await?)
}

/// These codes and no others.
pub(super) async fn put_codes(
    tx: &mut AsyncPgConnection,
    person: Person,
    hashes: &[[u8; 32]],
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::delete(recovery_code::table)
        .filter(recovery_code::tenant_id.eq(person.tenant))
        .filter(recovery_code::user_id.eq(person.user))
        .execute(tx)
        .await?;
    let rows: Vec<_> = hashes
        .iter()
        .map(|hash| {
            (
                recovery_code::tenant_id.eq(person.tenant),
                recovery_code::user_id.eq(person.user),
                recovery_code::hash.eq(hash.as_slice()),
                recovery_code::created_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(recovery_code::table)
        .values(rows)
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether the code was there; it is not any more.
pub(super) async fn use_code(
    tx: &mut AsyncPgConnection,
    person: Person,
    hash: &[u8],
) -> Result<bool> {
    let row = recovery_code::table.find((person.tenant, person.user, hash));
    Ok(diesel::delete(row).execute(tx).await? == 1)
}

/// Whether the rows say that the person has a second factor.
pub(super) async fn has_factor(tx: &mut AsyncPgConnection, person: Person) -> Result<bool> {
    let seeds = totp_seed::table
        .find((person.tenant, person.user))
        .filter(totp_seed::confirmed_at.is_not_null());
    let keys = passkey::table
        .filter(passkey::tenant_id.eq(person.tenant))
        .filter(passkey::user_id.eq(person.user));
    Ok(select(exists(seeds).or(exists(keys)))
        .get_result(tx)
        .await?)
}

/// What the person can answer with; empty without a second factor.
pub(crate) async fn methods(
    tx: &mut AsyncPgConnection,
    person: Person,
    passkeys_possible: bool,
) -> Result<Vec<Method>> {
    let seeds = totp_seed::table
        .find((person.tenant, person.user))
        .filter(totp_seed::confirmed_at.is_not_null());
    let keys = passkey::table
        .filter(passkey::tenant_id.eq(person.tenant))
        .filter(passkey::user_id.eq(person.user));
    let codes = recovery_code::table
        .filter(recovery_code::tenant_id.eq(person.tenant))
        .filter(recovery_code::user_id.eq(person.user));
    let (totp, passkey, code): (bool, bool, bool) =
        select((exists(seeds), exists(keys), exists(codes)))
            .get_result(tx)
            .await?;
    if !totp && !passkey {
        return Ok(Vec::new());
    }
    let all = [
        (Method::Passkey, passkey && passkeys_possible),
        (Method::Totp, totp),
        (Method::RecoveryCode, code),
    ];
    Ok(all
        .into_iter()
        .filter_map(|(method, has)| has.then_some(method))
        .collect())
}

/// Keeps the time of the first factor.
pub(super) async fn note_factor(
    tx: &mut AsyncPgConnection,
    person: Person,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(
        user_account::table
            .find((person.tenant, person.user))
            .filter(user_account::second_factor_at.is_null()),
    )
    .set((
        user_account::second_factor_at.eq(now),
        user_account::updated_at.eq(now),
    ))
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn forget_factor(
    tx: &mut AsyncPgConnection,
    person: Person,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(user_account::table.find((person.tenant, person.user)))
        .set((
            user_account::second_factor_at.eq(None::<DateTime<Utc>>),
            user_account::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Everything of a person goes; whether there was a factor.
pub(super) async fn delete_all(
    tx: &mut AsyncPgConnection,
    person: Person,
    now: DateTime<Utc>,
) -> Result<bool> {
    let had = has_factor(tx, person).await?;
    delete_seed(tx, person).await?;
    diesel::delete(passkey::table)
        .filter(passkey::tenant_id.eq(person.tenant))
        .filter(passkey::user_id.eq(person.user))
        .execute(tx)
        .await?;
    put_codes(tx, person, &[], now).await?;
    forget_factor(tx, person, now).await?;
    Ok(had)
}
