//! Opens and clicks on their way into the database (see [`crate::gather`]). One
//! that could not be counted is answered all the same: a person has to reach
//! the page behind the link.

use domain::Db;
use domain::error::Result;
use domain::event::track::{self, Hit};
use domain::ids::TenantId;

use crate::gather::{Gathered, Gatherer};

/// The queue of opens and clicks.
pub type Tracker = Gatherer<Hit>;

impl Gathered for Hit {
    const WHAT: &'static str = "opens and clicks";
    const BATCH: usize = track::BATCH;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    async fn write(db: &Db, tenant: TenantId, items: &[Self]) -> Result<()> {
        track::record(db, tenant, items).await
    }
}
