//! SQL of A/B tests.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{AbTest, Deal, Decision, How, Metric, Plan, Variant, Winner};
use crate::error::{Result, Validation};
use crate::ids::{CampaignId, MailId, TenantId, UserId};
use crate::schema::{ab_test, campaign_variant, mail, send_queue};

#[derive(Queryable, Selectable)]
#[diesel(table_name = ab_test)]
struct Row {
    campaign_id: CampaignId,
    share: i16,
    metric: Metric,
    decision: Decision,
    wait_minutes: i32,
    out_at: Option<DateTime<Utc>>,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<UserId>,
    decided_how: Option<How>,
    winner: Option<i16>,
}

impl Row {
    fn with(self, variants: Vec<Variant>) -> AbTest {
        let winner = match (self.winner, self.decided_at, self.decided_how) {
            (Some(position), Some(at), Some(how)) => Some(Winner {
                position,
                at,
                by: self.decided_by,
                how,
            }),
            _ => None,
        };
        AbTest {
            plan: Plan {
                share: self.share,
                metric: self.metric,
                decision: self.decision,
                wait_minutes: self.wait_minutes,
                variants,
            },
            out_at: self.out_at,
            winner,
        }
    }
}

type VariantColumns = (
    CampaignId,
    Option<MailId>,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// The A/B tests of several campaigns; most have none.
pub(in crate::campaign) async fn of_campaigns(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[CampaignId],
) -> Result<BTreeMap<CampaignId, AbTest>> {
    let rows: Vec<Row> = ab_test::table
        .filter(
            ab_test::tenant_id
                .eq(tenant)
                .and(ab_test::campaign_id.eq_any(ids)),
        )
        .select(Row::as_select())
        .load(tx)
        .await?;
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found: Vec<VariantColumns> = campaign_variant::table
        .filter(
            campaign_variant::tenant_id
                .eq(tenant)
                .and(campaign_variant::campaign_id.eq_any(ids)),
        )
        .order((campaign_variant::campaign_id, campaign_variant::position))
        .select((
            campaign_variant::campaign_id,
            campaign_variant::mail_id,
            campaign_variant::subject,
            campaign_variant::sender_name,
            campaign_variant::sender_address,
        ))
        .load(tx)
        .await?;
    let mut variants = BTreeMap::<CampaignId, Vec<Variant>>::new();
    for (id, mail_id, subject, sender_name, sender_address) in found {
        variants.entry(id).or_default().push(Variant {
            mail_id,
            subject,
            sender_name,
            sender_address,
        });
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let id = row.campaign_id;
            (id, row.with(variants.remove(&id).unwrap_or_default()))
        })
        .collect())
}

/// The A/B test of a campaign, if it has one.
pub(crate) async fn load(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Option<AbTest>> {
    Ok(of_campaigns(tx, tenant, &[id]).await?.remove(&id))
}

/// A variant as it goes out: what it is, its mail's version, and after how many links its own stand.
pub(crate) type Fixed = (Variant, MailId, i32, i32);

/// The variants of a campaign that is under way.
pub(crate) async fn variants_of(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    campaigns_mail: MailId,
) -> Result<Vec<Fixed>> {
    type Columns = (
        Option<MailId>,
        Option<i32>,
        Option<String>,
        Option<String>,
        Option<String>,
        i32,
    );
    let rows: Vec<Columns> = campaign_variant::table
        .filter(
            campaign_variant::tenant_id
                .eq(tenant)
                .and(campaign_variant::campaign_id.eq(id)),
        )
        .order(campaign_variant::position)
        .select((
            campaign_variant::mail_id,
            campaign_variant::mail_number,
            campaign_variant::subject,
            campaign_variant::sender_name,
            campaign_variant::sender_address,
            campaign_variant::links_after,
        ))
        .load(tx)
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(
            |(mail_id, number, subject, sender_name, sender_address, after)| {
                let variant = Variant {
                    mail_id,
                    subject,
                    sender_name,
                    sender_address,
                };
                Some((variant, mail_id.unwrap_or(campaigns_mail), number?, after))
            },
        )
        .collect())
}

