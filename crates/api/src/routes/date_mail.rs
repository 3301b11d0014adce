//! Date mails: each day to those whose date field says so.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, HttpResponseBuilder, delete, get, post, put};
use chrono::{DateTime, NaiveTime, Utc};
use domain::DomainError;
use domain::date_mail::day::Repeat;
use domain::date_mail::{self, Rule, State};
use domain::ids::{DateMailId, MailId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::campaign::dto::Audience;
use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id, IfMatch, PageOf, etag};
use crate::problems::{
    BareActionProblems, CreateProblems, DeleteProblems, GetProblems, ListProblems, UpdateProblems,
};
use crate::state::AppState;
use crate::words::{DateMailRepeat, DateMailState};

/// A mail that goes out each day to those whose date field says so.
#[derive(Debug, Serialize, ToSchema)]
pub struct DateMail {
    pub id: Uuid,
    pub name: String,
    pub mail_id: Uuid,
    /// Key of an own field of type date.
    pub field: String,
    /// Days after the date; before it when negative.
    pub offset_days: i16,
    #[schema(value_type = DateMailRepeat)]
    pub repeat: Repeat,
    /// Time of day at which a day's mails begin to go out.
    #[schema(example = "09:00")]
    pub send_at: String,
    pub time_zone: String,
    /// Among whom.
    pub audience: Audience,
    #[schema(value_type = DateMailState)]
    pub state: State,
    /// What kept its last day back: `not_ready: ` with the codes of the pre-flight's checks, `restored` (from a backup: it
    /// is paused), or `missed: FIRST LAST`, days that were over for more than 72 hours after an outage.
    #[schema(example = "not_ready: route")]
    pub state_reason: Option<String>,
    /// When its next day begins; null while it is paused.
    pub next_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
}

/// What goes out to whom, and when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DateMailRule {
    #[schema(example = "お誕生日のお祝い", min_length = 1, max_length = 200)]
    pub name: String,
    pub mail_id: Uuid,
    /// Key of an own field of type date.
    #[schema(example = "birthday", max_length = 63)]
    pub field: String,
    /// Days after the date; before it when negative.
    #[schema(example = -3, minimum = -365, maximum = 365)]
    pub offset_days: i16,
    /// `yearly`: on the day of each year, 29 February on the 28th of other years. `once`: on that very date.
    #[schema(value_type = DateMailRepeat)]
    pub repeat: Repeat,
    /// Time of day at which a day's mails begin to go out.
    #[schema(example = "09:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    pub send_at: String,
    /// IANA zone of days and times.
    #[schema(example = "Asia/Tokyo", max_length = 64)]
    pub time_zone: String,
    /// Among whom.
    pub audience: Audience,
}

impl TryFrom<DateMailRule> for Rule {
    type Error = DomainError;

    fn try_from(rule: DateMailRule) -> Result<Self, DomainError> {
        let time = (rule.send_at.len() == 5)
            .then(|| NaiveTime::parse_from_str(&rule.send_at, "%H:%M").ok())
            .flatten();
        let send_at = time.ok_or_else(|| {
            DomainError::invalid(
                "/send_at",
                "malformed",
                "must be a time of day, for example 09:00",
            )
        })?;
        Ok(Self {
            name: rule.name,
            mail_id: MailId(rule.mail_id),
            field_key: rule.field,
            offset_days: rule.offset_days,
            repeat: rule.repeat,
            send_at,
            time_zone: rule.time_zone,
            audience: rule.audience.into(),
        })
    }
}

impl From<date_mail::DateMail> for DateMail {
    fn from(found: date_mail::DateMail) -> Self {
        let rule = found.rule;
        Self {
            id: found.id.0,
            name: rule.name,
            mail_id: rule.mail_id.0,
            field: rule.field_key,
            offset_days: rule.offset_days,
            repeat: rule.repeat,
            send_at: rule.send_at.format("%H:%M").to_string(),
            time_zone: rule.time_zone,
            audience: rule.audience.into(),
            state: found.state,
            state_reason: found.state_reason,
            next_at: found.next_at,
            version: found.version,
            created_at: found.created_at,
        }
    }
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_date_mails)
        .service(create_date_mail)
        .service(get_date_mail)
        .service(update_date_mail)
        .service(delete_date_mail)
        .service(activate_date_mail)
        .service(pause_date_mail);
}

fn answer(mut builder: HttpResponseBuilder, found: date_mail::DateMail) -> HttpResponse {
    builder
        .insert_header(etag(found.version))
        .json(DateMail::from(found))
}

