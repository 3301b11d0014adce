//! The job that writes an export's file, page by page.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Column, KEPT, NewExport, find};
use crate::contact::csv::{self, Encoding};
use crate::contact::search::Search;
use crate::contact::{Contact, ContactSort, ContactStatus};
use crate::contact_field::{self, ContactField, FieldType, value};
use crate::error::{DomainError, Result};
use crate::file;
use crate::ids::{ExportId, FileId};
use crate::job::run::{Outcome, Run, Turn};
use crate::schema::contact_export;
use crate::tenant;

/// Contacts of one step.
const ROWS: i64 = 5_000;

/// Where a job goes on after a kill.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Checkpoint {
    after: Option<Uuid>,
    seq: i32,
    rows: i64,
    replaced: u64,
    file: FileId,
}

/// The job: writes the file.
///
/// # Errors
/// When the database does.
pub(crate) async fn write(run: &Run) -> Result<Outcome> {
    let mut writing = Writing::begin(run).await?;
    loop {
        match run.turn().await? {
            Turn::GoOn => {}
            Turn::Cancelled => return Ok(Outcome::Cancelled),
            Turn::Ending => return Ok(Outcome::Yielded),
        }
        if writing.step(run).await? {
            return Ok(Outcome::Succeeded(json!({
                "rows": writing.at.rows,
                "replaced_characters": writing.at.replaced,
            })));
        }
    }
}

struct Writing {
    id: ExportId,
    encoding: Encoding,
    columns: Vec<Column>,
    fields: HashMap<String, ContactField>,
    search: Search,
    total: i64,
    zone: Tz,
    locale: String,
    at: Checkpoint,
}

impl Writing {
    async fn begin(run: &Run) -> Result<Self> {
        let (tenant, now) = (run.tenant, run.db.now());
        let id = run.job.subject_id.map(ExportId);
        let id = id.ok_or_else(|| DomainError::internal("an export job without export"))?;
        let checkpoint: Option<Checkpoint> = match &run.job.checkpoint {
            Some(json) => {
                Some(serde_json::from_value(json.clone()).map_err(DomainError::internal)?)
            }
            None => None,
        };
        run.db
            .tenant(tenant, async |tx| {
                let row = find(tx, tenant, id).await?;
                let mut params: NewExport =
                    serde_json::from_value(row.params).map_err(DomainError::internal)?;
                // Who is added meanwhile is not in it, or it might never end.
                let to = params
                    .filter
                    .created_to
                    .map_or(row.created_at, |to| to.min(row.created_at));
                params.filter.created_to = Some(to + TimeDelta::milliseconds(1));
                let search = Search::new(&params.filter, ContactSort::OldestFirst)?;
                let customs = tenant::find(tx, tenant).await?;
                let fields = contact_field::all(tx, tenant).await?;
                let total = search.count(tx, tenant).await?;
                let fields: HashMap<String, ContactField> =
                    fields.into_iter().map(|f| (f.key.clone(), f)).collect();
                // A field that was deleted since has no values any more.
                let columns: Vec<Column> = params
                    .columns
                    .iter()
                    .filter_map(|name| Column::parse(name))
                    .filter(
                        |column| !matches!(column, Column::Field(key) if !fields.contains_key(key)),
                    )
                    .collect();
                let header = header(&columns, &fields, &customs.locale, params.encoding);
                let at = match checkpoint {
                    Some(at) => at,
                    None => {
                        let file =
                            file::create(tx, tenant, &row.filename, "text/csv", now, now + KEPT)
                                .await?;
                        let seq = file::append(tx, tenant, file, 0, &header.bytes).await?;
                        diesel::update(contact_export::table.find((tenant, id)))
                            .set(contact_export::file_id.eq(file))
                            .execute(tx)
                            .await?;
                        let at = Checkpoint {
                            after: None,
                            seq,
                            rows: 0,
                            replaced: header.replaced,
                            file,
                        };
                        run.save(tx, 0, Some(total), Some(json!(at))).await?;
                        at
                    }
                };
                Ok(Self {
                    id,
                    encoding: params.encoding,
                    columns,
                    fields,
                    search,
                    total,
                    zone: customs.time_zone.parse().unwrap_or(Tz::Asia__Tokyo),
                    locale: customs.locale,
                    at,
                })
            })
            .await
    }