/// Puts a plan in the place of what the campaign had.
pub(crate) async fn save(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    plan: &Plan,
) -> Result<()> {
    check_mails(tx, tenant, plan).await?;
    remove(tx, tenant, id).await?;
    diesel::insert_into(ab_test::table)
        .values((
            ab_test::tenant_id.eq(tenant),
            ab_test::campaign_id.eq(id),
            ab_test::share.eq(plan.share),
            ab_test::metric.eq(plan.metric),
            ab_test::decision.eq(plan.decision),
            ab_test::wait_minutes.eq(plan.wait_minutes),
        ))
        .execute(tx)
        .await?;
    let rows: Vec<_> = plan
        .variants
        .iter()
        .zip(1_i16..)
        .map(|(variant, position)| {
            (
                campaign_variant::tenant_id.eq(tenant),
                campaign_variant::campaign_id.eq(id),
                campaign_variant::position.eq(position),
                campaign_variant::mail_id.eq(variant.mail_id),
                campaign_variant::subject.eq(&variant.subject),
                campaign_variant::sender_name.eq(&variant.sender_name),
                campaign_variant::sender_address.eq(&variant.sender_address),
            )
        })
        .collect();
    diesel::insert_into(campaign_variant::table)
        .values(rows)
        .execute(tx)
        .await?;
    Ok(())
}

async fn check_mails(tx: &mut AsyncPgConnection, tenant: TenantId, plan: &Plan) -> Result<()> {
    let ids: Vec<MailId> = plan.variants.iter().filter_map(|v| v.mail_id).collect();
    let known: Vec<MailId> = mail::table
        .filter(mail::tenant_id.eq(tenant).and(mail::id.eq_any(&ids)))
        .select(mail::id)
        .load(tx)
        .await?;
    let mut v = Validation::default();
    for (i, variant) in plan.variants.iter().enumerate() {
        if variant.mail_id.is_some_and(|id| !known.contains(&id)) {
            let pointer = format!("/ab_test/variants/{i}/mail_id");
            v.add(pointer, "unknown", "there is no such mail");
        }
    }
    v.finish()
}

/// Takes the A/B test away, with its variants.
pub(in crate::campaign) async fn remove(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<()> {
    diesel::delete(ab_test::table.find((tenant, id)))
        .execute(tx)
        .await?;
    Ok(())
}

/// Fixes what each variant sends: the version of its mail, and where its links stand.
pub(in crate::campaign) async fn fix(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    variants: &[(i32, i32)],
) -> Result<()> {
    for ((number, links_after), position) in variants.iter().zip(1_i16..) {
        diesel::update(campaign_variant::table.find((tenant, id, position)))
            .set((
                campaign_variant::mail_number.eq(*number),
                campaign_variant::links_after.eq(*links_after),
            ))
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Makes a mailer look after the A/B test, when anybody waits for a winner.
pub(in crate::campaign) async fn begin(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    now: DateTime<Utc>,
) -> Result<()> {
    let share: Option<i16> = ab_test::table
        .find((tenant, id))
        .select(ab_test::share)
        .first(tx)
        .await
        .optional()?;
    if share.is_some_and(|share| share < super::WHOLE) {
        look_at(tx, tenant, id, Some(now)).await?;
    }
    Ok(())
}

/// When a mailer looks after it next; `None`: never.
pub(super) async fn look_at(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    at: Option<DateTime<Utc>>,
) -> Result<()> {
    diesel::update(send_queue::table.find((tenant, id)))
        .set(send_queue::ab_test_at.eq(at))
        .execute(tx)
        .await?;
    Ok(())
}

/// How people are dealt out, for freezing.
pub(in crate::campaign) async fn decided(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
) -> Result<Option<Deal>> {
    let row: Option<(i16, i64, Option<i16>)> = ab_test::table
        .find((tenant, id))
        .select((ab_test::share, ab_test::dealt, ab_test::winner))
        .first(tx)
        .await
        .optional()?;
    let Some((share, dealt, winner)) = row else {
        return Ok(None);
    };
    let variants: i64 = campaign_variant::table
        .filter(
            campaign_variant::tenant_id
                .eq(tenant)
                .and(campaign_variant::campaign_id.eq(id)),
        )
        .count()
        .get_result(tx)
        .await?;
    Ok(Some(Deal {
        share,
        variants: usize::try_from(variants).unwrap_or(1).max(1),
        dealt,
        winner,
    }))
}

/// So many more people are dealt out.
pub(in crate::campaign) async fn deal(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: CampaignId,
    people: i64,
) -> Result<()> {
    diesel::update(ab_test::table.find((tenant, id)))
        .set(ab_test::dealt.eq(ab_test::dealt + people))
        .execute(tx)
        .await?;
    Ok(())
}
