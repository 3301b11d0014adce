//! Notices by mail of tokens that end soon: a week before, and a day before.
//! A token that was revoked, or rotated with a new end, is not spoken of.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use crate::actor::Permission;
use crate::error::Result;
use crate::ids::{ApiTokenId, TenantId, UserId};
use crate::role;
use crate::schema::{api_token, user_account};
use crate::system_mail::{self, Kind};
use crate::tenant;

/// Days before its end on which people are told of a token.
const EARLY: i16 = 7;
const LATE: i16 = 1;
/// Tokens of one sweep; a tenant has at most as many live ones.
const TOKENS: i64 = super::MOST;
/// People who are told of a token that nobody looks after.
const PEOPLE: i64 = 20;

/// The notice that a token of so many days is not worth: whoever makes one for
/// three days knows that it ends within a week.
pub(super) fn spared(days: i64) -> Option<i16> {
    if days <= i64::from(LATE) {
        Some(LATE)
    } else if days <= i64::from(EARLY) {
        Some(EARLY)
    } else {
        None
    }
}

/// Another end, with the notice that is not worth mailing before it.
pub(super) async fn set_end(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ApiTokenId,
    (expires_at, end_notice): (DateTime<Utc>, Option<i16>),
) -> Result<()> {
    diesel::update(api_token::table.find((tenant, id)))
        .set((
            api_token::expires_at.eq(expires_at),
            api_token::end_notice.eq(end_notice),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_token)]
struct Ending {
    id: ApiTokenId,
    name: String,
    expires_at: DateTime<Utc>,
    created_by: Option<UserId>,
}

/// Mails whose token ends within a week, and again when it does within a day;
/// each once. Who was not told a week before, because nothing ran, is told once.
pub(crate) async fn remind(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<()> {
    let due = ending(tx, tenant, now).await?;
    if due.is_empty() {
        return Ok(());
    }
    let zone = tenant::find(tx, tenant).await?.time_zone;
    let mut managers: Option<Vec<UserId>> = None;
    for token in due {
        let is_late = token.expires_at - now <= TimeDelta::days(LATE.into());
        diesel::update(api_token::table.find((tenant, token.id)))
            .set(api_token::end_notice.eq(if is_late { LATE } else { EARLY }))
            .execute(tx)
            .await?;
        let maker = match token.created_by {
            Some(maker) => enabled(tx, tenant, maker).await?,
            None => None,
        };
        let people = match (maker, &managers) {
            (Some(maker), _) => vec![maker],
            (None, Some(found)) => found.clone(),
            (None, None) => managers
                .insert(role::people_with(tx, tenant, Permission::TokensManage, PEOPLE).await?)
                .clone(),
        };
        for person in people {
            let params = json!({
                "token_name": token.name, "expires_at": token.expires_at, "time_zone": zone
            });
            system_mail::enqueue(tx, tenant, person, Kind::ApiTokenEnds, params, now).await?;
        }
    }
    Ok(())
}

/// Locked, and without those that another sweep has in its hands.
async fn ending(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<Vec<Ending>> {
    let late = api_token::end_notice.eq(EARLY).and(
        api_token::expires_at
            .nullable()
            .le(now + TimeDelta::days(LATE.into())),
    );
    Ok(api_token::table
        .filter(api_token::tenant_id.eq(tenant))
        .filter(api_token::revoked_at.is_null())
        .filter(api_token::expires_at.gt(now))
        .filter(api_token::expires_at.le(now + TimeDelta::days(EARLY.into())))
        .filter(api_token::end_notice.is_null().or(late))
        .order(api_token::expires_at)
        .limit(TOKENS)
        .select(Ending::as_select())
        .for_update()
        .skip_locked()
        .load(tx)
        .await?)
}

/// The person, if they are still there.
async fn enabled(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    person: UserId,
) -> Result<Option<UserId>> {
    Ok(user_account::table
        .find((tenant, person))
        .filter(user_account::disabled_at.is_null())
        .select(user_account::id)
        .first(tx)
        .await
        .optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_few_days_is_spared_the_notice_that_says_nothing_new() {
        let days = [1, 2, 7, 8, 365].map(spared);
        assert_eq!(days, [Some(1), Some(7), Some(7), None, None]);
    }
}
