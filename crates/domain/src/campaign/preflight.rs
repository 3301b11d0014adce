//! Pre-flight: who gets a campaign, who does not and why, and everything that
//! has to be right before it may go out.

mod legal;
mod variants;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::audience::{self, People};
use super::frequency::Cap;
use super::{CampaignRow, ab_test, confirmation, queries};
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::error::Result;
use crate::ids::{CampaignId, MailId, RouteId, TenantId};
use crate::mail::content::Content;
use crate::mail::render::{CompiledMail, Installation, Links, Surroundings};
use crate::mail::{self, preview};
use crate::schema::{dkim_key, route, sender_domain};
use crate::text_enum::text_enum;

text_enum! {
    /// How much a check weighs.
    pub enum Level {
        /// Keeps the campaign from going out.
        Block = "block",
        Warn = "warn",
        Ok = "ok",
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub code: &'static str,
    pub level: Level,
    /// What exactly: a field's name, a domain, a part and line.
    pub detail: String,
    /// How many people or places it concerns.
    pub count: Option<i64>,
}

impl Check {
    fn new(code: &'static str, level: Level, detail: impl Into<String>) -> Self {
        Self {
            code,
            level,
            detail: detail.into(),
            count: None,
        }
    }

    /// Ok, or a block with the detail.
    fn block_unless(code: &'static str, is_right: bool, detail: &str) -> Self {
        if is_right {
            Self::new(code, Level::Ok, "")
        } else {
            Self::new(code, Level::Block, detail)
        }
    }
}

/// What pre-flight found.
#[derive(Debug, Clone)]
pub struct Preflight {
    pub people: People,
    pub checks: Vec<Check>,
}

impl Preflight {
    #[must_use]
    pub fn can_send(&self) -> bool {
        self.people.will_receive > 0 && self.checks.iter().all(|check| check.level != Level::Block)
    }
}

/// HTML part over this many bytes is cut by Gmail (102 kB) and slow on phones.
const LARGE: usize = 100 * 1024;

/// Looks at a campaign as it would go out now.
///
/// # Errors
/// Forbidden, not found.
pub async fn run(
    db: &Db,
    actor: &Actor,
    installation: &Installation,
    id: CampaignId,
) -> Result<Preflight> {
    actor.require(Permission::CampaignsRead)?;
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let tenant = actor.tenant_id;
        let row = queries::find(tx, tenant, id).await?;
        let cap = Cap::load(tx, tenant, now).await?;
        let people = audience::count(tx, tenant, &row.audience()?, cap).await?;
        let counted = people.will_receive;
        let (mut preflight, outgoing) =
            examine(tx, tenant, installation, &row, people, now).await?;
        confirmation::remember(tx, tenant, id, row.version, counted, now).await?;
        if let Some(outgoing) = outgoing {
            let fields = &outgoing.unguarded;
            let empty = audience::count_empty(tx, tenant, &row.audience()?, cap, fields).await?;
            preflight.checks.extend(empty_values(empty));
        }
        Ok(preflight)
    })
    .await
}

/// What goes out, when it can.
pub(crate) struct Outgoing {
    pub(crate) mail_number: i32,
    /// Targets of the counted links, of all variants.
    pub(crate) links: Vec<String>,
    /// Of each variant the version of its mail, and how many links stand before its own.
    pub(crate) variants: Vec<(i32, i32)>,
    /// Fields that stand in the mail without a word for who has nothing there.
    unguarded: Vec<String>,
}

impl Outgoing {
    /// One mail for everybody.
    fn of(mail_number: i32, compiled: &CompiledMail) -> Self {
        Self {
            mail_number,
            links: compiled.links().to_vec(),
            variants: Vec::new(),
            unguarded: compiled.unguarded_fields().iter().cloned().collect(),
        }
    }
}

