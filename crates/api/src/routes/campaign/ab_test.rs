//! A/B tests of campaigns: what they compare, what came of it, and a person's
//! choice of the winner.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use domain::campaign::ab_test::{self, decide, results};
use domain::ids::{CampaignId, MailId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::answer;
use super::dto::Campaign;
use crate::error::ApiResult;
use crate::extract::{Body, Caller, Id};
use crate::problems::{ActionProblems, GetProblems};
use crate::state::AppState;
use crate::words::{AbDecision, AbDecisionHow, AbMetric};

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_campaign_variants)
        .service(choose_campaign_winner);
}

/// What a campaign compares, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AbTestPlan {
    /// Per cent of the audience that gets the test, all variants together: 1 to
    /// 50, and the rest waits for the winner; or 100, and nobody waits.
    #[schema(minimum = 1, maximum = 100, example = 20)]
    pub share: i16,
    /// What the winner has most of, of its accepted mails.
    #[schema(value_type = AbMetric)]
    pub metric: ab_test::Metric,
    #[schema(value_type = AbDecision)]
    pub decision: ab_test::Decision,
    /// From when every mail of the test was tried until the winner is taken by itself.
    #[schema(minimum = 1, maximum = 10080, example = 240)]
    pub wait_minutes: i32,
    /// A first.
    #[schema(min_items = 2, max_items = 5)]
    pub variants: Vec<CampaignVariant>,
}

/// One of them: a mail, or the campaign's with another subject or sender.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignVariant {
    /// Null: the campaign's.
    pub mail_id: Option<Uuid>,
    /// Null: the mail's.
    #[schema(min_length = 1, max_length = 998)]
    pub subject: Option<String>,
    /// Null: the mail's.
    #[schema(min_length = 1, max_length = 200)]
    pub sender_name: Option<String>,
    /// Null: the mail's.
    #[schema(min_length = 3, max_length = 320)]
    pub sender_address: Option<String>,
}

impl From<CampaignVariant> for ab_test::Variant {
    fn from(variant: CampaignVariant) -> Self {
        Self {
            mail_id: variant.mail_id.map(MailId),
            subject: variant.subject,
            sender_name: variant.sender_name,
            sender_address: variant.sender_address,
        }
    }
}

impl From<ab_test::Variant> for CampaignVariant {
    fn from(variant: ab_test::Variant) -> Self {
        Self {
            mail_id: variant.mail_id.map(|id| id.0),
            subject: variant.subject,
            sender_name: variant.sender_name,
            sender_address: variant.sender_address,
        }
    }
}

impl From<AbTestPlan> for ab_test::Plan {
    fn from(plan: AbTestPlan) -> Self {
        Self {
            share: plan.share,
            metric: plan.metric,
            decision: plan.decision,
            wait_minutes: plan.wait_minutes,
            variants: plan.variants.into_iter().map(Into::into).collect(),
        }
    }
}

/// A campaign's A/B test, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct AbTest {
    /// Per cent of the audience that gets the test; 100: nobody waits.
    #[schema(example = 20)]
    pub share: i16,
    #[schema(value_type = AbMetric)]
    pub metric: ab_test::Metric,
    #[schema(value_type = AbDecision)]
    pub decision: ab_test::Decision,
    #[schema(example = 240)]
    pub wait_minutes: i32,
    pub variants: Vec<CampaignVariant>,
    /// When every mail of the test had been tried: the wait begins.
    pub out_at: Option<DateTime<Utc>>,
    /// When the winner is taken by itself, as far as that is known.
    pub decides_at: Option<DateTime<Utc>>,
    pub winner: Option<AbWinner>,
}

/// The variant that the rest gets.
#[derive(Debug, Serialize, ToSchema)]
pub struct AbWinner {
    /// From 1.
    #[schema(example = 2)]
    pub variant: i16,
    pub decided_at: DateTime<Utc>,
    /// Who chose it by hand.
    pub decided_by: Option<Uuid>,
    #[schema(value_type = AbDecisionHow)]
    pub how: ab_test::How,
}

impl From<ab_test::AbTest> for AbTest {
    fn from(test: ab_test::AbTest) -> Self {
        let decides_at = test.decides_at();
        Self {
            decides_at,
            share: test.plan.share,
            metric: test.plan.metric,
            decision: test.plan.decision,
            wait_minutes: test.plan.wait_minutes,
            variants: test.plan.variants.into_iter().map(Into::into).collect(),
            out_at: test.out_at,
            winner: test.winner.map(|winner| AbWinner {
                variant: winner.position,
                decided_at: winner.at,
                decided_by: winner.by.map(|id| id.0),
                how: winner.how,
            }),
        }
    }
}

/// What became of the variants of a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub struct VariantResults {
    /// A first; empty without an A/B test.
    pub variants: Vec<VariantResult>,
    /// People who wait for the winner.
    pub waiting: i64,
}

/// What became of one variant.
#[derive(Debug, Serialize, ToSchema)]
pub struct VariantResult {
    /// From 1.
    pub variant: i16,
    /// What the decision saw.
    pub tested: Option<VariantScore>,
    /// People of the test, and of the winner the rest too.
    pub people: i64,
    /// Of them, whose mail is still to go out.
    pub open: i64,
    pub failed: i64,
    pub unknown: i64,
    pub cancelled: i64,
    pub now: VariantScore,
}

/// People whose mail was accepted, and of them who opened and clicked, as far
/// as people can be told from machines.
#[derive(Debug, Serialize, ToSchema)]
pub struct VariantScore {
    pub accepted: i64,
    pub opened: i64,
    pub clicked: i64,
}

impl From<ab_test::Score> for VariantScore {
    fn from(score: ab_test::Score) -> Self {
        Self {
            accepted: score.accepted,
            opened: score.opened,
            clicked: score.clicked,
        }
    }
}

impl From<results::Results> for VariantResults {
    fn from(found: results::Results) -> Self {
        let result = |row: results::VariantResult| VariantResult {
            variant: row.position,
            tested: row.tested.map(Into::into),
            people: row.people,
            open: row.open,
            failed: row.failed,
            unknown: row.unknown,
            cancelled: row.cancelled,
            now: row.now.into(),
        };
        Self {
            variants: found.variants.into_iter().map(result).collect(),
            waiting: found.waiting,
        }
    }
}

/// What became of each variant
///
/// Of a campaign with an A/B test: counts as they stand now, and what the
/// decision saw.
#[utoipa::path(
    tag = "campaigns", operation_id = "get_campaign_variants",
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = VariantResults, description = "By variant"), GetProblems)
)]
#[get("/campaigns/{id}/variants")]
async fn get_campaign_variants(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
) -> ApiResult<Json<VariantResults>> {
    Ok(Json(results::get(&state.db, &user, id.0).await?.into()))
}

/// Which variant the rest is to get.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignWinner {
    /// From 1.
    #[schema(minimum = 1, maximum = 5, example = 2)]
    pub variant: i16,
}

/// Choose the winner
///
/// Who waits gets that variant. At any time while the test goes out or is
/// held; once decided, the answer is 409.
#[utoipa::path(
    tag = "campaigns", operation_id = "choose_campaign_winner", request_body = CampaignWinner,
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Campaign, description = "Decided", headers(("ETag" = String))), ActionProblems)
)]
#[post("/campaigns/{id}/winner")]
async fn choose_campaign_winner(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
    body: Body<CampaignWinner>,
) -> ApiResult {
    let row = decide::choose(&state.db, &user, id.0, body.variant).await?;
    Ok(answer(HttpResponse::Ok(), row))
}
