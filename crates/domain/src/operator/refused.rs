//! Refused log-ins and codes of staff, in the operator's own trace.

use diesel::dsl::{IntervalDsl, now};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::{Operator, journal};
use crate::error::Result;
use crate::ids::{OperatorAuditId, OperatorId};
use crate::schema::operator_audit;

/// Entries of one person within an hour. The throttle slows each address down,
/// but many addresses could still fill the trace.
const MOST_AN_HOUR: i64 = 60;
/// A password, or an account that may not log in.
pub(super) const LOG_IN: &str = "operator.log_in_refused";
/// A code of the app.
pub(super) const CODE: &str = "operator.code_refused";

/// Notes a refusal. `as_if` is whose account was named; without an id nobody
/// has it, and then it is looked all the same, so that it takes as long.
pub(super) async fn note(
    tx: &mut AsyncPgConnection,
    as_if: &Operator,
    action: &str,
    reason: &str,
) -> Result<()> {
    if is_full(tx, as_if.id.unwrap_or_else(OperatorId::new)).await? {
        return Ok(());
    }
    if as_if.id.is_none() {
        // In place of the entry: one more question to the database.
        return is_full(tx, OperatorId::new()).await.map(drop);
    }
    let detail = Some(json!({ "reason": reason }));
    journal::record(tx, as_if, action, None, detail).await
}

/// By the database's clock, which wrote the entries' times.
async fn is_full(tx: &mut AsyncPgConnection, person: OperatorId) -> Result<bool> {
    let nth: Option<OperatorAuditId> = operator_audit::table
        .filter(operator_audit::operator_id.eq(person))
        .filter(operator_audit::action.eq_any([LOG_IN, CODE]))
        .filter(operator_audit::at.gt(now.into_sql::<Timestamptz>() - 1.hour()))
        .select(operator_audit::id)
        .offset(MOST_AN_HOUR - 1)
        .limit(1)
        .first(tx)
        .await
        .optional()?;
    Ok(nth.is_some())
}
