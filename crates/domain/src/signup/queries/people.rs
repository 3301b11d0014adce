//! SQL of those who sign up.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::contact::{ContactStatus, EmailAddress};
use crate::db::turn::take_turn;
use crate::error::{DomainError, Result};
use crate::ids::{ContactId, DeliveryId, MailId, SignupAddressId, SignupId, TenantId};
use crate::mail::Mail;
use crate::mail::content::Locale;
use crate::schema::{contact, mail_version, signup, signup_address, suppression, tenant};
use crate::signup::token::SignupToken;
use crate::suppression::{Kind, Reason};

/// How long somebody who never confirmed is kept after the link has run out.
const FORGOTTEN: TimeDelta = TimeDelta::days(7);
/// How long a confirmed one is listed; the ledger keeps the consent.
const HISTORY: TimeDelta = TimeDelta::days(90);

pub(in crate::signup) async fn pending_of_all(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<BTreeMap<SignupAddressId, i64>> {
    let rows: Vec<(SignupAddressId, i64)> = signup::table
        .filter(signup::tenant_id.eq(tenant))
        .filter(
            signup::confirmed_at
                .is_null()
                .and(signup::expires_at.gt(now)),
        )
        .group_by(signup::signup_address_id)
        .select((signup::signup_address_id, diesel::dsl::count_star()))
        .load(tx)
        .await?;
    Ok(rows.into_iter().collect())
}

pub(in crate::signup) async fn pending_of(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: SignupAddressId,
    now: DateTime<Utc>,
) -> Result<i64> {
    Ok(signup::table
        .filter(signup::tenant_id.eq(tenant))
        .filter(signup::signup_address_id.eq(id))
        .filter(
            signup::confirmed_at
                .is_null()
                .and(signup::expires_at.gt(now)),
        )
        .count()
        .get_result(tx)
        .await?)
}

/// Two mails at once would each see that there was none before: those of one
/// tenant take turns until the transaction ends.
pub(in crate::signup) async fn take_turns(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
) -> Result<()> {
    take_turn(tx, &format!("signup:{tenant}")).await
}

/// Whether the person must not be mailed for another reason than that they
/// cancelled: that they take back themselves.
pub(in crate::signup) async fn is_blocked(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    from: &EmailAddress,
) -> Result<bool> {
    let stopped = [
        ContactStatus::Bounced,
        ContactStatus::Complained,
        ContactStatus::Disabled,
    ];
    let contacts: i64 = contact::table
        .filter(contact::tenant_id.eq(tenant))
        .filter(contact::email_key.eq(from.key()))
        .filter(contact::status.eq_any(stopped))
        .count()
        .get_result(tx)
        .await?;
    if contacts > 0 {
        return Ok(true);
    }
    let is_address = suppression::kind
        .eq(Kind::Address)
        .and(suppression::value.eq(from.key()))
        .and(suppression::reason.ne(Reason::Cancelled));
    let is_domain = suppression::kind
        .eq(Kind::Domain)
        .and(suppression::value.eq(from.domain()));
    let entries: i64 = suppression::table
        .filter(suppression::tenant_id.eq(tenant))
        .filter(is_address.or(is_domain))
        .count()
        .get_result(tx)
        .await?;
    Ok(entries > 0)
}

/// When and by which addresses a person was answered, the last `most`.
pub(in crate::signup) async fn answers_to(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    from: &EmailAddress,
    since: DateTime<Utc>,
    most: usize,
) -> Result<Vec<(SignupAddressId, DateTime<Utc>)>> {
    Ok(signup::table
        .filter(signup::tenant_id.eq(tenant))
        .filter(signup::email_key.eq(from.key()))
        .filter(signup::created_at.gt(since))
        .order(signup::created_at.desc())
        .select((signup::signup_address_id, signup::created_at))
        .limit(i64::try_from(most).unwrap_or(i64::MAX))
        .load(tx)
        .await?)
}

/// Answers of one address, or of all of the tenant's.
pub(in crate::signup) async fn answers_since(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    address: Option<SignupAddressId>,
    since: DateTime<Utc>,
) -> Result<i64> {
    let mut query = signup::table
        .filter(signup::tenant_id.eq(tenant))
        .filter(signup::created_at.gt(since))
        .count()
        .into_boxed();
    if let Some(address) = address {
        query = query.filter(signup::signup_address_id.eq(address));
    }
    Ok(query.get_result(tx).await?)
}

/// Somebody who was answered just now.
pub(in crate::signup) struct NewSignup<'a> {
    pub(in crate::signup) id: SignupId,
    pub(in crate::signup) address: SignupAddressId,
    pub(in crate::signup) from: &'a EmailAddress,
    pub(in crate::signup) message_id: &'a str,
    pub(in crate::signup) mail: &'a Mail,
    pub(in crate::signup) delivery: DeliveryId,
    pub(in crate::signup) expires_at: DateTime<Utc>,
}