/// What can block a campaign to these people, and what goes out when nothing
/// does, in the caller's transaction. What only warns and costs another look at everybody
/// (who has nothing in a field) is left to [`run`]: sending does not wait for it.
pub(super) async fn examine(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    installation: &Installation,
    row: &CampaignRow,
    people: People,
    now: DateTime<Utc>,
) -> Result<(Preflight, Option<Outgoing>)> {
    let mut checks = vec![Check::block_unless("people", people.will_receive > 0, "")];
    let route = checked_route(tx, tenant, row.route_id, &mut checks).await?;
    let mut outgoing = None;
    match row.mail_id {
        None => checks.push(Check::new("mail", Level::Block, "")),
        Some(mail_id) => {
            let mail = mail::find(tx, tenant, mail_id).await?;
            let around = mail::surroundings(tx, tenant, installation, now).await?;
            let we_sign = route.is_none_or(|signs| signs);
            let test = ab_test::load(tx, tenant, row.id).await?;
            outgoing = match test {
                Some(test) => {
                    checks.extend(variants::people(&test.plan, people.will_receive));
                    let mails = variants::mails(tx, tenant, &test.plan, &mail).await?;
                    variants::examine(tx, tenant, &mail, &mails, &around, we_sign, &mut checks)
                        .await?
                }
                None => one_mail(tx, tenant, &mail.content, &around, we_sign, &mut checks)
                    .await?
                    .map(|compiled| Outgoing::of(mail.number, &compiled)),
            };
        }
    }
    Ok((Preflight { people, checks }, outgoing))
}

/// What goes out of a mail by any route, whoever gets it; or the codes of what
/// blocks.
pub(crate) async fn ready_mail(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    installation: &Installation,
    mail_id: MailId,
    now: DateTime<Utc>,
) -> Result<Result<Outgoing, String>> {
    let mut checks = Vec::new();
    let route = checked_route(tx, tenant, None, &mut checks).await?;
    let mail = mail::find(tx, tenant, mail_id).await?;
    let around = mail::surroundings(tx, tenant, installation, now).await?;
    let we_sign = route.is_none_or(|signs| signs);
    let compiled = one_mail(tx, tenant, &mail.content, &around, we_sign, &mut checks).await?;
    let blocks = checks.iter().filter(|check| check.level == Level::Block);
    let blocks: Vec<&str> = blocks.map(|check| check.code).collect();
    Ok(match compiled {
        Some(compiled) if blocks.is_empty() => Ok(Outgoing::of(mail.number, &compiled)),
        _ => Err(blocks.join(", ")),
    })
}

/// Its sender, and its parts.
async fn one_mail(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    mail: &Content,
    around: &Surroundings,
    we_sign: bool,
    checks: &mut Vec<Check>,
) -> Result<Option<CompiledMail>> {
    sender(tx, tenant, &mail.sender_address, we_sign, checks).await?;
    Ok(content(mail, around, checks))
}

