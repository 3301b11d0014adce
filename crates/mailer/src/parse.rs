//! `kikubari-mailer parse-bounce`: a JSON line for each file.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use mailer::inbound::{Action, Finding, read};
use serde::Serialize;

#[derive(Serialize)]
struct Line<'a> {
    file: &'a Path,
    recipients: Vec<Recipient>,
}

#[derive(Serialize)]
struct Recipient {
    address: Option<String>,
    action: Action,
    status: Option<String>,
    kind: &'static str,
    reason: &'static str,
}

impl From<Finding> for Recipient {
    fn from(finding: Finding) -> Self {
        Self {
            address: finding.address,
            action: finding.action,
            status: finding.status.map(|status| status.to_string()),
            kind: finding.kind.as_str(),
            reason: finding.reason.as_str(),
        }
    }
}

pub(crate) fn bounces(files: &[PathBuf], mut out: impl Write) -> anyhow::Result<()> {
    for file in files {
        let raw = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
        let line = Line {
            file,
            recipients: read(&raw).into_iter().map(Recipient::from).collect(),
        };
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
