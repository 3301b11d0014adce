//! When a password has to be changed, and who is told beforehand.

use chrono::{DateTime, Months, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::json;

use crate::error::{DomainError, Result};
use crate::ids::{TenantId, UserId};
use crate::schema::user_account;
use crate::system_mail::{self, Kind};
use crate::tenant;

/// How long before it expires a person is reminded.
pub const REMIND_BEFORE: TimeDelta = TimeDelta::days(7);
/// How long a password that somebody else made up opens a log-in, unless it is
/// changed before: as long as the link of an invitation.
pub const GIVEN_LIFETIME: TimeDelta = TimeDelta::hours(72);
/// People that are reminded in one transaction.
const REMINDERS: i64 = 200;

/// How a person's password stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PasswordState {
    /// `None`: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Nothing but changing it is possible.
    pub must_change: bool,
}

impl PasswordState {
    pub(crate) fn of(
        changed_at: DateTime<Utc>,
        temporary: bool,
        expiry_months: Option<i16>,
        now: DateTime<Utc>,
    ) -> Self {
        let expires_at = expiry_months
            .and_then(|n| changed_at.checked_add_months(Months::new(u32::from(n.unsigned_abs()))));
        Self {
            expires_at,
            must_change: temporary || expires_at.is_some_and(|at| at <= now),
        }
    }
}

/// Whether a password that somebody else made up was never replaced in time
/// (ASVS 5.0, 6.4.1): it lies in a mail or on a slip of paper, and opens nothing any more.
pub(super) fn is_given_and_over(
    changed_at: DateTime<Utc>,
    temporary: bool,
    now: DateTime<Utc>,
) -> bool {
    temporary && now - changed_at >= GIVEN_LIFETIME
}

/// Only who types it right learns of it.
pub(super) fn given_is_over() -> DomainError {
    DomainError::Refused {
        code: "given_password_over",
        detail: "this password was given to you more than 72 hours ago and never changed, so it is good no more: ask whoever manages users for a new one".to_owned(),
    }
}

/// Mails whoever's password expires within a week, once for each password.
pub(crate) async fn remind(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<()> {
    let settings = tenant::find(tx, tenant).await?;
    let Some(months) = settings.password_expiry_months else {
        return Ok(());
    };
    let months = Months::new(u32::from(months.unsigned_abs()));
    // Month ends make "N months ago" and "in N months" differ by up to three
    // days: taken a little wide here, judged exactly below.
    let wide = (now + REMIND_BEFORE + TimeDelta::days(4)).checked_sub_months(months);
    let due: Vec<(UserId, String, DateTime<Utc>)> = user_account::table
        .filter(user_account::tenant_id.eq(tenant))
        .filter(user_account::disabled_at.is_null())
        .filter(user_account::password_hash.is_not_null())
        .filter(user_account::expiry_reminded_at.is_null())
        .filter(user_account::password_changed_at.le(wide.unwrap_or(now)))
        .order(user_account::password_changed_at)
        .limit(REMINDERS)
        .select((
            user_account::id,
            user_account::login_id,
            user_account::password_changed_at,
        ))
        .for_update()
        .skip_locked()
        .load(tx)
        .await?;
    for (id, login_id, changed_at) in due {
        let Some(expires_at) = changed_at.checked_add_months(months) else {
            continue;
        };
        if expires_at - now > REMIND_BEFORE {
            continue;
        }
        diesel::update(user_account::table.find((tenant, id)))
            .set(user_account::expiry_reminded_at.eq(now))
            .execute(tx)
            .await?;
        let params = json!({
            "login_id": login_id, "expires_at": expires_at, "time_zone": settings.time_zone
        });
        system_mail::enqueue(tx, tenant, id, Kind::PasswordExpires, params, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_password_is_over_after_72_hours_and_an_own_one_never() {
        let given = "2026-11-27T09:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let second = TimeDelta::seconds(1);
        let end = given + GIVEN_LIFETIME;
        assert!(!is_given_and_over(given, true, end - second));
        assert!(is_given_and_over(given, true, end));
        assert!(!is_given_and_over(given, false, end + second));
    }

    #[test]
    fn a_password_expires_after_calendar_months_and_a_temporary_one_at_once() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let changed = at("2026-01-31T09:00:00Z");
        let of =
            |temporary, months, now: &str| PasswordState::of(changed, temporary, months, at(now));
        assert_eq!(of(false, None, "2036-01-01T00:00:00Z").expires_at, None);
        let month = of(false, Some(1), "2026-02-28T08:59:59Z");
        assert_eq!(month.expires_at, Some(at("2026-02-28T09:00:00Z")));
        assert!(!month.must_change);
        assert!(of(false, Some(1), "2026-02-28T09:00:00Z").must_change);
        assert!(of(true, None, "2026-01-31T09:00:00Z").must_change);
    }
}
