//! A campaign's results: the report, its file, and who was left out.

use std::io;

use actix_web::http::header;
use actix_web::web::{Bytes, Data, Json};
use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use domain::campaign::left_out;
use domain::campaign::report::{self, export};
use domain::delivery::read::DeliveryState as State;
use domain::ids::CampaignId;
use domain::page::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::campaign::dto::Counts;
use crate::error::ApiResult;
use crate::extract::{Caller, Id, PageOf, QueryOf, code};
use crate::problems::{GetListProblems, GetProblems};
use crate::state::AppState;
use crate::words::DeliveryState;

/// A campaign's results.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    pub counts: Counts,
    pub rates: Rates,
    pub events: EventCounts,
    /// Seconds between two points of `timeline`.
    #[schema(example = 60)]
    pub step_seconds: i64,
    /// Without gaps, from the start to the last thing that happened.
    pub timeline: Vec<TimelinePoint>,
    pub links: Vec<LinkCount>,
    /// The largest first; what is beyond 50 stands together in the last one.
    pub sites: Vec<SiteCount>,
    /// Everybody whose mail is over and was not accepted, the most frequent reason first.
    pub reasons: Vec<ReasonCount>,
}

/// Shares, 0 to 1; null of nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rates {
    /// Of the whole audience.
    #[schema(example = 0.9412)]
    pub accepted: Option<f64>,
    /// Of those that were tried to an end.
    pub failed: Option<f64>,
    /// People, of the accepted.
    pub opened: Option<f64>,
    pub clicked: Option<f64>,
    pub cancelled: Option<f64>,
    /// People who clicked, of those who opened.
    pub clicked_of_opened: Option<f64>,
}

/// Everything that came back, each time counted; people and machines apart.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventCounts {
    pub opens: i64,
    pub clicks: i64,
    /// Prefetches and scanners; in no other number of the report.
    pub machine_opens: i64,
    pub machine_clicks: i64,
    pub bounces: i64,
    pub complaints: i64,
}

/// What happened within one step of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelinePoint {
    /// When the step begins.
    pub at: DateTime<Utc>,
    pub accepted: i64,
    /// People, each once.
    pub opened: i64,
    pub clicked: i64,
    pub cancelled: i64,
}

/// One tracked link of the mail.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkCount {
    /// As it stands in the mail, from 1.
    pub number: i32,
    /// Its merge fields unfilled.
    #[schema(example = "https://example.jp/sale")]
    pub url: String,
    /// By people.
    pub clicks: i64,
    pub people: i64,
    pub machine_clicks: i64,
}

/// One receiving site: the domain of the addresses.
#[derive(Debug, Serialize, ToSchema)]
pub struct SiteCount {
    /// A carrier or provider over all its domains (`docomo`, `gmail` …), else a domain; null: all others together.
    #[schema(example = "docomo")]
    pub site: Option<String>,
    pub accepted: i64,
    pub deferred: i64,
    pub failed: i64,
    pub unknown: i64,
    /// Waiting because of a limit.
    pub held_back: i64,
}

/// How many were not reached for one reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonCount {
    /// `skipped`, `failed` or `unknown`.
    #[schema(value_type = DeliveryState)]
    pub state: State,
    /// A stable code.
    #[schema(example = "unsubscribed")]
    pub reason: String,
    pub count: i64,
}

impl From<report::Report> for Report {
    fn from(found: report::Report) -> Self {
        let point = |point: report::Point| TimelinePoint {
            at: point.at,
            accepted: point.accepted,
            opened: point.opened,
            clicked: point.clicked,
            cancelled: point.cancelled,
        };
        let link = |link: report::LinkCount| LinkCount {
            number: link.number,
            url: link.url,
            clicks: link.clicks,
            people: link.people,
            machine_clicks: link.machine_clicks,
        };
        let site = |site: report::SiteCount| SiteCount {
            site: site.site,
            accepted: site.accepted,
            deferred: site.deferred,
            failed: site.failed,
            unknown: site.unknown,
            held_back: site.held_back,
        };
        let reason = |reason: report::ReasonCount| ReasonCount {
            state: reason.state,
            reason: reason.reason,
            count: reason.count,
        };
        Self {
            counts: found.counts.into(),
            rates: Rates {
                accepted: found.rates.accepted,
                failed: found.rates.failed,
                opened: found.rates.opened,
                clicked: found.rates.clicked,
                cancelled: found.rates.cancelled,
                clicked_of_opened: found.rates.clicked_of_opened,
            },
            events: EventCounts {
                opens: found.events.opens,
                clicks: found.events.clicks,
                machine_opens: found.events.machine_opens,
                machine_clicks: found.events.machine_clicks,
                bounces: found.events.bounces,
                complaints: found.events.complaints,
            },
            step_seconds: found.step,
            timeline: found.timeline.into_iter().map(point).collect(),
            links: found.links.into_iter().map(link).collect(),
            sites: found.sites.into_iter().map(site).collect(),
            reasons: found.reasons.into_iter().map(reason).collect(),
        }
    }
}

