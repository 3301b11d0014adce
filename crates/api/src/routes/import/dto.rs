//! What the API says of an import.

use chrono::{DateTime, Utc};
use domain::contact::import;
use domain::error::{DomainError, Validation};
use domain::ids::ListId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How a file's text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum FileEncoding {
    #[serde(rename = "utf-8")]
    Utf8,
    /// With a byte order mark.
    #[serde(rename = "utf-8-bom")]
    Utf8Bom,
    /// CP932, as Windows writes it.
    #[serde(rename = "shift_jis")]
    ShiftJis,
    #[serde(rename = "euc-jp")]
    EucJp,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

impl From<FileEncoding> for import::Encoding {
    fn from(encoding: FileEncoding) -> Self {
        match encoding {
            FileEncoding::Utf8 => Self::Utf8,
            FileEncoding::Utf8Bom => Self::Utf8Bom,
            FileEncoding::ShiftJis => Self::ShiftJis,
            FileEncoding::EucJp => Self::EucJp,
            FileEncoding::Utf16Le => Self::Utf16Le,
            FileEncoding::Utf16Be => Self::Utf16Be,
        }
    }
}

/// What stands between cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum FileDelimiter {
    #[serde(rename = ",")]
    Comma,
    #[serde(rename = "\t")]
    Tab,
    #[serde(rename = ";")]
    Semicolon,
}

impl From<FileDelimiter> for import::Delimiter {
    fn from(delimiter: FileDelimiter) -> Self {
        match delimiter {
            FileDelimiter::Comma => Self::Comma,
            FileDelimiter::Tab => Self::Tab,
            FileDelimiter::Semicolon => Self::Semicolon,
        }
    }
}

/// What happens to people of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportMode {
    /// New people are added; who is there already stays as is.
    Add,
    /// New people are added; who is there gets the values of the file, empty ones too.
    Overwrite,
    /// Nobody is added; who is there gets the values of the file.
    Skip,
    /// New people are added; who is there gets what is still empty.
    FillEmpty,
}

impl From<ImportMode> for import::Mode {
    fn from(mode: ImportMode) -> Self {
        match mode {
            ImportMode::Add => Self::Add,
            ImportMode::Overwrite => Self::Overwrite,
            ImportMode::Skip => Self::Skip,
            ImportMode::FillEmpty => Self::FillEmpty,
        }
    }
}

/// How far an import came.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// Read, waits for its plan.
    Uploaded,
    Checking,
    /// The dry run is over, nothing was changed.
    Checked,
    Running,
    Done,
    Failed,
    Cancelled,
}

/// Where a column goes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportMapping {
    /// From 0.
    #[schema(minimum = 0, maximum = 499)]
    pub column: usize,
    /// `email`, `name`, `ignore` or `field:<key>` of an own field.
    #[schema(
        max_length = 70,
        pattern = "^(email|name|ignore|field:[a-z][a-z0-9_]{0,62})$",
        example = "email"
    )]
    pub target: String,
}

/// How a file is read and what becomes of it. A reading that differs from the
/// one before has the file read again, and its columns mapped anew.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportPlan {
    pub encoding: FileEncoding,
    pub delimiter: FileDelimiter,
    pub has_header: bool,
    /// Columns that are not named are ignored.
    #[schema(max_items = 500)]
    pub mapping: Vec<ImportMapping>,
    pub mode: ImportMode,
    /// Lists that people of the file join: not those who left it, or all
    /// mailing, before.
    #[schema(max_items = 1000)]
    pub list_ids: Vec<Uuid>,
}

impl ImportPlan {
    /// # Errors
    /// [`DomainError::Invalid`] for a target that means nothing.
    pub fn parse(self) -> Result<import::Plan, DomainError> {
        let mut v = Validation::default();
        if self.list_ids.len() > 1000 {
            v.add("/list_ids", "too_many", "at most 1000 lists");
        }
        let mut mapping = Vec::new();
        for (i, mapped) in self.mapping.iter().enumerate() {
            match import::Target::parse(&mapped.target) {
                Some(target) => mapping.push(import::Mapped {
                    column: mapped.column,
                    target,
                }),
                None => v.add(
                    format!("/mapping/{i}/target"),
                    "unknown",
                    "must be email, name, ignore or field:<key>",
                ),
            }
        }
        v.finish()?;
        Ok(import::Plan {
            reading: import::Reading {
                encoding: self.encoding.into(),
                delimiter: self.delimiter.into(),
                has_header: self.has_header,
            },
            mapping,
            mode: self.mode.into(),
            list_ids: self.list_ids.into_iter().map(ListId).collect(),
        })
    }
}

