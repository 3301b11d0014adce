//! Empty-mail sign-up: addresses that people mail to, and who did.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, HttpResponseBuilder, delete, get, post, put};
use chrono::{DateTime, Utc};
use domain::ids::{ListId, MailId, SignupAddressId};
use domain::page::PageRequest;
use domain::signup::confirm::Standing;
use domain::signup::people;
use domain::signup::{self, Rule};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, QueryOf, etag};
use crate::problems::{
    CreateProblems, DeleteProblems, GetListProblems, GetProblems, ListProblems, UpdateProblems,
};
use crate::state::AppState;
use crate::words::SignupState;

/// An address that people mail to in order to sign up.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignupAddress {
    pub id: Uuid,
    pub name: String,
    /// What stands before the @; it never changes.
    pub local_part: String,
    /// The whole address; null when this installation takes no mail.
    #[schema(example = "mail-magazine@bounce.example.jp")]
    pub address: Option<String>,
    /// The answer.
    pub mail_id: Uuid,
    /// That people join.
    pub list_ids: Vec<Uuid>,
    /// What people agree to; empty for a sentence that the page has.
    pub wording: String,
    /// Without it mails to the address are refused.
    pub enabled: bool,
    /// Answers in an hour.
    pub hourly_limit: i32,
    /// How long a link holds.
    pub valid_hours: i16,
    /// Why the last mail could not be answered; it comes again by itself for some days.
    pub problem: Option<String>,
    /// People who were answered since it was made.
    pub asked_count: i64,
    /// Of them, those who confirmed.
    pub confirmed_count: i64,
    /// Those who may confirm now.
    pub pending_count: i64,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// A sign-up address to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignupAddressCreate {
    /// What stands before the @: 3 to 40 letters and digits, with single dots, hyphens and underscores between. Without it
    /// one that nobody can guess.
    #[schema(example = "mail-magazine", min_length = 3, max_length = 40)]
    pub local_part: Option<String>,
    #[schema(example = "店頭ポスター", min_length = 1, max_length = 200)]
    pub name: String,
    /// The answer. It has to hold `{{ confirm_url }}`, the link to confirm.
    pub mail_id: Uuid,
    /// That people join, at most 20.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub list_ids: Vec<Uuid>,
    /// What people agree to; empty for a sentence that the page has.
    #[serde(default)]
    #[schema(
        max_length = 2000,
        example = "新商品とセールのお知らせを受け取ることに同意します。"
    )]
    pub wording: String,
    /// Whether mails are answered. Needs the permission to send.
    pub enabled: bool,
    /// Answers in an hour.
    #[serde(default = "hourly")]
    #[schema(default = 100, minimum = 1, maximum = 5000)]
    pub hourly_limit: i32,
    /// How long a link holds.
    #[serde(default = "a_day")]
    #[schema(default = 24, minimum = 1, maximum = 168)]
    pub valid_hours: i16,
}

/// What a sign-up address does from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignupAddressUpdate {
    #[schema(example = "店頭ポスター", min_length = 1, max_length = 200)]
    pub name: String,
    /// The answer. It has to hold `{{ confirm_url }}`, the link to confirm.
    pub mail_id: Uuid,
    /// That people join, at most 20.
    #[schema(max_items = 20)]
    pub list_ids: Vec<Uuid>,
    /// What people agree to; empty for a sentence that the page has.
    #[schema(max_length = 2000)]
    pub wording: String,
    /// Whether mails are answered. Needs the permission to send.
    pub enabled: bool,
    /// Answers in an hour.
    #[schema(minimum = 1, maximum = 5000)]
    pub hourly_limit: i32,
    /// How long a link holds.
    #[schema(minimum = 1, maximum = 168)]
    pub valid_hours: i16,
}

fn hourly() -> i32 {
    100
}

fn a_day() -> i16 {
    24
}

fn lists(ids: Vec<Uuid>) -> Vec<ListId> {
    ids.into_iter().map(ListId).collect()
}

impl From<SignupAddressUpdate> for Rule {
    fn from(body: SignupAddressUpdate) -> Self {
        Self {
            name: body.name,
            mail_id: MailId(body.mail_id),
            list_ids: lists(body.list_ids),
            wording: body.wording,
            enabled: body.enabled,
            hourly_limit: body.hourly_limit,
            valid_hours: body.valid_hours,
        }
    }
}

impl SignupAddressCreate {
    fn into_domain(self) -> (Option<String>, Rule) {
        let rule = Rule {
            name: self.name,
            mail_id: MailId(self.mail_id),
            list_ids: lists(self.list_ids),
            wording: self.wording,
            enabled: self.enabled,
            hourly_limit: self.hourly_limit,
            valid_hours: self.valid_hours,
        };
        (self.local_part, rule)
    }
}

impl SignupAddress {
    fn new(state: &AppState, found: signup::SignupAddress) -> Self {
        let domain = state.config.bounce_domain.as_ref();
        let rule = found.rule;
        Self {
            id: found.id.0,
            name: rule.name,
            address: domain.map(|domain| format!("{}@{domain}", found.local_part)),
            local_part: found.local_part,
            mail_id: rule.mail_id.0,
            list_ids: rule.list_ids.into_iter().map(|id| id.0).collect(),
            wording: rule.wording,
            enabled: rule.enabled,
            hourly_limit: rule.hourly_limit,
            valid_hours: rule.valid_hours,
            problem: found.problem,
            asked_count: found.counts.asked,
            confirmed_count: found.counts.confirmed,
            pending_count: found.counts.pending,
            version: found.version,
            created_at: found.created_at,
        }
    }
}

