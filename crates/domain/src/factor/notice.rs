//! What a person is told by mail of their second factors: whoever takes over a
//! session and adds a factor of their own does not stay unseen.

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use serde_json::json;

use super::{Method, Person};
use crate::actor::{Actor, ActorKind};
use crate::error::Result;
use crate::session::device::notify;
use crate::system_mail::Kind;

/// A factor was added or removed by the person themself.
pub(super) async fn changed(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    person: Person,
    kind: Kind,
    (method, name): (Method, &str),
    now: DateTime<Utc>,
) -> Result<()> {
    let params = json!({ "method": method.as_str(), "factor_name": name });
    notify(tx, person.tenant, person.user, kind, actor.ip, params, now).await
}

/// There are other recovery codes than before. The first ones are part of the
/// factor that they came with.
pub(super) async fn new_codes(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    person: Person,
    now: DateTime<Utc>,
) -> Result<()> {
    let kind = Kind::RecoveryCodesMade;
    notify(
        tx,
        person.tenant,
        person.user,
        kind,
        actor.ip,
        json!({}),
        now,
    )
    .await
}

/// Somebody else took all of them away. From where is the trail's to say.
pub(super) async fn reset(
    tx: &mut AsyncPgConnection,
    actor: &Actor,
    person: Person,
    now: DateTime<Utc>,
) -> Result<()> {
    let by = match actor.kind {
        ActorKind::Operator => "operator",
        _ => "manager",
    };
    let params = json!({ "by": by });
    let kind = Kind::FactorsReset;
    notify(tx, person.tenant, person.user, kind, None, params, now).await
}