/// Somebody of the audience who gets nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftOutPerson {
    /// Null when the contact was deleted since.
    pub contact_id: Option<Uuid>,
    pub name: Option<String>,
    #[schema(example = "taro@example.jp")]
    pub address: String,
    /// A stable code.
    #[schema(example = "unsubscribed")]
    pub reason: String,
}

impl From<left_out::LeftOut> for LeftOutPerson {
    fn from(row: left_out::LeftOut) -> Self {
        Self {
            contact_id: row.contact_id.map(|id| id.0),
            name: row.name,
            address: row.address,
            reason: row.reason,
        }
    }
}

/// Which people, which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LeftOutQuery {
    /// Only those of this reason.
    #[param(max_length = 64, example = "unsubscribed")]
    pub reason: Option<String>,
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

/// What staff may look at under a grant of the tenant.
pub fn configure_support(config: &mut ServiceConfig<'_>) {
    config
        .service(list_campaign_left_out)
        .service(get_campaign_report);
}

pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_campaign_left_out)
        .service(get_campaign_report)
        .service(export_campaign_report);
}

/// Everybody of the audience who gets nothing, and why
///
/// Before sending as it stands now; afterwards as it was when the audience was frozen and claimed.
#[utoipa::path(
    tag = "campaigns", operation_id = "list_campaign_left_out",
    params(("id" = Uuid, Path, description = "Campaign"), LeftOutQuery),
    responses((status = 200, body = PageOf<LeftOutPerson>, description = "A page"), GetListProblems)
)]
#[get("/campaigns/{id}/left-out")]
async fn list_campaign_left_out(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
    query: QueryOf<LeftOutQuery>,
) -> ApiResult<Json<PageOf<LeftOutPerson>>> {
    let QueryOf(query) = query;
    let reason = code("/reason", query.reason)?;
    let page = PageRequest {
        limit: query.limit,
        cursor: query.cursor,
        count: false,
    };
    let page = left_out::list(&state.db, &user, id.0, reason.as_deref(), &page).await?;
    Ok(Json(PageOf::from_page(page, LeftOutPerson::from)))
}

/// Results: counts, rates, what happened when, links, sites, reasons
#[utoipa::path(
    tag = "campaigns", operation_id = "get_campaign_report",
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = Report, description = "As it stands now"), GetProblems)
)]
#[get("/campaigns/{id}/report")]
async fn get_campaign_report(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
) -> ApiResult<Json<Report>> {
    let found = report::get(&state.db, &user, id.0).await?;
    Ok(Json(found.into()))
}

/// Results as a file, one row a person
///
/// UTF-8 with a byte order mark, for spreadsheets; cells that look like formulas begin with an apostrophe.
#[utoipa::path(
    tag = "campaigns", operation_id = "export_campaign_report",
    params(("id" = Uuid, Path, description = "Campaign")),
    responses((status = 200, body = String, content_type = "text/csv", description = "The file"), GetProblems)
)]
#[get("/campaigns/{id}/report.csv")]
async fn export_campaign_report(
    state: Data<AppState>,
    user: Caller,
    id: Id<CampaignId>,
) -> ApiResult {
    let mut file = export::open(&state.db, &user, id.0).await?;
    let body = async_stream::stream! {
        loop {
            match file.next().await {
                Ok(Some(piece)) => yield Ok(Bytes::from(piece)),
                Ok(None) => break,
                // The status is out already: cutting the body short is how the
                // other side learns that the file is not whole.
                Err(error) => {
                    tracing::error!(name: "report.export_cut", ?error, "a file ended early");
                    yield Err(io::Error::other("the file could not be read to its end"));
                    break;
                }
            }
        }
    };
    let name = format!("attachment; filename=\"campaign-{}.csv\"", id.0);
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .streaming(body))
}
