//! The home page: what is going out, what will, how the last ones went, and
//! what wants a person's hand.

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::state::State;
use super::{Campaign, queries, with_counts};
use crate::actor::{Actor, Permission};
use crate::api_token;
use crate::db::Db;
use crate::error::Result;
use crate::ids::TenantId;
use crate::schema::{contact, contact_import, dkim_key, route, sender_domain};
use crate::tenant;
use crate::text_enum::text_enum;

/// Campaigns of each kind that are shown.
const SHOWN: i64 = 10;
/// Of those that are over.
const RECENT: i64 = 5;
/// A share of failures from which a campaign is a problem, and how many it
/// takes at least: of ten people, one wrong address is no news.
const FAILED_PERCENT: i64 = 5;
const FAILED_AT_LEAST: i64 = 10;
/// How long a failed import is news.
const IMPORT_DAYS: i64 = 7;

text_enum! {
    /// What wants a person's hand.
    pub enum ProblemKind {
        /// Many of a campaign's mails failed.
        CampaignFailed = "campaign_failed",
        /// Whether some mails were taken is not known.
        CampaignUnknown = "campaign_unknown",
        /// A campaign stands still.
        CampaignPaused = "campaign_paused",
        /// A scheduled campaign did not go out.
        CampaignNotReady = "campaign_not_ready",
        ImportFailed = "import_failed",
        /// What the law wants in every mail is not written down.
        LegalMissing = "legal_missing",
        DomainMissing = "domain_missing",
        /// A key's record was not seen in DNS.
        DomainUnchecked = "domain_unchecked",
        RouteMissing = "route_missing",
        /// An API token is over soon, and the program that uses it stops.
        ApiTokenEnding = "api_token_ending",
    }
}

/// Something that wants a person's hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// The name of what it is about; empty when it is about no one thing.
    pub detail: String,
    pub subject_id: Option<Uuid>,
}

/// How many contacts there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactCounts {
    /// Who may be mailed.
    pub active: i64,
    pub total: i64,
}

/// The home page. What the person may not see is empty.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Under way or held, the last started first.
    pub going_out: Vec<Campaign>,
    /// The next first.
    pub scheduled: Vec<Campaign>,
    /// Over, the last first.
    pub recent: Vec<Campaign>,
    pub problems: Vec<Problem>,
    pub contacts: Option<ContactCounts>,
}

/// The summary for a person.
///
/// # Errors
/// When the database does.
pub async fn get(db: &Db, actor: &Actor) -> Result<Summary> {
    let (tenant, now) = (actor.tenant_id, db.now());
    let may = |permission| actor.require(permission).is_ok();
    db.tenant(tenant, async |tx| {
        let mut summary = Summary {
            going_out: Vec::new(),
            scheduled: Vec::new(),
            recent: Vec::new(),
            problems: Vec::new(),
            contacts: None,
        };
        if may(Permission::CampaignsRead) {
            campaigns(tx, tenant, &mut summary, now).await?;
        }
        if may(Permission::ContactsRead) {
            summary.contacts = Some(count_contacts(tx, tenant).await?);
            failed_imports(tx, tenant, now, &mut summary.problems).await?;
        }
        if may(Permission::SettingsRead) {
            settings(tx, tenant, &mut summary.problems).await?;
        }
        if may(Permission::TokensManage) {
            let ending = api_token::ending(tx, tenant, now, SHOWN).await?;
            let problems = ending.into_iter().map(|(id, name)| Problem {
                kind: ProblemKind::ApiTokenEnding,
                detail: name,
                subject_id: Some(id.0),
            });
            summary.problems.extend(problems);
        }
        Ok(summary)
    })
    .await
}

