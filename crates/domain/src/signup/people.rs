//! Who mailed to a sign-up address.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::confirm::Standing;
use super::queries;
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::error::{DomainError, Result};
use crate::ids::{ContactId, DeliveryId, SignupAddressId, SignupId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::signup;

/// Newest first.
const SORT: &str = "-created_at";

/// One sign-up.
#[derive(Debug, Clone)]
pub struct Signup {
    pub id: SignupId,
    pub email: String,
    pub state: Standing,
    /// The answer.
    pub delivery_id: DeliveryId,
    /// Once it is confirmed; the contact may have been deleted since.
    pub contact_id: Option<ContactId>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = signup)]
struct Row {
    id: SignupId,
    email: String,
    delivery_id: DeliveryId,
    contact_id: Option<ContactId>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
}

impl Row {
    fn at(self, now: DateTime<Utc>) -> Signup {
        let state = match self.confirmed_at {
            Some(_) => Standing::Confirmed,
            None if self.expires_at <= now => Standing::Expired,
            None => Standing::Pending,
        };
        Signup {
            id: self.id,
            email: self.email,
            state,
            delivery_id: self.delivery_id,
            contact_id: self.contact_id,
            created_at: self.created_at,
            expires_at: self.expires_at,
            confirmed_at: self.confirmed_at,
        }
    }
}

/// Pages the sign-ups of one address, newest first.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    actor: &Actor,
    address: SignupAddressId,
    state: Option<Standing>,
    page: &PageRequest,
) -> Result<Page<Signup>> {
    actor.require(Permission::ContactsRead)?;
    let (limit, cursor) = (page.limit()?, page.cursor(SORT)?);
    let before = cursor
        .map(|c| Ok::<_, DomainError>((c.time()?, SignupId(c.id))))
        .transpose()?;
    let (tenant, now) = (actor.tenant_id, db.now());
    let rows: Vec<Row> = db
        .tenant(tenant, async |tx| {
            queries::find(tx, tenant, address).await?;
            let mut query = signup::table
                .filter(
                    signup::tenant_id
                        .eq(tenant)
                        .and(signup::signup_address_id.eq(address)),
                )
                .order((signup::created_at.desc(), signup::id.desc()))
                .select(Row::as_select())
                .limit(limit + 1)
                .into_boxed();
            query = match state {
                Some(Standing::Confirmed) => query.filter(signup::confirmed_at.is_not_null()),
                Some(Standing::Pending) => query.filter(
                    signup::confirmed_at
                        .is_null()
                        .and(signup::expires_at.gt(now)),
                ),
                Some(Standing::Expired) => query.filter(
                    signup::confirmed_at
                        .is_null()
                        .and(signup::expires_at.le(now)),
                ),
                None => query,
            };
            if let Some((at, id)) = before {
                query = query.filter(
                    signup::created_at
                        .lt(at)
                        .or(signup::created_at.eq(at).and(signup::id.lt(id))),
                );
            }
            Ok(query.load(tx).await?)
        })
        .await?;
    let rows: Vec<Signup> = rows.into_iter().map(|row| row.at(now)).collect();
    Ok(Page::cut(rows, limit, SORT, |row: &Signup| {
        (time_key(row.created_at), row.id.0)
    }))
}