/// A plan as it is answered.
#[derive(Debug, Serialize)]
pub struct PlanAnswer(import::Plan);

/// How the file was found to be written.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportReading {
    #[schema(value_type = FileEncoding)]
    pub encoding: &'static str,
    #[schema(value_type = FileDelimiter)]
    pub delimiter: &'static str,
    pub has_header: bool,
}

impl From<import::Reading> for ImportReading {
    fn from(reading: import::Reading) -> Self {
        Self {
            encoding: reading.encoding.as_str(),
            delimiter: reading.delimiter.as_str(),
            has_header: reading.has_header,
        }
    }
}

/// A column of the file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportColumn {
    pub index: usize,
    /// Empty when the file has no header.
    pub header: String,
    /// First cells.
    pub samples: Vec<String>,
}

/// What became of the rows, or would become of them. `rows` = `added` +
/// `updated` + `skipped` + `rejected`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportCounts {
    pub rows: i64,
    pub added: i64,
    pub updated: i64,
    /// Nothing to change, or left alone by the mode.
    pub skipped: i64,
    pub rejected: i64,
    /// People who joined at least one of the lists.
    pub subscribed: i64,
    /// People who joined not every list, since they had left it, or all mailing.
    pub kept_unsubscribed: i64,
    /// People on the block-list: nothing is sent to them.
    pub suppressed: i64,
}

impl From<import::Counts> for ImportCounts {
    fn from(counts: import::Counts) -> Self {
        Self {
            rows: counts.rows,
            added: counts.added,
            updated: counts.updated,
            skipped: counts.skipped,
            rejected: counts.rejected,
            subscribed: counts.subscribed,
            kept_unsubscribed: counts.kept_unsubscribed,
            suppressed: counts.suppressed,
        }
    }
}

/// A row that is refused, with the first reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectedRow {
    /// Line of the file, from 1.
    pub line: u64,
    pub column: Option<String>,
    #[schema(example = "invalid_email")]
    pub code: String,
    pub detail: String,
    pub value: Option<String>,
}

/// An import of contacts, from its upload to its result.
#[derive(Debug, Serialize, ToSchema)]
pub struct Import {
    pub id: Uuid,
    #[schema(example = "顧客名簿.csv")]
    pub filename: String,
    /// Bytes.
    pub size: i64,
    #[schema(value_type = ImportState)]
    pub state: &'static str,
    pub detected: ImportReading,
    pub columns: Vec<ImportColumn>,
    /// First rows. Emptied with the file, after seven days.
    pub preview: Vec<Vec<String>>,
    /// A plan to begin with: as the last file with these columns was imported,
    /// otherwise by the names of the columns.
    #[schema(value_type = ImportPlan)]
    pub suggested: PlanAnswer,
    /// As it was decided; null until then.
    #[schema(value_type = Option<ImportPlan>)]
    pub plan: Option<PlanAnswer>,
    /// Of the last check, or of the run.
    pub counts: Option<ImportCounts>,
    /// The first 50 rows that are refused; all of them are in the file.
    pub rejected_sample: Vec<RejectedRow>,
    /// The last job that worked on it.
    pub job_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub version: i32,
}

impl From<import::Import> for Import {
    fn from(import: import::Import) -> Self {
        Self {
            id: import.id.0,
            filename: import.filename,
            size: import.size,
            state: import.state.as_str(),
            detected: import.detected.into(),
            columns: import
                .columns
                .into_iter()
                .map(|column| ImportColumn {
                    index: column.index,
                    header: column.header,
                    samples: column.samples,
                })
                .collect(),
            preview: import.preview,
            suggested: PlanAnswer(import.suggested),
            plan: import.plan.map(PlanAnswer),
            counts: import.counts.map(Into::into),
            rejected_sample: import
                .rejected_sample
                .into_iter()
                .map(|row| RejectedRow {
                    line: row.line,
                    column: row.column,
                    code: row.code,
                    detail: row.detail,
                    value: row.value,
                })
                .collect(),
            job_id: import.job_id.map(|id| id.0),
            created_at: import.created_at,
            version: import.version,
        }
    }
}

/// The upload's name.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UploadQuery {
    /// Name of the file, for people.
    #[param(min_length = 1, max_length = 255, example = "顧客名簿.csv")]
    pub filename: Option<String>,
}
