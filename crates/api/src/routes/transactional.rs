//! Transactional mails: one call, one mail to one person.

use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Json};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::DomainError;
use domain::delivery::read::{self, DeliveryState as State};
use domain::idempotency::{Answer, Claimed, Promise};
use domain::ids::{ContactId, MailId};
use domain::page::PageRequest;
use domain::transactional::{self, NewSend, SendFilter, To};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::delivery::{Delivery, DeliveryDetail};
use crate::error::ApiResult;
use crate::extract::{Body, Caller, PageOf, QueryOf};
use crate::problems::{CreateProblems, ListProblems};
use crate::state::AppState;
use crate::words::DeliveryState;

/// One mail to one person. Give `email` or `contact_id`, not both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransactionalSendCreate {
    /// The mail to send, as it is saved now.
    pub mail_id: Uuid,
    /// To this address; it does not have to be a contact's. When it is, the contact's own values are filled in as well.
    #[schema(max_length = 320, example = "taro@example.jp")]
    pub email: Option<String>,
    /// To this contact.
    pub contact_id: Option<Uuid>,
    /// Values for merge fields by name, before those of the contact: words, numbers, yes or no, lists, and things with
    /// named values (`{% for item in items %}{{ item.title }}{% endfor %}`). `name` is the person's name. At most 200, and
    /// 64 kB in all. Kept until the mail is accepted.
    #[serde(default)]
    #[schema(value_type = std::collections::BTreeMap<String, Value>, example = json!({"order_no": "A-1024", "items": [{"title": "ブレンドコーヒー", "count": 2}]}))]
    pub values: Map<String, Value>,
}

impl TransactionalSendCreate {
    fn into_domain(self) -> Result<NewSend, DomainError> {
        let to = match (self.email, self.contact_id) {
            (Some(email), None) => To::Address(email),
            (None, Some(contact)) => To::Contact(ContactId(contact)),
            (None, None) => {
                return Err(DomainError::invalid(
                    "/email",
                    "required",
                    "give email or contact_id",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(DomainError::invalid(
                    "/contact_id",
                    "contradiction",
                    "give email or contact_id, not both",
                ));
            }
        };
        Ok(NewSend {
            mail_id: MailId(self.mail_id),
            to,
            values: self.values,
        })
    }
}

/// A transactional mail in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransactionalSend {
    #[serde(flatten)]
    pub delivery: Delivery,
    /// The mail that was sent.
    pub mail_id: Option<Uuid>,
    /// Its name when it was sent.
    #[schema(example = "ご注文の確認")]
    pub mail_name: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

impl From<transactional::TransactionalSend> for TransactionalSend {
    fn from(row: transactional::TransactionalSend) -> Self {
        Self {
            delivery: row.delivery.into(),
            mail_id: row.mail_id.map(|id| id.0),
            mail_name: row.mail_name,
            created_at: row.created_at,
        }
    }
}

/// Which transactional mails, which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TransactionalSendQuery {
    #[param(inline, value_type = Option<DeliveryState>)]
    pub state: Option<State>,
    /// To exactly this address.
    #[param(max_length = 320, example = "taro@example.jp")]
    pub email: Option<String>,
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(create_transactional_send)
        .service(list_transactional_sends);
}

/// Send one mail to one person
///
/// In a lane of its own that overtakes campaigns. Who is on the block-list, has left or is stopped gets none: the
/// delivery is then `skipped`, with the reason. Look it up by its id as a delivery. With an `Idempotency-Key` the same
/// call can be made again without a second mail.
#[utoipa::path(
    tag = "transactional-sends", operation_id = "create_transactional_send", request_body = TransactionalSendCreate,
    responses(
        (status = 202, body = DeliveryDetail, description = "Queued", headers(("Location" = String, description = "The delivery"))),
        CreateProblems
    )
)]
#[post("/transactional-sends")]
async fn create_transactional_send(
    state: Data<AppState>,
    user: Caller,
    body: Body<TransactionalSendCreate>,
    request: HttpRequest,
) -> ApiResult {
    let new = body.0.into_domain()?;
    // Kept with the mail, so that whoever heard nothing of it sends no second one.
    let claimed = request.extensions().get::<Claimed>().cloned();
    let promise = claimed.as_ref().map(|claimed| Promise {
        claimed,
        sealing: &state.keys,
        answer: &answer,
    });
    let installation = state.installation();
    let made = transactional::send(&state.db, &user, &installation, new, promise.as_ref()).await?;
    let answer = answer(&made)?;
    let mut response = HttpResponse::Accepted();
    for header in answer.headers {
        response.insert_header(header);
    }
    Ok(response.body(answer.body))
}

/// What tells of a mail that was taken in.
fn answer(made: &read::DeliveryDetail) -> Result<Answer, DomainError> {
    let location = format!("/v1/deliveries/{}", made.delivery.id);
    let body = serde_json::to_vec(&DeliveryDetail::from(made.clone()));
    Ok(Answer {
        status: StatusCode::ACCEPTED.as_u16(),
        headers: vec![
            (
                header::CONTENT_TYPE.to_string(),
                "application/json".to_owned(),
            ),
            (header::LOCATION.to_string(), location),
        ],
        body: body.map_err(DomainError::internal)?,
    })
}

/// Transactional mails, newest first
#[utoipa::path(
    tag = "transactional-sends", operation_id = "list_transactional_sends",
    params(TransactionalSendQuery),
    responses((status = 200, body = PageOf<TransactionalSend>, description = "A page"), ListProblems)
)]
#[get("/transactional-sends")]
async fn list_transactional_sends(
    state: Data<AppState>,
    user: Caller,
    query: QueryOf<TransactionalSendQuery>,
) -> ApiResult<Json<PageOf<TransactionalSend>>> {
    let QueryOf(query) = query;
    let filter = SendFilter {
        state: query.state,
        address: query.email,
    };
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = transactional::list(&state.db, &user, &filter, &page).await?;
    Ok(Json(PageOf::from_page(page, TransactionalSend::from)))
}