pub(in crate::signup) async fn insert_signup(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    new: &NewSignup<'_>,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(signup::table)
        .values((
            signup::tenant_id.eq(tenant),
            signup::id.eq(new.id),
            signup::signup_address_id.eq(new.address),
            signup::email.eq(new.from.as_given()),
            signup::email_key.eq(new.from.key()),
            signup::message_id.eq(new.message_id),
            signup::mail_id.eq(new.mail.id),
            signup::mail_number.eq(new.mail.number),
            signup::delivery_id.eq(new.delivery),
            signup::created_at.eq(now),
            signup::expires_at.eq(new.expires_at),
        ))
        .execute(tx)
        .await?;
    diesel::update(signup_address::table.find((tenant, new.address)))
        .set((
            signup_address::asked_count.eq(signup_address::asked_count + 1),
            signup_address::problem.eq(None::<String>),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// A sign-up, with all that its page says.
pub(in crate::signup) struct Waiting {
    pub(in crate::signup) address: SignupAddressId,
    pub(in crate::signup) email: String,
    email_key: String,
    pub(in crate::signup) message_id: String,
    pub(in crate::signup) mail_number: i32,
    pub(in crate::signup) expires_at: DateTime<Utc>,
    pub(in crate::signup) confirmed_at: Option<DateTime<Utc>>,
    pub(in crate::signup) wording: String,
    /// Of the sign-up address.
    pub(in crate::signup) version: i32,
    pub(in crate::signup) locale: Locale,
    pub(in crate::signup) company: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = signup)]
struct SignupRow {
    signup_address_id: SignupAddressId,
    email: String,
    email_key: String,
    message_id: String,
    mail_id: MailId,
    mail_number: i32,
    expires_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
}

/// The sign-up of a link; with `hold` nobody else confirms it meanwhile, nor
/// another of the same person and address.
pub(in crate::signup) async fn waiting(
    tx: &mut AsyncPgConnection,
    token: SignupToken,
    hold: bool,
) -> Result<Waiting> {
    let (tenant, key) = (token.tenant, (token.tenant, token.signup));
    if hold {
        hold_all(tx, token).await?;
    }
    let gone = || DomainError::not_found("link");
    let row: SignupRow = signup::table
        .find(key)
        .select(SignupRow::as_select())
        .first(tx)
        .await
        .optional()?
        .ok_or_else(gone)?;
    let (wording, version): (String, i32) = signup_address::table
        .find((tenant, row.signup_address_id))
        .select((signup_address::wording, signup_address::version))
        .first(tx)
        .await
        .optional()?
        .ok_or_else(gone)?;
    let (name, sender, words): (String, String, Locale) = tenant::table
        .find(tenant)
        .select((tenant::name, tenant::legal_sender_name, tenant::locale))
        .first(tx)
        .await?;
    // The mail may have been deleted since: then the company's language.
    let locale: Option<Locale> = mail_version::table
        .filter(mail_version::tenant_id.eq(tenant))
        .filter(mail_version::mail_id.eq(row.mail_id))
        .filter(mail_version::number.eq(row.mail_number))
        .select(mail_version::locale)
        .first(tx)
        .await
        .optional()?;
    Ok(Waiting {
        address: row.signup_address_id,
        email: row.email,
        email_key: row.email_key,
        message_id: row.message_id,
        mail_number: row.mail_number,
        expires_at: row.expires_at,
        confirmed_at: row.confirmed_at,
        wording,
        version,
        locale: locale.unwrap_or(words),
        company: if sender.trim().is_empty() {
            name
        } else {
            sender
        },
    })
}

/// Locks all rows that [`confirmed`] will mark, in one order: two links of one
/// person that are used at the same moment would otherwise wait for each other.
async fn hold_all(tx: &mut AsyncPgConnection, token: SignupToken) -> Result<()> {
    let person: Option<(SignupAddressId, String)> = signup::table
        .find((token.tenant, token.signup))
        .select((signup::signup_address_id, signup::email_key))
        .first(tx)
        .await
        .optional()?;
    let Some((address, email_key)) = person else {
        return Ok(());
    };
    let open = signup::confirmed_at.is_null();
    signup::table
        .filter(signup::tenant_id.eq(token.tenant))
        .filter(signup::email_key.eq(email_key))
        .filter(signup::signup_address_id.eq(address))
        .filter(open.or(signup::id.eq(token.signup)))
        .order(signup::id)
        .select(signup::id)
        .for_update()
        .load::<SignupId>(tx)
        .await?;
    Ok(())
}

/// Marks it, and with it whatever else waits for the same word of this person.
pub(in crate::signup) async fn confirmed(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    waiting: &Waiting,
    contact: ContactId,
    now: DateTime<Utc>,
) -> Result<()> {
    let open = signup::table
        .filter(signup::tenant_id.eq(tenant))
        .filter(signup::email_key.eq(&waiting.email_key))
        .filter(signup::signup_address_id.eq(waiting.address))
        .filter(signup::confirmed_at.is_null());
    diesel::update(open)
        .set((signup::confirmed_at.eq(now), signup::contact_id.eq(contact)))
        .execute(tx)
        .await?;
    diesel::update(signup_address::table.find((tenant, waiting.address)))
        .set(signup_address::confirmed_count.eq(signup_address::confirmed_count + 1))
        .execute(tx)
        .await?;
    Ok(())
}

/// Sweeps who never confirmed, and who did long ago.
///
/// # Errors
/// When the database does.
pub(crate) async fn forget(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<()> {
    let of_tenant = signup::table.filter(signup::tenant_id.eq(tenant));
    let never = of_tenant
        .filter(signup::confirmed_at.is_null())
        .filter(signup::expires_at.lt(now - FORGOTTEN));
    diesel::delete(never).execute(tx).await?;
    let long_ago = of_tenant.filter(signup::confirmed_at.lt(now - HISTORY));
    diesel::delete(long_ago).execute(tx).await?;
    Ok(())
}
