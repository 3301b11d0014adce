//! What the beings that act are called: persons, programs with an API token,
//! and staff who looked under a grant.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::actor::ActorKind;
use crate::error::Result;
use crate::ids::TenantId;
use crate::schema::{api_token, support_session, user_account};

/// Names by id, with one query for each kind that there is. Ids of different
/// kinds never meet: all are random.
pub(crate) async fn names<'a>(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    actors: impl Iterator<Item = (&'a str, Uuid)>,
) -> Result<HashMap<Uuid, String>> {
    let (mut people, mut programs, mut staff) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, id) in actors {
        if kind == ActorKind::Token.as_str() {
            programs.push(id);
        } else if kind == ActorKind::Operator.as_str() {
            staff.push(id);
        } else {
            people.push(id);
        }
    }
    let mut found: Vec<(Uuid, String)> = Vec::new();
    if let Some(ids) = once_each(people) {
        let rows: Vec<(Uuid, String)> = user_account::table
            .filter(user_account::tenant_id.eq(tenant))
            .filter(user_account::id.eq_any(ids))
            .select((user_account::id, user_account::display_name))
            .load(tx)
            .await?;
        found.extend(rows);
    }
    if let Some(ids) = once_each(programs) {
        let rows: Vec<(Uuid, String)> = api_token::table
            .filter(api_token::tenant_id.eq(tenant))
            .filter(api_token::id.eq_any(ids))
            .select((api_token::id, api_token::name))
            .load(tx)
            .await?;
        found.extend(rows);
    }
    if let Some(ids) = once_each(staff) {
        let rows: Vec<(Uuid, String)> = support_session::table
            .filter(support_session::tenant_id.eq(tenant))
            .filter(support_session::operator_id.eq_any(ids))
            .distinct_on(support_session::operator_id)
            .order((
                support_session::operator_id,
                support_session::opened_at.desc(),
            ))
            .select((support_session::operator_id, support_session::operator_name))
            .load(tx)
            .await?;
        found.extend(rows);
    }
    Ok(found.into_iter().collect())
}

fn once_each(mut ids: Vec<Uuid>) -> Option<Vec<Uuid>> {
    ids.sort_unstable();
    ids.dedup();
    (!ids.is_empty()).then_some(ids)
}
