//! Which chains there are, and what a walk along each asks the database.

use uuid::Uuid;

use crate::ids::TenantId;

/// Whose chain: a tenant's, or the operator's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    Tenant(TenantId),
    Operator,
}

impl From<TenantId> for Trace {
    fn from(id: TenantId) -> Self {
        Self::Tenant(id)
    }
}

impl Trace {
    /// What the questions bind as $1; the operator's ask for no tenant.
    pub(super) fn tenant(self) -> TenantId {
        match self {
            Self::Tenant(id) => id,
            Self::Operator => TenantId(Uuid::nil()),
        }
    }

    pub(super) fn questions(self) -> &'static Questions {
        match self {
            Self::Tenant(_) => &OF_A_TENANT,
            Self::Operator => &OF_THE_OPERATOR,
        }
    }
}

/// What a walk asks, fixed texts.
pub(super) struct Questions {
    /// $1 tenant, $2 after, $3 up to, $4 rows.
    pub(super) links: &'static str,
    /// Entries that no link names. $1 tenant, $2 rows.
    pub(super) unlinked: &'static str,
    /// Head and last link in one look, since both grow. $1 tenant.
    pub(super) ends: &'static str,
}

static OF_A_TENANT: Questions = Questions {
    links: "SELECT l.number, l.hash, l.entry_id, l.salt, l.details,
        pg_catalog.jsonb_build_array(e.before, e.after)::pg_catalog.text AS changes, CASE WHEN e.id IS NOT NULL THEN pg_catalog.jsonb_build_array(
        e.tenant_id, l.number, e.id, e.at AT TIME ZONE 'UTC', e.actor_kind, e.actor_id, e.action,
        e.subject_kind, e.subject_id, pg_catalog.encode(l.details, 'hex'), e.ip, e.request_id)::pg_catalog.text END AS text
    FROM audit_link l LEFT JOIN audit_entry e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
    WHERE l.tenant_id = $1 AND l.number > $2 AND l.number <= $3 ORDER BY l.number LIMIT $4",
    unlinked: "SELECT e.id FROM audit_entry e WHERE e.tenant_id = $1 AND NOT EXISTS (
        SELECT FROM audit_link l WHERE l.tenant_id = $1 AND l.entry_id = e.id) LIMIT $2",
    ends: "SELECT coalesce((SELECT number FROM audit_head WHERE tenant_id = $1), 0) AS head,
    coalesce((SELECT max(number) FROM audit_link WHERE tenant_id = $1), 0) AS last",
};

/// The details stand in the text itself, so that there is nothing to be salted:
/// the hash of no bytes stands for them.
static OF_THE_OPERATOR: Questions = Questions {
    links: "SELECT l.number, l.hash, l.entry_id, ''::pg_catalog.bytea AS salt, pg_catalog.sha256('') AS details,
        '' AS changes, CASE WHEN e.id IS NOT NULL THEN pg_catalog.jsonb_build_array(
        'operator', l.number, e.id, e.at AT TIME ZONE 'UTC', e.operator_id, e.operator_name, e.action,
        e.company_id, e.company_name, e.detail, e.ip, e.request_id)::pg_catalog.text END AS text
    FROM operator_audit_link l LEFT JOIN operator_audit e ON e.id = l.entry_id
    WHERE $1 IS NOT NULL AND l.number > $2 AND l.number <= $3 ORDER BY l.number LIMIT $4",
    unlinked: "SELECT e.id FROM operator_audit e WHERE $1 IS NOT NULL AND NOT EXISTS (
        SELECT FROM operator_audit_link l WHERE l.entry_id = e.id) LIMIT $2",
    ends: "SELECT coalesce((SELECT number FROM operator_audit_head WHERE $1 IS NOT NULL), 0) AS head,
    coalesce((SELECT max(number) FROM operator_audit_link), 0) AS last",
};
