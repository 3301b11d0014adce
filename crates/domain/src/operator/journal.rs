//! What staff did, over all tenants: the operator's own trace. What concerns a
//! tenant stands in that tenant's audit log too.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use serde_json::Value;

use super::Operator;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{OperatorAuditId, OperatorId, TenantId};
use crate::page::{Page, PageRequest, time_key};
use crate::schema::operator_audit;

const SORT: &str = "-at";

/// One entry.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = operator_audit)]
pub struct JournalEntry {
    pub id: OperatorAuditId,
    pub at: DateTime<Utc>,
    pub operator_id: Option<OperatorId>,
    pub operator_name: String,
    pub action: String,
    pub company_id: Option<TenantId>,
    pub company_name: Option<String>,
    pub detail: Option<Value>,
    pub ip: Option<IpNet>,
    pub request_id: Option<String>,
}

/// Which tenant an entry is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a>(pub(super) TenantId, pub(super) &'a str);

pub(super) async fn record(
    tx: &mut AsyncPgConnection,
    operator: &Operator,
    action: &str,
    about: Option<About<'_>>,
    detail: Option<Value>,
) -> Result<()> {
    diesel::insert_into(operator_audit::table)
        .values((
            operator_audit::id.eq(OperatorAuditId::new()),
            operator_audit::operator_id.eq(operator.id),
            operator_audit::operator_name.eq(&operator.name),
            operator_audit::action.eq(action),
            operator_audit::company_id.eq(about.map(|about| about.0)),
            operator_audit::company_name.eq(about.map(|about| about.1)),
            operator_audit::detail.eq(detail),
            operator_audit::ip.eq(operator.ip.map(IpNet::from)),
            operator_audit::request_id.eq(operator.request_id.as_deref()),
        ))
        .execute(tx)
        .await?;
    Ok(())
}

/// Pages the trace, newest first, of one tenant or all.
///
/// # Errors
/// [`crate::DomainError::Invalid`] for the page.
pub async fn list(
    db: &Db,
    company: Option<TenantId>,
    page: &PageRequest,
) -> Result<Page<JournalEntry>> {
    let (limit, cursor) = (page.limit()?, page.cursor(SORT)?);
    let mut query = operator_audit::table
        .order((operator_audit::at.desc(), operator_audit::id.desc()))
        .limit(limit + 1)
        .select(JournalEntry::as_select())
        .into_boxed();
    if let Some(company) = company {
        query = query.filter(operator_audit::company_id.eq(company));
    }
    if let Some(cursor) = cursor {
        let (at, id) = (cursor.time()?, OperatorAuditId(cursor.id));
        query = query.filter(
            operator_audit::at
                .lt(at)
                .or(operator_audit::at.eq(at).and(operator_audit::id.lt(id))),
        );
    }
    let rows = db.system(async |tx| Ok(query.load(tx).await?)).await?;
    Ok(Page::cut(rows, limit, SORT, |entry: &JournalEntry| {
        (time_key(entry.at), entry.id.0)
    }))
}