/// Checks the parts of a mail that do not depend on the audience.
pub(super) fn content(
    content: &Content,
    around: &Surroundings,
    checks: &mut Vec<Check>,
) -> Option<CompiledMail> {
    checks.push(Check::block_unless(
        "subject",
        !content.subject.trim().is_empty(),
        "",
    ));
    let has_body = !content.html.trim().is_empty() || !content.text.trim().is_empty();
    checks.push(Check::block_unless("body", has_body, ""));
    let compiled = match CompiledMail::compile(content, around) {
        Ok(compiled) => compiled,
        Err(problems) => {
            for problem in problems {
                let line = problem
                    .line
                    .map_or_else(String::new, |line| format!(":{line}"));
                let detail = format!("{}{line}: {}", problem.part.as_str(), problem.detail);
                checks.push(Check::new("template", Level::Block, detail));
            }
            return None;
        }
    };
    checks.push(Check::new("template", Level::Ok, ""));
    let unknown: Vec<&str> = compiled
        .unknown_fields()
        .iter()
        .map(String::as_str)
        .collect();
    checks.push(Check::block_unless(
        "unknown_fields",
        unknown.is_empty(),
        &unknown.join(", "),
    ));
    match compiled.render(&preview::sample(content, &around.fields), Links::Direct) {
        Ok(rendered) => {
            let cancel_url = rendered.cancel_url.clone();
            legal::check(&rendered, &around.legal, &cancel_url, checks);
            if let Some(html) = &rendered.html {
                let kilobytes = html.len() / 1024;
                let level = if html.len() > LARGE {
                    Level::Warn
                } else {
                    Level::Ok
                };
                checks.push(Check::new("size", level, format!("{kilobytes} kB")));
                let missing = legal::images_without_alt(html);
                let level = if missing > 0 { Level::Warn } else { Level::Ok };
                checks.push(Check {
                    count: Some(missing),
                    ..Check::new("alt_text", level, "")
                });
            }
        }
        Err(error) => checks.push(Check::new("template", Level::Block, error.to_string())),
    }
    Some(compiled)
}

/// Whether the route signs itself not (`true`: we sign); `None` without one.
async fn checked_route(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    chosen: Option<RouteId>,
    checks: &mut Vec<Check>,
) -> Result<Option<bool>> {
    // It may go by any of them, and is signed when one of them wants it.
    let mut query = route::table
        .filter(route::tenant_id.eq(tenant).and(route::enabled.eq(true)))
        .order((route::position, route::id))
        .limit(crate::route::MOST_OF_A_CAMPAIGN)
        .select(route::sign)
        .into_boxed();
    if let Some(id) = chosen {
        query = query.filter(route::id.eq(id));
    }
    let signs: Vec<bool> = query.load(tx).await?;
    checks.push(Check::block_unless("route", !signs.is_empty(), ""));
    Ok((!signs.is_empty()).then(|| signs.contains(&true)))
}

async fn sender(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    address: &str,
    we_sign: bool,
    checks: &mut Vec<Check>,
) -> Result<()> {
    let domain = match crate::contact::EmailAddress::parse(address) {
        Ok(address) => address.domain().to_ascii_lowercase(),
        Err(_) => {
            checks.push(Check::new("sender_address", Level::Block, address));
            return Ok(());
        }
    };
    checks.push(Check::new("sender_address", Level::Ok, ""));
    let keys: Option<Vec<String>> = match sender_domain::table
        .filter(
            sender_domain::tenant_id
                .eq(tenant)
                .and(sender_domain::domain.eq(&domain)),
        )
        .select(sender_domain::id)
        .first::<crate::ids::SenderDomainId>(tx)
        .await
        .optional()?
    {
        None => None,
        Some(id) => Some(
            dkim_key::table
                .filter(
                    dkim_key::tenant_id
                        .eq(tenant)
                        .and(dkim_key::sender_domain_id.eq(id)),
                )
                .filter(dkim_key::active.eq(true))
                .select(dkim_key::checked_state)
                .load(tx)
                .await?,
        ),
    };
    checks.push(Check::block_unless(
        "sender_domain",
        keys.is_some(),
        &domain,
    ));
    if let Some(keys) = keys.filter(|_| we_sign) {
        checks.push(Check::block_unless("dkim_key", !keys.is_empty(), &domain));
        let is_published = keys.iter().all(|state| state == "ok");
        let level = if is_published { Level::Ok } else { Level::Warn };
        checks.push(Check::new("dkim_record", level, domain));
    }
    Ok(())
}

fn empty_values(empty: Vec<(String, i64)>) -> Vec<Check> {
    let checks: Vec<Check> = empty
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(field, n)| Check {
            count: Some(n),
            ..Check::new("empty_values", Level::Warn, field)
        })
        .collect();
    if checks.is_empty() {
        return vec![Check::new("empty_values", Level::Ok, "")];
    }
    checks
}
