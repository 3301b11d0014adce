//! The logged-in person.

use actix_web::web::{Data, Json};
use actix_web::{get, patch};
use chrono::{DateTime, Utc};
use domain::{session, user};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use crate::error::ApiResult;
use crate::extract::{Body, CurrentUser, EnrollingUser};
use crate::problems::{CreateProblems, ListProblems};
use crate::state::AppState;

/// The person who is logged in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    pub id: Uuid,
    #[schema(example = "hanako")]
    pub login_id: String,
    #[schema(example = "山田 花子")]
    pub display_name: String,
    pub email: String,
    /// Key of the role.
    #[schema(example = "owner")]
    pub role: String,
    /// As the company calls it.
    #[schema(example = "所有者")]
    pub role_name: String,
    /// What the role allows.
    #[schema(example = json!(["contacts.read", "contacts.write"]))]
    pub permissions: Vec<&'static str>,
    /// `ja` or `en`.
    #[schema(example = "ja")]
    pub locale: String,
    pub session: MySession,
    pub second_factor: MySecondFactor,
    pub tenant: MyTenant,
    pub password: MyPassword,
}

/// How one's password stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyPassword {
    /// It has to be changed before then; null: it does not expire.
    pub expires_at: Option<DateTime<Utc>>,
    /// It has expired, or somebody else knows it: until it is changed, whatever
    /// needs a permission is refused with the code `password_expired`.
    pub must_change: bool,
}

/// Whether the person has a second factor, and needs one.
#[derive(Debug, Serialize, ToSchema)]
pub struct MySecondFactor {
    pub enrolled: bool,
    /// The company wants one of all: who has none may do nothing but set one up (403 `second_factor_required`).
    pub required: bool,
}

/// When the session ends.
#[derive(Debug, Serialize, ToSchema)]
pub struct MySession {
    /// Minutes without activity after which it ends.
    #[schema(example = 30)]
    pub idle_minutes: i32,
    /// It ends then in any case.
    pub expires_at: DateTime<Utc>,
}

/// The person's company.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyTenant {
    pub id: Uuid,
    pub name: String,
    /// IANA name.
    #[schema(example = "Asia/Tokyo")]
    pub time_zone: String,
}

impl From<session::Me> for Me {
    fn from(me: session::Me) -> Self {
        Self {
            id: me.user.id.0,
            login_id: me.user.login_id,
            display_name: me.user.display_name,
            email: me.user.email,
            role: me.user.role,
            role_name: me.user.role_name,
            permissions: me.permissions,
            locale: me.user.locale,
            session: MySession {
                idle_minutes: me.tenant.idle_minutes,
                expires_at: me.session_expires_at,
            },
            second_factor: MySecondFactor {
                enrolled: me.user.second_factor_at.is_some(),
                required: me.tenant.second_factor_required,
            },
            tenant: MyTenant {
                id: me.tenant.id.0,
                name: me.tenant.name,
                time_zone: me.tenant.time_zone,
            },
            password: MyPassword {
                expires_at: me.password.expires_at,
                must_change: me.password.must_change,
            },
        }
    }
}

/// A change of one's profile; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeChange {
    #[schema(min_length = 1, max_length = 100)]
    pub display_name: Option<String>,
    /// `ja` or `en`.
    #[schema(pattern = "^(ja|en)$")]
    pub locale: Option<String>,
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_me).service(update_me);
}

/// Who is logged in
#[utoipa::path(
    tag = "me", operation_id = "get_me", security(("access_token" = [])),
    responses((status = 200, body = Me, description = "The person, with permissions"), ListProblems)
)]
#[get("/me")]
async fn get_me(state: Data<AppState>, user: EnrollingUser) -> ApiResult<Json<Me>> {
    Ok(Json(session::me(&state.db, &user).await?.into()))
}

/// Change one's name or language
#[utoipa::path(
    tag = "me", operation_id = "update_me", security(("access_token" = [])), request_body = MeChange,
    responses((status = 200, body = Me, description = "Changed"), CreateProblems)
)]
#[patch("/me")]
async fn update_me(
    state: Data<AppState>,
    user: CurrentUser,
    body: Body<MeChange>,
) -> ApiResult<Json<Me>> {
    let Body(change) = body;
    user::update_self(&state.db, &user, change.display_name, change.locale).await?;
    Ok(Json(session::me(&state.db, &user).await?.into()))
}