/// Somebody who mailed to a sign-up address and was answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Signup {
    pub id: Uuid,
    #[schema(example = "taro@example.jp")]
    pub email: String,
    #[schema(value_type = SignupState)]
    pub state: Standing,
    /// The answer.
    pub delivery_id: Uuid,
    /// Once it is confirmed; the contact may have been deleted since.
    pub contact_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
}

impl From<people::Signup> for Signup {
    fn from(row: people::Signup) -> Self {
        Self {
            id: row.id.0,
            email: row.email,
            state: row.state,
            delivery_id: row.delivery_id.0,
            contact_id: row.contact_id.map(|id| id.0),
            created_at: row.created_at,
            expires_at: row.expires_at,
            confirmed_at: row.confirmed_at,
        }
    }
}

/// Which sign-ups, which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SignupQuery {
    #[param(inline, value_type = Option<SignupState>)]
    pub state: Option<Standing>,
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_signup_addresses)
        .service(create_signup_address)
        .service(get_signup_address)
        .service(update_signup_address)
        .service(delete_signup_address)
        .service(list_signups);
}

fn answer(
    mut builder: HttpResponseBuilder,
    state: &AppState,
    found: signup::SignupAddress,
) -> HttpResponse {
    builder
        .insert_header(etag(found.version))
        .json(SignupAddress::new(state, found))
}

/// All sign-up addresses, newest first (at most 100)
#[utoipa::path(
    tag = "signup-addresses", operation_id = "list_signup_addresses",
    responses((status = 200, body = PageOf<SignupAddress>, description = "All of them"), ListProblems)
)]
#[get("/signup-addresses")]
async fn list_signup_addresses(
    state: Data<AppState>,
    user: Caller,
) -> ApiResult<Json<PageOf<SignupAddress>>> {
    let rows = signup::list(&state.db, &user).await?;
    let rows = rows.into_iter().map(|row| SignupAddress::new(&state, row));
    Ok(Json(PageOf::whole(rows.collect())))
}

/// Make a sign-up address
///
/// A mail to it is answered with a link; whoever presses the button behind that link becomes a contact.
#[utoipa::path(
    tag = "signup-addresses", operation_id = "create_signup_address", request_body = SignupAddressCreate,
    responses((status = 201, body = SignupAddress, description = "Made", headers(("ETag" = String))), CreateProblems)
)]
#[post("/signup-addresses")]
async fn create_signup_address(
    state: Data<AppState>,
    user: Caller,
    body: Body<SignupAddressCreate>,
) -> ApiResult {
    let (local_part, rule) = body.0.into_domain();
    let installation = state.installation();
    let made = signup::create(&state.db, &user, &installation, local_part.as_deref(), rule).await?;
    Ok(answer(HttpResponse::Created(), &state, made))
}

/// One sign-up address
#[utoipa::path(
    tag = "signup-addresses", operation_id = "get_signup_address",
    params(("id" = Uuid, Path, description = "Sign-up address")),
    responses((status = 200, body = SignupAddress, description = "The sign-up address", headers(("ETag" = String))), GetProblems)
)]
#[get("/signup-addresses/{id}")]
async fn get_signup_address(
    state: Data<AppState>,
    user: Caller,
    id: Id<SignupAddressId>,
) -> ApiResult {
    let found = signup::get(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), &state, found))
}

/// Change a sign-up address
///
/// The address itself stays. Changing one that is on needs the permission to send.
#[utoipa::path(
    tag = "signup-addresses", operation_id = "update_signup_address", request_body = SignupAddressUpdate,
    params(
        ("id" = Uuid, Path, description = "Sign-up address"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = SignupAddress, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[put("/signup-addresses/{id}")]
async fn update_signup_address(
    state: Data<AppState>,
    user: Caller,
    id: Id<SignupAddressId>,
    version: IfMatch,
    body: Body<SignupAddressUpdate>,
) -> ApiResult {
    let installation = state.installation();
    let rule = body.0.into();
    let found = signup::update(&state.db, &user, &installation, id.0, version.0, rule).await?;
    Ok(answer(HttpResponse::Ok(), &state, found))
}

/// Delete a sign-up address
///
/// Who has not confirmed yet can't any more. Contacts and their consents stay.
#[utoipa::path(
    tag = "signup-addresses", operation_id = "delete_signup_address",
    params(
        ("id" = Uuid, Path, description = "Sign-up address"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/signup-addresses/{id}")]
async fn delete_signup_address(
    state: Data<AppState>,
    user: Caller,
    id: Id<SignupAddressId>,
    version: IfMatch,
) -> ApiResult {
    signup::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who mailed to a sign-up address, newest first
///
/// Those who never confirmed are listed for a week after their link has run out, those who did for 90 days.
#[utoipa::path(
    tag = "signup-addresses", operation_id = "list_signups",
    params(("id" = Uuid, Path, description = "Sign-up address"), SignupQuery),
    responses((status = 200, body = PageOf<Signup>, description = "A page"), GetListProblems)
)]
#[get("/signup-addresses/{id}/signups")]
async fn list_signups(
    state: Data<AppState>,
    user: Caller,
    id: Id<SignupAddressId>,
    query: QueryOf<SignupQuery>,
) -> ApiResult<Json<PageOf<Signup>>> {
    let QueryOf(query) = query;
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = people::list(&state.db, &user, id.0, query.state, &page).await?;
    Ok(Json(PageOf::from_page(page, Signup::from)))
}
