//! The trace as a file, read and written piece by piece: a million entries take
//! no more memory than a thousand.

use serde_json::json;

use super::read::{After, AuditEntry, AuditFilter, piece};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact::csv;
use crate::db::Db;
use crate::error::Result;
use crate::text_enum::text_enum;

/// Entries of a piece: each is read in a transaction of its own, so that a
/// slow reader holds none open.
const PIECE: i64 = 1_000;
/// So that Excel takes the file for UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();
const COLUMNS: [&str; 15] = [
    "number",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "action",
    "subject_kind",
    "subject_id",
    "subject_name",
    "before",
    "after",
    "ip",
    "request_id",
    "id",
    "hash",
];

text_enum! {
    /// How the file is written.
    pub enum Format {
        /// UTF-8 with a byte order mark; cells that begin like a formula get an apostrophe.
        Csv = "csv",
        /// One JSON object a line, exactly as stored.
        JsonLines = "jsonl",
    }
}

/// A file that is being written.
pub struct Export {
    db: Db,
    actor: Actor,
    filter: AuditFilter,
    format: Format,
    place: Place,
}

/// How far the file has come.
enum Place {
    Headings,
    After(Option<After>),
    End,
}

/// Begins the file, and notes in the trace who took it.
///
/// # Errors
/// Forbidden without `contacts.export` (entries hold addresses) or `audit.read`.
pub async fn open(db: &Db, actor: &Actor, filter: AuditFilter, format: Format) -> Result<Export> {
    actor.require(Permission::AuditRead)?;
    actor.require(Permission::ContactsExport)?;
    actor.require_step_up()?;
    filter.check()?;
    db.tenant(actor.tenant_id, async |tx| {
        let entry = audit::Entry {
            action: "audit.exported",
            subject_kind: "audit",
            after: Some(json!({
                "format": format, "from": filter.from, "to": filter.to, "actor_id": filter.actor_id,
                "action": filter.action, "subject_kind": filter.subject_kind, "subject_id": filter.subject_id, "q": filter.q,
            })),
            ..audit::Entry::default()
        };
        audit::record(tx, actor, entry).await
    })
    .await?;
    Ok(Export {
        db: db.clone(),
        actor: actor.clone(),
        filter,
        format,
        place: Place::Headings,
    })
}

impl Export {
    /// The next piece of the file; `None` after the last.
    ///
    /// # Errors
    /// When the database does.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match self.place {
            Place::Headings => {
                self.place = Place::After(None);
                let mut text = String::new();
                if self.format == Format::Csv {
                    csv::push_row(&mut text, ',', COLUMNS);
                    return Ok(Some([BOM, text.as_bytes()].concat()));
                }
                // An empty piece would end some clients' reading.
                Box::pin(self.next()).await
            }
            Place::After(after) => {
                let (tenant, filter) = (self.actor.tenant_id, &self.filter);
                let (entries, next) = self
                    .db
                    .tenant(tenant, async |tx| {
                        piece(tx, tenant, filter, after, PIECE).await
                    })
                    .await?;
                self.place = next.map_or(Place::End, |next| Place::After(Some(next)));
                if entries.is_empty() {
                    return Box::pin(self.next()).await;
                }
                let mut text = String::new();
                for entry in entries {
                    self.push(&mut text, &entry);
                }
                Ok(Some(text.into_bytes()))
            }
            Place::End => Ok(None),
        }
    }

    fn push(&self, out: &mut String, entry: &AuditEntry) {
        match self.format {
            Format::Csv => csv::push_row(out, ',', cells(entry)),
            Format::JsonLines => {
                // A struct of plain values always serialises.
                out.push_str(&serde_json::to_string(entry).unwrap_or_default());
                out.push('\n');
            }
        }
    }
}

fn cells(entry: &AuditEntry) -> [String; 15] {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let json = |value: &Option<serde_json::Value>| {
        value.as_ref().map_or_else(String::new, ToString::to_string)
    };
    [
        entry.number.map_or_else(String::new, |n| n.to_string()),
        entry
            .at
            .to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        entry.actor_kind.clone(),
        entry.actor_id.map_or_else(String::new, |id| id.to_string()),
        text(&entry.actor_name),
        entry.action.clone(),
        entry.subject_kind.clone(),
        entry
            .subject_id
            .map_or_else(String::new, |id| id.to_string()),
        text(&entry.subject_name),
        json(&entry.before),
        json(&entry.after),
        text(&entry.ip),
        text(&entry.request_id),
        entry.id.to_string(),
        text(&entry.hash),
    ]
}
