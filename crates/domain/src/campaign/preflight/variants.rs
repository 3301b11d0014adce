//! Every variant of an A/B test goes through the same checks; what is wrong
//! with one names it.

use std::collections::BTreeSet;

use diesel_async::AsyncPgConnection;

use super::{Check, Level, Outgoing, one_mail};
use crate::campaign::ab_test::{Plan, letter};
use crate::error::Result;
use crate::ids::TenantId;
use crate::mail::content::Content;
use crate::mail::render::Surroundings;
use crate::mail::{self, Mail};

/// Fewer people of a variant say little.
const FEW: i64 = 100;

/// Whether there is anybody to test on: none of a variant blocks, few warn.
pub(super) fn people(plan: &Plan, will_receive: i64) -> Option<Check> {
    let variants = i64::try_from(plan.variants.len()).unwrap_or(i64::MAX);
    let each = will_receive * i64::from(plan.share) / 100 / variants.max(1);
    let level = match each {
        0 => Level::Block,
        n if n < FEW => Level::Warn,
        _ => Level::Ok,
    };
    // That there is nobody at all is another check's.
    (will_receive > 0).then(|| Check {
        count: Some(each),
        ..Check::new("ab_test", level, "")
    })
}

/// What each variant sends: version and content.
pub(super) async fn mails(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    plan: &Plan,
    campaigns: &Mail,
) -> Result<Vec<(i32, Content)>> {
    let mut mails = Vec::with_capacity(plan.variants.len());
    for variant in &plan.variants {
        mails.push(match variant.mail_id {
            Some(id) => {
                let own = mail::find(tx, tenant, id).await?;
                (own.number, variant.content(own.content))
            }
            None => (campaigns.number, variant.content(campaigns.content.clone())),
        });
    }
    Ok(mails)
}

pub(super) async fn examine(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    campaigns: &Mail,
    mails: &[(i32, Content)],
    around: &Surroundings,
    we_sign: bool,
    checks: &mut Vec<Check>,
) -> Result<Option<Outgoing>> {
    let (mut links, mut variants) = (Vec::new(), Vec::new());
    let (mut unguarded, mut found) = (BTreeSet::new(), Vec::new());
    for (number, content) in mails {
        let mut own = Vec::new();
        if let Some(compiled) = one_mail(tx, tenant, content, around, we_sign, &mut own).await? {
            variants.push((*number, i32::try_from(links.len()).unwrap_or(i32::MAX)));
            links.extend_from_slice(compiled.links());
            unguarded.extend(compiled.unguarded_fields().iter().cloned());
        }
        found.push(own);
    }
    checks.extend(merge(found));
    // A link's number stands in its token in two bytes.
    let is_countable = u16::try_from(links.len()).is_ok();
    if !is_countable {
        checks.push(Check::new("template", Level::Block, "too many links"));
    }
    let is_complete = variants.len() == mails.len() && is_countable;
    Ok(is_complete.then(|| Outgoing {
        mail_number: campaigns.number,
        links,
        variants,
        unguarded: unguarded.into_iter().collect(),
    }))
}

/// One list of all: what is right with every one stands once, what is wrong
/// names the variant.
fn merge(found: Vec<Vec<Check>>) -> Vec<Check> {
    let wrong: BTreeSet<&str> = found
        .iter()
        .flatten()
        .filter(|check| check.level != Level::Ok)
        .map(|check| check.code)
        .collect();
    let wrong: BTreeSet<String> = wrong.into_iter().map(str::to_owned).collect();
    let mut right = BTreeSet::new();
    let mut merged = Vec::new();
    for (own, position) in found.into_iter().zip(1_i16..) {
        for check in own {
            if check.level != Level::Ok {
                let detail = format!("{}: {}", letter(position), check.detail);
                merged.push(Check { detail, ..check });
            } else if !wrong.contains(check.code) && right.insert(check.code) {
                merged.push(check);
            }
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right_stands_once_and_what_is_wrong_names_its_variant() {
        let check = |code, level, detail: &str| Check::new(code, level, detail);
        let found = vec![
            vec![
                check("subject", Level::Ok, ""),
                check("size", Level::Ok, "3 kB"),
            ],
            vec![
                check("subject", Level::Block, ""),
                check("size", Level::Ok, "5 kB"),
            ],
        ];
        let merged = merge(found);
        let seen: Vec<(&str, &str)> = merged.iter().map(|c| (c.code, c.detail.as_str())).collect();
        assert_eq!(seen, [("size", "3 kB"), ("subject", "B: ")]);
    }
}
