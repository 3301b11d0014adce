//! What is sealed on the operator's side, and sealing it anew under the
//! console's current master key.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::certificate;
use crate::db::Db;
use crate::error::Result;
use crate::ids::{OperatorId, OperatorSessionId, TenantId};
use crate::schema::{operator_account, operator_session};
use crate::secret::Keys;

/// Staff are of no tenant; the nil id keeps what is sealed apart from all of them.
pub(super) fn nobody() -> TenantId {
    TenantId(Uuid::nil())
}

/// Of a person's seed, in force or on trial.
pub(super) fn place(id: OperatorId) -> String {
    format!("operator.factor:{id}")
}

/// Seals anew what another key sealed, all staff in one transaction: they are
/// few. Remembers the public keys that certificates of erasures are checked
/// with, since the old ones leave the key file after this. Answers how many secrets.
///
/// # Errors
/// When the database does, or a secret opens with no key of the ring.
pub async fn run(db: &Db, keys: &Keys) -> Result<u64> {
    let again = |id: OperatorId, sealed: &[u8]| {
        let plain = keys.open(nobody(), &place(id), sealed)?;
        keys.seal(nobody(), &place(id), &plain)
    };
    let is_old = |sealed: &[u8]| !sealed.starts_with(&keys.seal_prefix());
    db.system(async |tx| {
        certificate::remember(tx, keys, db.now()).await?;
        let mut done = 0;
        let factors: Vec<(OperatorId, Vec<u8>)> = operator_account::table
            .filter(operator_account::factor_sealed.is_not_null())
            .select((
                operator_account::id,
                operator_account::factor_sealed.assume_not_null(),
            ))
            .for_update()
            .load(tx)
            .await?;
        for (id, sealed) in factors.iter().filter(|(_, sealed)| is_old(sealed)) {
            diesel::update(operator_account::table.find(id))
                .set(operator_account::factor_sealed.eq(again(*id, sealed)?))
                .execute(tx)
                .await?;
            done += 1;
        }
        let trials: Vec<(OperatorSessionId, OperatorId, Vec<u8>)> = operator_session::table
            .filter(operator_session::seed_sealed.is_not_null())
            .filter(operator_session::ended_at.is_null())
            .filter(operator_session::expires_at.gt(db.now()))
            .select((
                operator_session::id,
                operator_session::operator_id,
                operator_session::seed_sealed.assume_not_null(),
            ))
            .for_update()
            .load(tx)
            .await?;
        for (session, id, sealed) in trials.iter().filter(|(.., sealed)| is_old(sealed)) {
            diesel::update(operator_session::table.find(session))
                .set(operator_session::seed_sealed.eq(again(*id, sealed)?))
                .execute(tx)
                .await?;
            done += 1;
        }
        Ok(done)
    })
    .await
}