/// All date mails, newest first (at most 200)
#[utoipa::path(
    tag = "date-mails", operation_id = "list_date_mails",
    responses((status = 200, body = PageOf<DateMail>, description = "All of them"), ListProblems)
)]
#[get("/date-mails")]
async fn list_date_mails(state: Data<AppState>, user: Caller) -> ApiResult<Json<PageOf<DateMail>>> {
    let rows = date_mail::list(&state.db, &user).await?;
    Ok(Json(PageOf::whole(
        rows.into_iter().map(DateMail::from).collect(),
    )))
}

/// Make a date mail
///
/// Paused; it goes out when it is activated.
#[utoipa::path(
    tag = "date-mails", operation_id = "create_date_mail", request_body = DateMailRule,
    responses((status = 201, body = DateMail, description = "Made, paused", headers(("ETag" = String))), CreateProblems)
)]
#[post("/date-mails")]
async fn create_date_mail(
    state: Data<AppState>,
    user: Caller,
    body: Body<DateMailRule>,
) -> ApiResult {
    let found = date_mail::create(&state.db, &user, body.0.try_into()?).await?;
    Ok(answer(HttpResponse::Created(), found))
}

/// One date mail
#[utoipa::path(
    tag = "date-mails", operation_id = "get_date_mail",
    params(("id" = Uuid, Path, description = "Date mail")),
    responses((status = 200, body = DateMail, description = "The date mail", headers(("ETag" = String))), GetProblems)
)]
#[get("/date-mails/{id}")]
async fn get_date_mail(state: Data<AppState>, user: Caller, id: Id<DateMailId>) -> ApiResult {
    let found = date_mail::get(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), found))
}

/// Change a date mail
///
/// The day that is scheduled changes with it, up to the moment at which it begins; what has begun goes out as it was.
/// Changing an active one needs the permission to send, and step-up for anything but its name.
#[utoipa::path(
    tag = "date-mails", operation_id = "update_date_mail", request_body = DateMailRule,
    params(
        ("id" = Uuid, Path, description = "Date mail"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 200, body = DateMail, description = "Changed", headers(("ETag" = String))), UpdateProblems)
)]
#[put("/date-mails/{id}")]
async fn update_date_mail(
    state: Data<AppState>,
    user: Caller,
    id: Id<DateMailId>,
    version: IfMatch,
    body: Body<DateMailRule>,
) -> ApiResult {
    let rule = body.0.try_into()?;
    let found = date_mail::update(&state.db, &user, id.0, version.0, rule).await?;
    Ok(answer(HttpResponse::Ok(), found))
}

/// Delete a date mail
///
/// What it sent stays, as campaigns. An active one needs the permission to send.
#[utoipa::path(
    tag = "date-mails", operation_id = "delete_date_mail",
    params(
        ("id" = Uuid, Path, description = "Date mail"),
        ("If-Match" = String, Header, description = "ETag that was read", example = "\"1\"")
    ),
    responses((status = 204, description = "Deleted"), DeleteProblems)
)]
#[delete("/date-mails/{id}")]
async fn delete_date_mail(
    state: Data<AppState>,
    user: Caller,
    id: Id<DateMailId>,
    version: IfMatch,
) -> ApiResult {
    date_mail::delete(&state.db, &user, id.0, version.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Let it go out from its next day on
///
/// Wants step-up, unless the company wants it for no sending (`step_up_people`).
#[utoipa::path(
    tag = "date-mails", operation_id = "activate_date_mail",
    params(("id" = Uuid, Path, description = "Date mail")),
    responses((status = 200, body = DateMail, description = "Active", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/date-mails/{id}/activate")]
async fn activate_date_mail(state: Data<AppState>, user: Caller, id: Id<DateMailId>) -> ApiResult {
    let found = date_mail::activate(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), found))
}

/// Take its next day off the schedule
///
/// A day that has begun is paused or stopped as the campaign that it is.
#[utoipa::path(
    tag = "date-mails", operation_id = "pause_date_mail",
    params(("id" = Uuid, Path, description = "Date mail")),
    responses((status = 200, body = DateMail, description = "Paused", headers(("ETag" = String))), BareActionProblems)
)]
#[post("/date-mails/{id}/pause")]
async fn pause_date_mail(state: Data<AppState>, user: Caller, id: Id<DateMailId>) -> ApiResult {
    let found = date_mail::pause(&state.db, &user, id.0).await?;
    Ok(answer(HttpResponse::Ok(), found))
}
