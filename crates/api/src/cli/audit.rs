//! `kikubari audit`: the operator's look at traces.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use domain::access::{self, Access};
use domain::audit::chain::{self, Head};
use domain::audit::export::{self, Format};
use domain::audit::read::{self, AuditFilter};
use domain::audit::trace::Trace;
use domain::ids::{TenantId, UserId};
use domain::page::PageRequest;
use domain::{Actor, Db};
use uuid::Uuid;

use super::anchor::{Anchors, Line};
use super::output::{explain, print};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Follow the chains from their first entries on; exits with 1 and says where one is broken
    Verify {
        /// One tenant
        #[arg(long, required_unless_present_any = ["all", "operator"], conflicts_with_all = ["all", "operator"])]
        tenant: Option<Uuid>,
        /// Every tenant
        #[arg(long, conflicts_with = "operator")]
        all: bool,
        /// The operator's own (as kikubari_operator, KIKUBARI_OPERATOR_DATABASE_URL)
        #[arg(long)]
        operator: bool,
        /// The manifest of a backup, or what `audit heads` once printed; - is standard input: chains must still hold these links
        #[arg(long)]
        anchor: Option<PathBuf>,
    },
    /// Print the end of each chain as a JSON line, to be kept outside of the database
    Heads {
        /// Of the operator's own instead
        #[arg(long)]
        operator: bool,
    },
    /// Print entries as JSON lines, newest first
    Search {
        /// One tenant; otherwise all of them
        #[arg(long)]
        tenant: Option<Uuid>,
        #[command(flatten)]
        filter: Filter,
    },
    /// Print a tenant's entries as a file, newest first
    Export {
        #[arg(long)]
        tenant: Uuid,
        #[arg(long, value_enum, default_value = "jsonl")]
        format: FileFormat,
        #[command(flatten)]
        filter: Filter,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FileFormat {
    Csv,
    Jsonl,
}

#[derive(Debug, Clone, Args)]
pub(super) struct Filter {
    /// At or after, for example 2026-11-01T00:00:00Z
    #[arg(long)]
    from: Option<DateTime<Utc>>,
    /// Before
    #[arg(long)]
    to: Option<DateTime<Utc>>,
    /// Id of the person who did it
    #[arg(long)]
    actor: Option<Uuid>,
    /// For example campaign.sent
    #[arg(long)]
    action: Option<String>,
    /// Id of what it was done to
    #[arg(long)]
    subject: Option<Uuid>,
    /// Words that stand in what was before or after
    #[arg(long)]
    text: Option<String>,
}

impl From<Filter> for AuditFilter {
    fn from(filter: Filter) -> Self {
        Self {
            from: filter.from,
            to: filter.to,
            actor_id: filter.actor.map(UserId),
            action: filter.action,
            subject_kind: None,
            subject_id: filter.subject,
            q: filter.text,
        }
    }
}

pub(super) async fn run(command: AuditCommand) -> anyhow::Result<()> {
    match &command {
        AuditCommand::Verify {
            operator: true,
            anchor,
            ..
        } => return verify_operator(anchor.as_deref()).await,
        AuditCommand::Heads { operator: true } => {
            let db = super::operator::state()?.db;
            let head = chain::operator_head(&db).await.map_err(explain)?;
            return print(&Line::of(Trace::Operator, head).text()?);
        }
        _ => {}
    }
    let db = super::serve::state()?.db;
    match command {
        AuditCommand::Verify { tenant, anchor, .. } => {
            verify(&db, tenant.map(TenantId), anchor.as_deref()).await
        }
        AuditCommand::Heads { .. } => heads(&db).await,
        AuditCommand::Search { tenant, filter } => {
            search(&db, tenant.map(TenantId), &filter.into()).await
        }
        AuditCommand::Export {
            tenant,
            format,
            filter,
        } => file(&db, TenantId(tenant), format, filter.into()).await,
    }
}

async fn verify(db: &Db, one: Option<TenantId>, anchor: Option<&Path>) -> anyhow::Result<()> {
    let mut anchors = match anchor {
        Some(path) => Anchors::read(path)?.tenants,
        None => BTreeMap::new(),
    };
    let mut broken = 0_usize;
    let mut after = None;
    loop {
        let tenants = match one {
            Some(_) if after.is_some() => Vec::new(),
            Some(tenant) => vec![tenant],
            None => chain::tenants(db, after).await.map_err(explain)?,
        };
        let Some(last) = tenants.last() else { break };
        after = Some(*last);
        for tenant in tenants {
            let noted = anchors.remove(&tenant);
            anyhow::ensure!(
                one.is_none() || anchor.is_none() || noted.is_some(),
                "the anchor file holds no line of tenant {tenant}"
            );
            broken += usize::from(!is_whole(db, tenant, noted).await?);
        }
    }
    // A tenant that was there when the anchor was noted, and is gone.
    if one.is_none() {
        for (tenant, noted) in anchors {
            broken += usize::from(!is_whole(db, tenant, Some(noted)).await?);
        }
    }
    anyhow::ensure!(broken == 0, "{broken} chain(s) are broken");
    Ok(())
}

async fn verify_operator(anchor: Option<&Path>) -> anyhow::Result<()> {
    let noted = match anchor {
        Some(path) => Some(
            Anchors::read(path)?
                .operator
                .context("the anchor file holds no head of the operator's trace")?,
        ),
        None => None,
    };
    let db = super::operator::state()?.db;
    anyhow::ensure!(
        is_whole(&db, Trace::Operator, noted).await?,
        "the chain is broken"
    );
    Ok(())
}

async fn is_whole(db: &Db, trace: impl Into<Trace>, anchor: Option<Head>) -> anyhow::Result<bool> {
    let trace = trace.into();
    let walk = chain::verify(db, trace, anchor).await.map_err(explain)?;
    let whose = match trace {
        Trace::Tenant(tenant) => tenant.to_string(),
        Trace::Operator => "operator".to_owned(),
    };
    if walk.is_whole() {
        let Head { number, hash } = &walk.head;
        let erased = walk.erased;
        print(&format!(
            "ok      {whose} {number} entries, {erased} of them erased, {hash}\n"
        ))?;
        return Ok(true);
    }
    for fault in &walk.faults {
        print(&format!("BROKEN  {whose} {fault}\n"))?;
    }
    if walk.more_faults > 0 {
        print(&format!("BROKEN  {whose} and {} more\n", walk.more_faults))?;
    }
    Ok(false)
}

async fn heads(db: &Db) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let tenants = chain::tenants(db, after).await.map_err(explain)?;
        let Some(last) = tenants.last() else {
            return Ok(());
        };
        after = Some(*last);
        for tenant in tenants {
            let head = db
                .tenant(tenant, async |tx| chain::head(tx, tenant).await)
                .await
                .map_err(explain)?;
            print(&Line::of(Trace::Tenant(tenant), head).text()?)?;
        }
    }
}

