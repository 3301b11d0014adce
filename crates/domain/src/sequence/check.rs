//! What a rule has to fulfil before it is written.

use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::plan::{Delay, Unit};
use super::{Entry, MAX_STEPS, Rule, StepRow, StepRule, queries};
use crate::error::{Result, Validation};
use crate::ids::{ListId, MailId, TenantId};
use crate::schema::{list, mail};

/// Longest delay, in minutes: a year.
const MAX_MINUTES: i32 = 525_600;
/// Furthest of an entry from its date, in days.
const MAX_OFFSET: i16 = 365;
/// Lists of a condition.
const MAX_LISTS: usize = 20;

/// Refuses what can't be, and what is not there or of another tenant.
pub(super) async fn rule(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    rule: &Rule,
    before: &[StepRow],
) -> Result<()> {
    let mut v = Validation::default();
    v.length("/name", rule.name.trim(), 1, 200);
    if rule.time_zone.parse::<chrono_tz::Tz>().is_err() {
        v.add(
            "/time_zone",
            "unknown",
            "is no IANA time zone, for example Asia/Tokyo",
        );
    }
    if rule.steps.len() > MAX_STEPS {
        v.add(
            "/steps",
            "too_many",
            format!("a sequence has at most {MAX_STEPS} steps"),
        );
        return v.finish();
    }
    entry(tx, tenant, rule, &mut v).await?;
    let mails = known_mails(tx, tenant, &rule.steps).await?;
    let lists = known_lists(tx, tenant, &rule.steps).await?;
    for (index, step) in rule.steps.iter().enumerate() {
        let pointer = format!("/steps/{index}");
        delay(&step.delay, &pointer, &mut v);
        if !mails.contains(&step.mail_id) {
            v.add(
                format!("{pointer}/mail_id"),
                "unknown",
                "there is no such mail",
            );
        }
        identity(step, index, rule, before, &mut v);
        condition(step, &pointer, &lists, &mut v);
    }
    v.finish()
}

async fn entry(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    rule: &Rule,
    v: &mut Validation,
) -> Result<()> {
    match &rule.entry {
        Entry::Manual => {}
        Entry::List(id) => {
            let known = match id {
                Some(id) => !lists_of(tx, tenant, &[*id]).await?.is_empty(),
                None => false,
            };
            if !known {
                v.add("/entry/list_id", "unknown", "there is no such list");
            }
        }
        Entry::Date {
            field, offset_days, ..
        } => {
            if !queries::is_date_field(tx, tenant, field).await? {
                v.add(
                    "/entry/field",
                    "unknown",
                    "there is no own field of type date with this key",
                );
            }
            if !(-MAX_OFFSET..=MAX_OFFSET).contains(offset_days) {
                v.add(
                    "/entry/offset_days",
                    "out_of_range",
                    format!("must be {} to {MAX_OFFSET} days", -MAX_OFFSET),
                );
            }
        }
    }
    if rule.leave_with_list && !matches!(rule.entry, Entry::List(_)) {
        v.add(
            "/leave_with_list",
            "not_allowed",
            "only a sequence that begins with a list ends with it",
        );
    }
    Ok(())
}

fn delay(delay: &Delay, pointer: &str, v: &mut Validation) {
    let most = match delay.unit {
        Unit::Minutes => MAX_MINUTES,
        Unit::Hours => MAX_MINUTES / 60,
        Unit::Days => MAX_MINUTES / 60 / 24,
    };
    if !(0..=most).contains(&delay.value) {
        v.add(
            format!("{pointer}/delay"),
            "out_of_range",
            format!("must be 0 to {most} {}", delay.unit.as_str()),
        );
    }
    if delay.at.is_some() && delay.unit != Unit::Days {
        v.add(
            format!("{pointer}/at"),
            "not_allowed",
            "a time of day goes with days only",
        );
    }
}

fn identity(step: &StepRule, index: usize, rule: &Rule, before: &[StepRow], v: &mut Validation) {
    let Some(id) = step.id else { return };
    let earlier = rule.steps.iter().take(index);
    let is_repeated = earlier.filter_map(|step| step.id).any(|other| other == id);
    if is_repeated || !before.iter().any(|step| step.id == id) {
        v.add(
            format!("/steps/{index}/id"),
            "unknown",
            "is no step of this sequence, or stands twice: leave it out for a new step",
        );
    }
}

fn condition(step: &StepRule, pointer: &str, known: &[ListId], v: &mut Validation) {
    for (name, ids) in [
        ("list_ids", &step.condition.list_ids),
        ("exclude_list_ids", &step.condition.exclude_list_ids),
    ] {
        let pointer = format!("{pointer}/condition/{name}");
        if ids.len() > MAX_LISTS {
            v.add(
                &pointer,
                "too_many",
                format!("holds more than {MAX_LISTS} lists"),
            );
        } else if ids.iter().any(|id| !known.contains(id)) {
            v.add(&pointer, "unknown", "names a list that is not there");
        }
    }
}

async fn known_mails(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    steps: &[StepRule],
) -> Result<Vec<MailId>> {
    let ids: Vec<MailId> = steps.iter().map(|step| step.mail_id).collect();
    Ok(mail::table
        .filter(mail::tenant_id.eq(tenant).and(mail::id.eq_any(ids)))
        .select(mail::id)
        .load(tx)
        .await?)
}

async fn known_lists(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    steps: &[StepRule],
) -> Result<Vec<ListId>> {
    let ids = steps.iter().flat_map(|step| {
        let (wanted, unwanted) = (&step.condition.list_ids, &step.condition.exclude_list_ids);
        wanted.iter().chain(unwanted).copied()
    });
    let ids: Vec<ListId> = ids.take(MAX_STEPS * MAX_LISTS * 2).collect();
    lists_of(tx, tenant, &ids).await
}

async fn lists_of(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    ids: &[ListId],
) -> Result<Vec<ListId>> {
    Ok(list::table
        .filter(list::tenant_id.eq(tenant).and(list::id.eq_any(ids)))
        .select(list::id)
        .load(tx)
        .await?)
}
