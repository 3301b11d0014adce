//! Ends of chains that were noted outside of the database: lines of
//! `kikubari audit heads`, or the manifest of a backup.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use domain::audit::chain::Head;
use domain::audit::trace::Trace;
use domain::ids::TenantId;
use serde::{Deserialize, Serialize};

/// Longest line: a head has about 140 characters.
const MAX_LINE: u64 = 4096;

/// A line of `audit heads`; without tenant it is the operator's.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    operator: bool,
    #[serde(flatten)]
    head: Head,
}

impl Line {
    pub(super) fn of(trace: Trace, head: Head) -> Self {
        let (tenant, operator) = match trace {
            Trace::Tenant(id) => (Some(id), false),
            Trace::Operator => (None, true),
        };
        Self {
            tenant,
            operator,
            head,
        }
    }

    pub(super) fn text(&self) -> anyhow::Result<String> {
        Ok(format!("{}\n", serde_json::to_string(self)?))
    }
}

/// What was noted.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    pub(super) tenants: BTreeMap<TenantId, Head>,
    pub(super) operator: Option<Head>,
}

impl Anchors {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str() == "-" {
            return Self::parse(std::io::stdin().lock(), "standard input");
        }
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("open {name}"))?;
        Self::parse(BufReader::new(file), &name)
    }

    fn parse(mut source: impl BufRead, name: &str) -> anyhow::Result<Self> {
        let mut anchors = Self::default();
        for number in 1.. {
            let mut line = String::new();
            let read = source
                .by_ref()
                .take(MAX_LINE)
                .read_line(&mut line)
                .with_context(|| format!("read {name}"))?;
            if read == 0 {
                break;
            }
            anchors.add(line.trim_end()).with_context(|| {
                format!("{name}, line {number}: no line of `audit heads` or of a backup's manifest")
            })?;
        }
        ensure!(
            anchors.operator.is_some() || !anchors.tenants.is_empty(),
            "{name} notes no end of a chain"
        );
        Ok(anchors)
    }

    fn add(&mut self, line: &str) -> anyhow::Result<()> {
        if line.starts_with('{') {
            let line: Line = serde_json::from_str(line)?;
            match line.tenant {
                Some(tenant) => self.tenants.insert(tenant, line.head),
                None if line.operator => self.operator.replace(line.head),
                None => bail!("neither a tenant's nor the operator's"),
            };
            return Ok(());
        }
        let parts: Vec<&str> = line.split('\t').collect();
        match parts.as_slice() {
            ["head", tenant, number, hash] => {
                self.tenants
                    .insert(TenantId(tenant.parse()?), head(number, hash)?);
            }
            ["operator-head", number, hash] => self.operator = Some(head(number, hash)?),
            ["file" | "sha256" | "bytes", _] | ["rows", _, _] => {}
            _ => bail!("unknown"),
        }
        Ok(())
    }
}

fn head(number: &str, hash: &str) -> anyhow::Result<Head> {
    ensure!(
        hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()),
        "{hash} is no SHA-256"
    );
    Ok(Head {
        number: number.parse()?,
        hash: hash.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "0192f0c1-7c1e-7d3a-9b1e-5d2f6a7b8c9d";

    fn parse(text: &str) -> anyhow::Result<Anchors> {
        Anchors::parse(text.as_bytes(), "a file")
    }

    #[test]
    fn heads_are_read_from_a_manifest_and_from_json_lines() {
        let hash = "ab".repeat(32);
        let manifest = format!(
            "file\tkikubari.dump.age\nsha256\t00\nbytes\t5\nrows\tcontact\t3\nhead\t{TENANT}\t7\t{hash}\noperator-head\t9\t{hash}\n"
        );
        let json = format!(
            "{{\"tenant\":\"{TENANT}\",\"number\":7,\"hash\":\"{hash}\"}}\n{{\"operator\":true,\"number\":9,\"hash\":\"{hash}\"}}\n"
        );
        for text in [manifest, json] {
            let anchors = parse(&text).unwrap();
            let head = &anchors.tenants[&TenantId(TENANT.parse().unwrap())];
            assert_eq!((head.number, head.hash.as_str()), (7, hash.as_str()));
            assert_eq!(anchors.operator.unwrap().number, 9);
        }
    }

    #[test]
    fn a_file_that_notes_nothing_or_something_else_is_refused() {
        let cut = format!("head\t{TENANT}\t7\tabc\n");
        let endless = "x".repeat(10_000);
        for text in ["", "file\tx\n", "hello\n", cut.as_str(), &endless] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