async fn search(db: &Db, one: Option<TenantId>, filter: &AuditFilter) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let tenants = match one {
            Some(_) if after.is_some() => Vec::new(),
            Some(tenant) => vec![tenant],
            None => chain::tenants(db, after).await.map_err(explain)?,
        };
        let Some(last) = tenants.last() else {
            return Ok(());
        };
        after = Some(*last);
        for tenant in tenants {
            print_found(db, tenant, filter).await.map_err(explain)??;
        }
    }
}

/// Prints what is found; the tenant sees in its own log that somebody looked.
async fn print_found(
    db: &Db,
    tenant: TenantId,
    filter: &AuditFilter,
) -> domain::Result<anyhow::Result<()>> {
    let actor = Actor::operator(tenant);
    let words = filter
        .q
        .as_deref()
        .map_or_else(String::new, |q| format!("q={q}"));
    let subject = ("audit", filter.subject_id);
    let look = Access::new(&actor, "kikubari audit search", subject, &words, db.now());
    access::record(db, tenant, &[look]).await?;
    let mut page = PageRequest {
        limit: Some(200),
        ..PageRequest::default()
    };
    loop {
        let found = read::list(db, &actor, filter, &page).await?;
        for entry in found.items {
            let mut line = serde_json::json!(entry);
            line["tenant"] = serde_json::json!(tenant);
            if let Err(error) = print(&format!("{line}\n")) {
                return Ok(Err(error));
            }
        }
        match found.next_cursor {
            Some(cursor) => page.cursor = Some(cursor),
            None => return Ok(Ok(())),
        }
    }
}

async fn file(
    db: &Db,
    tenant: TenantId,
    format: FileFormat,
    filter: AuditFilter,
) -> anyhow::Result<()> {
    let format = match format {
        FileFormat::Csv => Format::Csv,
        FileFormat::Jsonl => Format::JsonLines,
    };
    let actor = Actor::operator(tenant);
    let mut file = export::open(db, &actor, filter, format)
        .await
        .map_err(explain)?;
    while let Some(piece) = file.next().await.map_err(explain)? {
        std::io::stdout().lock().write_all(&piece)?;
    }
    Ok(())
}
