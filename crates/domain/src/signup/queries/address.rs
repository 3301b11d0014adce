//! SQL of sign-up addresses.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::error::expect_unique;
use crate::error::{DomainError, Result};
use crate::ids::{ListId, MailId, SignupAddressId, TenantId, UserId};
use crate::schema::{signup_address, signup_address_list, signup_directory, tenant};
use crate::signup::local_part::LocalPart;
use crate::signup::receive::Mailbox;
use crate::signup::{MAX, Row, Rule};

fn not_found() -> DomainError {
    DomainError::not_found("sign-up address")
}

/// All of a tenant, the newest first.
pub(in crate::signup) async fn all(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<Vec<Row>> {
    Ok(signup_address::table
        .filter(signup_address::tenant_id.eq(tenant))
        .order((signup_address::created_at.desc(), signup_address::id.desc()))
        .select(Row::as_select())
        .limit(i64::try_from(MAX).unwrap_or(i64::MAX))
        .load(tx)
        .await?)
}

pub(in crate::signup) async fn find(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SignupAddressId,
) -> Result<Row> {
    signup_address::table
        .find((tenant, id))
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(not_found)
}

/// As [`find`]; holds the row until the transaction ends.
pub(in crate::signup) async fn lock(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SignupAddressId,
) -> Result<Row> {
    signup_address::table
        .find((tenant, id))
        .select(Row::as_select())
        .for_no_key_update()
        .first(tx)
        .await
        .optional()?
        .ok_or_else(not_found)
}

/// One that is on, of a tenant that may send.
pub(in crate::signup) async fn find_enabled(
    tx: &mut AsyncPgConnection,
    to: Mailbox,
) -> Result<Option<Row>> {
    Ok(signup_address::table
        .inner_join(tenant::table)
        .filter(
            signup_address::tenant_id
                .eq(to.tenant)
                .and(signup_address::id.eq(to.address))
                .and(signup_address::enabled.eq(true))
                .and(tenant::state.eq("active")),
        )
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()?)
}

/// Where a local part is at home. The one look without a tenant.
pub(in crate::signup) async fn at_home(
    tx: &mut AsyncPgConnection,
    local: &LocalPart,
) -> Result<Option<Mailbox>> {
    let found: Option<(TenantId, SignupAddressId)> = signup_directory::table
        .find(local.key())
        .select((
            signup_directory::tenant_id,
            signup_directory::signup_address_id,
        ))
        .first(tx)
        .await
        .optional()?;
    Ok(found.map(|(tenant, address)| Mailbox { tenant, address }))
}

type Values<'a> = (
    diesel::dsl::Eq<signup_address::name, &'a str>,
    diesel::dsl::Eq<signup_address::mail_id, MailId>,
    diesel::dsl::Eq<signup_address::wording, &'a str>,
    diesel::dsl::Eq<signup_address::enabled, bool>,
    diesel::dsl::Eq<signup_address::hourly_limit, i32>,
    diesel::dsl::Eq<signup_address::valid_hours, i16>,
);

fn values(rule: &Rule) -> Values<'_> {
    (
        signup_address::name.eq(rule.name.trim()),
        signup_address::mail_id.eq(rule.mail_id),
        signup_address::wording.eq(rule.wording.trim()),
        signup_address::enabled.eq(rule.enabled),
        signup_address::hourly_limit.eq(rule.hourly_limit),
        signup_address::valid_hours.eq(rule.valid_hours),
    )
}

pub(in crate::signup) async fn insert(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SignupAddressId,
    local_part: &LocalPart,
    rule: &Rule,
    by: Option<UserId>,
) -> Result<()> {
    diesel::insert_into(signup_address::table)
        .values((
            signup_address::tenant_id.eq(tenant),
            signup_address::id.eq(id),
            signup_address::local_part.eq(local_part.as_str()),
            signup_address::created_by.eq(by),
            values(rule),
        ))
        .execute(tx)
        .await?;
    let inserted = diesel::insert_into(signup_directory::table)
        .values((
            signup_directory::address_key.eq(local_part.key()),
            signup_directory::tenant_id.eq(tenant),
            signup_directory::signup_address_id.eq(id),
        ))
        .execute(tx)
        .await;
    expect_unique(inserted, "signup_directory_pkey", || {
        DomainError::conflict(
            "address_taken",
            "this address is in use already: choose another one",
        )
    })?;
    Ok(())
}

pub(in crate::signup) async fn update(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SignupAddressId,
    version: i32,
    rule: &Rule,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(signup_address::table.find((tenant, id)))
        .set((
            values(rule),
            signup_address::problem.eq(None::<String>),
            signup_address::version.eq(version + 1),
            signup_address::updated_at.eq(now),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

pub(in crate::signup) async fn delete(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SignupAddressId,
) -> Result<()> {
    diesel::delete(signup_address::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Not a change that somebody made: the version stays.
pub(in crate::signup) async fn set_problem(
    tx: &mut AsyncPgConnection,
    to: Mailbox,
    why: &str,
) -> Result<()> {
    let why: String = why.chars().take(1000).collect();
    diesel::update(signup_address::table.find((to.tenant, to.address)))
        .set(signup_address::problem.eq(why))
        .execute(tx)
        .await?;
    Ok(())
}

pub(in crate::signup) async fn set_lists(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SignupAddressId,
    lists: &[ListId],
) -> Result<()> {
    use signup_address_list as link;
    let old = link::table.filter(
        link::tenant_id
            .eq(tenant)
            .and(link::signup_address_id.eq(id)),
    );
    diesel::delete(old).execute(tx).await?;
    let rows: Vec<_> = lists
        .iter()
        .map(|list| {
            (
                link::tenant_id.eq(tenant),
                link::signup_address_id.eq(id),
                link::list_id.eq(*list),
            )
        })
        .collect();
    diesel::insert_into(link::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(tx)
        .await?;
    Ok(())
}

pub(in crate::signup) async fn lists_of(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SignupAddressId,
) -> Result<Vec<ListId>> {
    use signup_address_list as link;
    Ok(link::table
        .filter(
            link::tenant_id
                .eq(tenant)
                .and(link::signup_address_id.eq(id)),
        )
        .order(link::list_id)
        .select(link::list_id)
        .load(tx)
        .await?)
}

pub(in crate::signup) async fn lists_of_all(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<BTreeMap<SignupAddressId, Vec<ListId>>> {
    use signup_address_list as link;
    let rows: Vec<(SignupAddressId, ListId)> = link::table
        .filter(link::tenant_id.eq(tenant))
        .order((link::signup_address_id, link::list_id))
        .select((link::signup_address_id, link::list_id))
        .load(tx)
        .await?;
    let mut lists: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (address, list) in rows {
        lists.entry(address).or_default().push(list);
    }
    Ok(lists)
}
