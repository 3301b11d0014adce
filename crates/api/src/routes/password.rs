//! Passwords by mailed links, and what there is to say of a new one.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, post};
use chrono::{DateTime, Utc};
use domain::DomainError;
use domain::error::FieldError;
use domain::session;
use domain::session::password::policy::{Judgement, MAX_LENGTH};
use domain::user::link::Purpose;
use domain::user::reset;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::error::{ApiResult, ProblemField};
use crate::extract::{Body, EnrollingUser, client_ip};
use crate::problems::{AuthProblems, CreateProblems};
use crate::routes::auth::{device, remember_browser};
use crate::state::AppState;

/// Who forgot their password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetRequest {
    /// Login id or mail address.
    #[schema(example = "hanako", max_length = 320)]
    pub login: String,
}

/// A new password by a mailed link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkUse {
    /// What stands behind the hash sign of the link.
    #[schema(value_type = String, max_length = 100)]
    pub token: SecretString,
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256)]
    pub new_password: SecretString,
}

/// A link, and perhaps a password to be judged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkCheck {
    #[schema(value_type = String, max_length = 100)]
    pub token: SecretString,
    #[schema(value_type = Option<String>, format = Password, max_length = 256)]
    pub password: Option<SecretString>,
}

/// A password to be judged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordCheck {
    #[schema(value_type = String, format = Password, max_length = 256)]
    pub password: SecretString,
}

/// What there is to say of a password.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasswordJudgement {
    /// 0 (guessed at once) to 4 (not to be guessed); 3 is the least that is taken.
    #[schema(minimum = 0, maximum = 4, example = 3)]
    pub score: u8,
    /// Why it is not taken, with codes such as `too_short`, `leaked`,
    /// `contains_name`, `too_weak`; empty: it is.
    pub problems: Vec<ProblemField>,
}

/// What a link is for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Link {
    /// `password_reset` or `invitation`.
    #[schema(example = "invitation")]
    pub purpose: &'static str,
    pub login_id: String,
    pub display_name: String,
    /// Name of the company.
    pub company: String,
    pub expires_at: DateTime<Utc>,
    /// Fewest characters of a password.
    #[schema(example = 12)]
    pub min_length: i16,
    /// Of the password that was sent along.
    pub password: Option<PasswordJudgement>,
}

impl From<Judgement> for PasswordJudgement {
    fn from(judgement: Judgement) -> Self {
        let named = judgement.errors.into_iter().map(|error| FieldError {
            pointer: "/password".to_owned(),
            ..error
        });
        Self {
            score: judgement.score,
            problems: named.map(ProblemField::from).collect(),
        }
    }
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(request_reset)
        .service(reset_password)
        .service(accept_invitation)
        .service(check_link)
        .service(check_password);
}

/// Ask for a link to set a new password
///
/// Always answers the same, whether there is such a person or not. The link
/// goes by mail to the person's address, is good for 15 minutes and one use,
/// and voids earlier ones. A person gets at most one a minute and five an hour.
#[utoipa::path(
    tag = "auth", operation_id = "request_reset", security(()), request_body = ResetRequest,
    responses((status = 202, description = "If there is such a person, a mail is on its way"), AuthProblems)
)]
#[post("/auth/reset-requests")]
async fn request_reset(
    state: Data<AppState>,
    request: HttpRequest,
    body: Body<ResetRequest>,
) -> ApiResult {
    let most = 320;
    if body.login.chars().count() > most {
        let detail = format!("has more than {most} characters");
        return Err(DomainError::invalid("/login", "too_long", detail).into());
    }
    let ip = client_ip(&request);
    reset::admit(&state.db, ip).await?;
    let (db, keys, login) = (state.db.clone(), state.keys.clone(), body.0.login);
    state.background.run(async move {
        if let Err(error) = reset::request(&db, &keys, &login, ip).await {
            tracing::error!(name: "api.reset_failed", ?error, "no link was made");
        }
    })?;
    Ok(HttpResponse::Accepted().finish())
}

/// Set a new password by a mailed link
///
/// Ends every session of the person. Nobody is logged in by it: a second
/// factor is asked for at the log-in as always.
#[utoipa::path(
    tag = "auth", operation_id = "reset_password", security(()), request_body = LinkUse,
    responses((status = 204, description = "Set"), AuthProblems)
)]
#[post("/auth/resets")]
async fn reset_password(
    state: Data<AppState>,
    request: HttpRequest,
    body: Body<LinkUse>,
) -> ApiResult {
    use_link(&state, &request, Purpose::PasswordReset, body.0).await
}

/// Accept an invitation
///
/// Sets the first password of a person who was invited.
#[utoipa::path(
    tag = "auth", operation_id = "accept_invitation", security(()), request_body = LinkUse,
    responses((status = 204, description = "Set: the person can log in"), AuthProblems)
)]
#[post("/auth/invitation-acceptances")]
async fn accept_invitation(
    state: Data<AppState>,
    request: HttpRequest,
    body: Body<LinkUse>,
) -> ApiResult {
    use_link(&state, &request, Purpose::Invitation, body.0).await
}

async fn use_link(
    state: &AppState,
    request: &HttpRequest,
    purpose: Purpose,
    body: LinkUse,
) -> ApiResult {
    let login_id = reset::set_password(
        &state.db,
        &state.hasher,
        &device(request),
        purpose,
        &body.token,
        body.new_password,
    )
    .await?;
    let mut response = HttpResponse::NoContent();
    // Who reads the person's mail is the person: nobody's guesses keep this
    // browser from logging in next.
    remember_browser(state, request, &login_id, &mut response);
    Ok(response.finish())
}

/// Look at a mailed link
///
/// Says whose it is without using it, and judges a password for it.
#[utoipa::path(
    tag = "auth", operation_id = "check_link", security(()), request_body = LinkCheck,
    responses((status = 200, body = Link, description = "The link can be used"), AuthProblems)
)]
#[post("/auth/link-checks")]
async fn check_link(
    state: Data<AppState>,
    request: HttpRequest,
    body: Body<LinkCheck>,
) -> ApiResult<Json<Link>> {
    let LinkCheck { token, password } = body.0;
    let ip = client_ip(&request);
    let info = reset::look_at(&state.db, &state.hasher, ip, &token, password).await?;
    Ok(Json(Link {
        purpose: info.purpose.as_str(),
        login_id: info.login_id,
        display_name: info.display_name,
        company: info.company,
        expires_at: info.expires_at,
        min_length: info.min_length,
        password: info.judgement.map(PasswordJudgement::from),
    }))
}

/// Judge a new password
///
/// By the company's rules, before it is set. Former passwords are compared
/// only when it is.
#[utoipa::path(
    tag = "auth", operation_id = "check_password", request_body = PasswordCheck,
    responses((status = 200, body = PasswordJudgement, description = "What there is to say"), CreateProblems)
)]
#[post("/auth/password-checks")]
async fn check_password(
    state: Data<AppState>,
    user: EnrollingUser,
    body: Body<PasswordCheck>,
) -> ApiResult<Json<PasswordJudgement>> {
    let most = MAX_LENGTH;
    if body.password.expose_secret().chars().count() > most {
        let detail = format!("has more than {most} characters");
        return Err(DomainError::invalid("/password", "too_long", detail).into());
    }
    let judgement =
        session::check_password(&state.db, &state.hasher, &user, body.0.password).await?;
    Ok(Json(judgement.into()))
}