    /// Writes the next contacts; true when these were the last.
    async fn step(&mut self, run: &Run) -> Result<bool> {
        let tenant = run.tenant;
        let this = &*self;
        let (next, is_last) = run
            .db
            .tenant(tenant, async |tx| {
                let contacts = this.search.scan(tx, tenant, this.at.after, ROWS).await?;
                let mut text = String::new();
                for contact in &contacts {
                    // Spelled before it is looked at: − becomes a full-width one.
                    let cells = this.columns.iter().map(|column| {
                        let cell = this.cell(column, contact);
                        this.encoding.spelling(&cell).into_owned()
                    });
                    csv::push_row(&mut text, ',', cells);
                }
                let mut bytes = Vec::new();
                let replaced = this.encoding.encode(&text, &mut bytes);
                let written = i64::try_from(contacts.len()).unwrap_or(0);
                let next = Checkpoint {
                    after: contacts
                        .last()
                        .map(|contact| contact.id.0)
                        .or(this.at.after),
                    seq: file::append(tx, tenant, this.at.file, this.at.seq, &bytes).await?,
                    rows: this.at.rows + written,
                    replaced: this.at.replaced + replaced,
                    file: this.at.file,
                };
                let is_last = written < ROWS;
                if is_last {
                    diesel::update(contact_export::table.find((tenant, this.id)))
                        .set((
                            contact_export::row_count.eq(next.rows),
                            contact_export::replaced_characters
                                .eq(i64::try_from(next.replaced).unwrap_or(i64::MAX)),
                        ))
                        .execute(tx)
                        .await?;
                }
                let total = if is_last {
                    next.rows
                } else {
                    this.total.max(next.rows)
                };
                run.save(tx, next.rows, Some(total), Some(json!(next)))
                    .await?;
                Ok((next, is_last))
            })
            .await?;
        self.at = next;
        Ok(is_last)
    }

    fn cell(&self, column: &Column, contact: &Contact) -> String {
        match column {
            Column::Email => contact.email.clone(),
            Column::Name => contact.name.clone(),
            Column::Status => status(contact.status, &self.locale).to_owned(),
            Column::CreatedAt => self.time(contact.created_at),
            Column::UpdatedAt => self.time(contact.updated_at),
            Column::Field(key) => {
                let stored = contact.fields.get(key);
                stored.map_or_else(String::new, |stored| self.own(key, stored))
            }
        }
    }

    /// An own value, such that the import gives the same.
    fn own(&self, key: &str, stored: &Value) -> String {
        let kind = self.fields.get(key).map(|field| field.kind);
        match (kind, stored) {
            (Some(FieldType::Boolean), Value::Bool(yes)) if self.locale == "ja" => {
                if *yes { "はい" } else { "いいえ" }.to_owned()
            }
            (Some(FieldType::DateTime), Value::String(text)) => match text.parse() {
                Ok(at) => self.time(at),
                Err(_) => text.clone(),
            },
            _ => value::to_text(stored),
        }
    }

    /// By the tenant's clock, with its offset, so that nothing is lost.
    fn time(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone)
            .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)
    }
}

struct Header {
    bytes: Vec<u8>,
    replaced: u64,
}

fn header(
    columns: &[Column],
    fields: &HashMap<String, ContactField>,
    locale: &str,
    encoding: Encoding,
) -> Header {
    let is_japanese = locale == "ja";
    let name = |japanese, english| if is_japanese { japanese } else { english };
    let cells = columns.iter().map(|column| match column {
        Column::Email => name("メールアドレス", "Email"),
        Column::Name => name("氏名", "Name"),
        Column::Status => name("状態", "Status"),
        Column::CreatedAt => name("登録日時", "Created at"),
        Column::UpdatedAt => name("更新日時", "Updated at"),
        Column::Field(key) => fields.get(key).map_or("", |field| field.label.as_str()),
    });
    let mut text = String::new();
    csv::push_row(&mut text, ',', cells);
    let mut bytes = encoding.mark().to_vec();
    let replaced = encoding.encode(&text, &mut bytes);
    Header { bytes, replaced }
}

fn status(status: ContactStatus, locale: &str) -> &'static str {
    if locale != "ja" {
        return status.as_str();
    }
    match status {
        ContactStatus::Active => "有効",
        ContactStatus::Unsubscribed => "配信停止",
        ContactStatus::Bounced => "エラー停止",
        ContactStatus::Complained => "迷惑メール報告",
        ContactStatus::Disabled => "無効",
    }
}
