//! A tenant with some entries.

use domain::Actor;
use domain::audit::chain::{self, Fault, FaultKind, Head, Walk};
use domain::audit::{self, Entry};
use domain::ids::TenantId;
use domain::testing::{TestDatabase, TestTenant};
use serde_json::json;

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) tenant: TenantId,
    pub(crate) actor: Actor,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let tenant = TestTenant::create(&database.db, "acme").await;
        Self {
            actor: tenant.owner(),
            tenant: tenant.id,
            database,
        }
    }

    /// So many entries more, each in a transaction of its own.
    pub(crate) async fn with(self, entries: usize) -> Self {
        for n in 0..entries {
            self.write(n).await;
        }
        self
    }

    pub(crate) async fn write(&self, n: usize) {
        let entry = Entry {
            action: "contact.updated",
            subject_kind: "contact",
            before: Some(json!({ "name": "髙橋", "rate": 1.50 })),
            after: Some(json!({ "name": format!("髙橋 {n}") })),
            ..Entry::default()
        };
        let db = &self.database.db;
        db.tenant(self.tenant, async |tx| {
            audit::record(tx, &self.actor, entry).await
        })
        .await
        .unwrap();
    }

    pub(crate) async fn verify(&self) -> Walk {
        self.verify_from(None).await
    }

    pub(crate) async fn verify_from(&self, anchor: Option<Head>) -> Walk {
        let db = &self.database.db;
        chain::verify(db, self.tenant, anchor).await.unwrap()
    }

    pub(crate) async fn head(&self) -> Head {
        let db = &self.database.db;
        db.tenant(self.tenant, async |tx| chain::head(tx, self.tenant).await)
            .await
            .unwrap()
    }

    /// As the owner, with the tenant's number and id at hand.
    pub(crate) async fn tamper(&self, sql: &str) {
        let sql = sql.replace("TENANT", &format!("'{}'", self.tenant));
        self.database.execute_as_owner(&sql).await;
    }
}

/// Nothing is wrong.
pub(crate) const WHOLE: [(FaultKind, i64, i64); 0] = [];

/// What and where.
pub(crate) fn found(walk: &Walk) -> Vec<(FaultKind, i64, i64)> {
    let of = |fault: &Fault| (fault.kind, fault.number, fault.until);
    walk.faults.iter().map(of).collect()
}