async fn campaigns(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    summary: &mut Summary,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<()> {
    use State as S;
    let under_way = [S::Preparing, S::Sending, S::Paused];
    let going_out = queries::in_states(tx, tenant, &under_way, SHOWN).await?;
    let scheduled = queries::in_states(tx, tenant, &[S::Scheduled], SHOWN).await?;
    let recent = queries::ended(tx, tenant, RECENT).await?;
    let sent_back = queries::sent_back(tx, tenant, SHOWN).await?;
    summary.going_out = with_counts(tx, tenant, going_out, now).await?;
    summary.scheduled = with_counts(tx, tenant, scheduled, now).await?;
    summary.recent = with_counts(tx, tenant, recent, now).await?;
    let problem = |kind, campaign: &Campaign| Problem {
        kind,
        detail: campaign.name.clone(),
        subject_id: Some(campaign.id.0),
    };
    for campaign in with_counts(tx, tenant, sent_back, now).await? {
        summary
            .problems
            .push(problem(ProblemKind::CampaignNotReady, &campaign));
    }
    for campaign in summary.going_out.iter().chain(&summary.recent) {
        let counts = &campaign.counts;
        let tried = counts.accepted + counts.failed + counts.unknown;
        if campaign.state == S::Paused {
            summary
                .problems
                .push(problem(ProblemKind::CampaignPaused, campaign));
        }
        if counts.failed >= FAILED_AT_LEAST && counts.failed * 100 >= tried * FAILED_PERCENT {
            summary
                .problems
                .push(problem(ProblemKind::CampaignFailed, campaign));
        }
        if counts.unknown > 0 {
            summary
                .problems
                .push(problem(ProblemKind::CampaignUnknown, campaign));
        }
    }
    Ok(())
}

/// Both from an index alone: the few who are not active from theirs.
async fn count_contacts(tx: &mut AsyncPgConnection, tenant: TenantId) -> Result<ContactCounts> {
    let of_tenant = contact::table.filter(contact::tenant_id.eq(tenant));
    let total: i64 = of_tenant.select(count_star()).first(tx).await?;
    let others: i64 = of_tenant
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(
            "contact.status <> 'active'",
        ))
        .select(count_star())
        .first(tx)
        .await?;
    Ok(ContactCounts {
        active: total - others,
        total,
    })
}

async fn failed_imports(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    now: chrono::DateTime<chrono::Utc>,
    problems: &mut Vec<Problem>,
) -> Result<()> {
    let failed: Vec<(Uuid, String)> = contact_import::table
        .filter(
            contact_import::tenant_id
                .eq(tenant)
                .and(contact_import::state.eq("failed"))
                .and(contact_import::created_at.gt(now - chrono::TimeDelta::days(IMPORT_DAYS))),
        )
        .order(contact_import::created_at.desc())
        .select((contact_import::id, contact_import::filename))
        .limit(RECENT)
        .load(tx)
        .await?;
    problems.extend(failed.into_iter().map(|(id, filename)| Problem {
        kind: ProblemKind::ImportFailed,
        detail: filename,
        subject_id: Some(id),
    }));
    Ok(())
}

/// What every campaign needs before it may go out.
async fn settings(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    problems: &mut Vec<Problem>,
) -> Result<()> {
    let bare = |kind| Problem {
        kind,
        detail: String::new(),
        subject_id: None,
    };
    let legal = tenant::find(tx, tenant).await?;
    let items = [
        &legal.legal_sender_name,
        &legal.legal_postal_address,
        &legal.legal_contact,
    ];
    if items.iter().any(|item| item.trim().is_empty()) {
        problems.push(bare(ProblemKind::LegalMissing));
    }
    let routes: i64 = route::table
        .filter(route::tenant_id.eq(tenant).and(route::enabled.eq(true)))
        .select(count_star())
        .first(tx)
        .await?;
    if routes == 0 {
        problems.push(bare(ProblemKind::RouteMissing));
    }
    let domains: i64 = sender_domain::table
        .filter(sender_domain::tenant_id.eq(tenant))
        .select(count_star())
        .first(tx)
        .await?;
    if domains == 0 {
        problems.push(bare(ProblemKind::DomainMissing));
    }
    let unchecked: Vec<(Uuid, String)> = sender_domain::table
        .inner_join(
            dkim_key::table.on(dkim_key::tenant_id
                .eq(sender_domain::tenant_id)
                .and(dkim_key::sender_domain_id.eq(sender_domain::id))),
        )
        .filter(
            sender_domain::tenant_id
                .eq(tenant)
                .and(dkim_key::active.eq(true))
                .and(dkim_key::checked_state.ne("ok")),
        )
        .select((sender_domain::id, sender_domain::domain))
        .distinct()
        .order(sender_domain::domain)
        .limit(SHOWN)
        .load(tx)
        .await?;
    problems.extend(unchecked.into_iter().map(|(id, domain)| Problem {
        kind: ProblemKind::DomainUnchecked,
        detail: domain,
        subject_id: Some(id),
    }));
    Ok(())
}
