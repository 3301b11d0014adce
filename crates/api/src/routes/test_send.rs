//! Test sends of a mail to people of the tenant.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::campaign::test_send;
use domain::ids::{ContactId, MailId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, PageOf};
use crate::problems::{ActionProblems, GetProblems};
use crate::state::AppState;

/// One mail of a test send.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestDelivery {
    pub id: Uuid,
    pub address: String,
    /// As of a delivery: `queued`, `claimed`, `accepted`, `deferred`, `failed`, `unknown` or `skipped`.
    #[schema(example = "accepted")]
    pub state: String,
    pub reason: Option<String>,
    /// Last words of the receiving server.
    pub reply: Option<String>,
    pub created_at: DateTime<Utc>,
    pub accepted_at: Option<DateTime<Utc>>,
}

impl From<test_send::TestDelivery> for TestDelivery {
    fn from(row: test_send::TestDelivery) -> Self {
        Self {
            id: row.id.0,
            address: row.address,
            state: row.state,
            reason: row.reason,
            reply: row.reply_text,
            created_at: row.created_at,
            accepted_at: row.accepted_at,
        }
    }
}

/// To whom, and as whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestSendCreate {
    /// People of the tenant.
    #[schema(min_items = 1, max_items = 20)]
    pub user_ids: Vec<Uuid>,
    /// The contact whose values are filled in; without, a sample person's.
    pub contact_id: Option<Uuid>,
}

/// What was queued.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestSend {
    pub deliveries: Vec<TestDelivery>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_test_send).service(list_test_sends);
}

/// Send the saved mail as a test
///
/// Marked as a test, in a lane of its own, counted nowhere.
#[utoipa::path(
    tag = "mails", operation_id = "create_test_send", request_body = TestSendCreate,
    params(("id" = Uuid, Path, description = "Mail")),
    responses((status = 202, body = TestSend, description = "Queued"), ActionProblems)
)]
#[post("/mails/{id}/test-sends")]
async fn create_test_send(
    state: Data<AppState>,
    user: Caller,
    id: Id<MailId>,
    body: Body<TestSendCreate>,
) -> ApiResult {
    let users: Vec<UserId> = body.user_ids.iter().copied().map(UserId).collect();
    let contact = body.contact_id.map(ContactId);
    let installation = state.installation();
    let rows = test_send::send(&state.db, &user, &installation, id.0, &users, contact).await?;
    let deliveries = rows.into_iter().map(TestDelivery::from).collect();
    Ok(HttpResponse::Accepted().json(TestSend { deliveries }))
}

/// The last test sends of a mail, newest first (at most 50)
#[utoipa::path(
    tag = "mails", operation_id = "list_test_sends",
    params(("id" = Uuid, Path, description = "Mail")),
    responses((status = 200, body = PageOf<TestDelivery>, description = "Their mails"), GetProblems)
)]
#[get("/mails/{id}/test-sends")]
async fn list_test_sends(
    state: Data<AppState>,
    user: Caller,
    id: Id<MailId>,
) -> ApiResult<Json<PageOf<TestDelivery>>> {
    let rows = test_send::list(&state.db, &user, id.0).await?;
    let items = rows.into_iter().map(TestDelivery::from).collect();
    Ok(Json(PageOf::whole(items)))
}
