//! How the installation does, by the tables without personal data.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Timestamptz};
use diesel_async::RunQueryDsl;

use crate::db::Db;
use crate::error::Result;

/// What waits, and since when.
#[derive(Debug, Clone, QueryableByName)]
pub struct Health {
    #[diesel(sql_type = BigInt)]
    pub tenants_active: i64,
    #[diesel(sql_type = BigInt)]
    pub tenants_suspended: i64,
    /// Sendings with something to do: campaigns, sequences, transactional.
    #[diesel(sql_type = BigInt)]
    pub sendings: i64,
    /// Of these, due now.
    #[diesel(sql_type = BigInt)]
    pub sendings_due: i64,
    /// When a mailer last took mails.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub last_claim_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    pub jobs: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest_job_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    pub erasures_waiting: i64,
}

/// # Errors
/// When the database does.
#[expect(
    clippy::disallowed_methods,
    reason = "sub-selects in one row; the value is bound"
)]
pub async fn health(db: &Db) -> Result<Health> {
    let now = db.now();
    db.system(async |tx| {
        Ok(diesel::sql_query(
            "SELECT (SELECT count(*) FROM tenant WHERE state = 'active') AS tenants_active,
                    (SELECT count(*) FROM tenant WHERE state <> 'active') AS tenants_suspended,
                    (SELECT count(*) FROM send_queue) AS sendings,
                    (SELECT count(*) FROM send_queue WHERE state = 'sending' AND NOT held AND due_at <= $1) AS sendings_due,
                    (SELECT max(served_at) FROM send_queue WHERE served_at > '-infinity') AS last_claim_at,
                    (SELECT count(*) FROM job_queue) AS jobs,
                    (SELECT min(run_at) FROM job_queue WHERE run_at <= $1) AS oldest_job_at,
                    (SELECT count(*) FROM tenant_erasure WHERE cancelled_at IS NULL AND finished_at IS NULL) AS erasures_waiting",
        )
        .bind::<Timestamptz, _>(now)
        .get_result(tx)
        .await?)
    })
    .await
}
