//! The upload of a file, and what its first rows say.

use diesel_async::AsyncPgConnection;
use serde_json::json;

use super::detect::{Detected, Detector};
use super::plan::{Column, Mode, Plan};
use super::{Import, KEPT, MAX_FILENAME, queries, suggest};
use crate::actor::{Actor, Permission};
use crate::audit;
use crate::contact_field;
use crate::db::Db;
use crate::error::{DomainError, FieldError, Result, Validation};
use crate::file;
use crate::ids::TenantId;
use crate::list;

/// Rows of the preview.
const PREVIEW_ROWS: usize = 20;

/// An upload under way: its bytes are stored and looked at as they come.
pub struct Upload {
    filename: String,
    writer: file::Writer,
    detector: Detector,
}

impl Upload {
    /// Begins an upload of at most `limit` bytes.
    ///
    /// # Errors
    /// [`DomainError::Forbidden`], [`DomainError::Invalid`] for the name.
    pub async fn begin(db: &Db, actor: &Actor, filename: &str, limit: u64) -> Result<Self> {
        actor.require(Permission::ContactsWrite)?;
        let mut v = Validation::default();
        v.length("/filename", filename, 1, MAX_FILENAME);
        if filename.chars().any(char::is_control) {
            v.add("/filename", "malformed", "must not hold control characters");
        }
        v.finish()?;
        let writer = file::Writer::begin(db, actor.tenant_id, filename, "text/csv", limit).await?;
        Ok(Self {
            filename: filename.to_owned(),
            writer,
            detector: Detector::default(),
        })
    }

    /// # Errors
    /// [`DomainError::TooLarge`].
    pub async fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.detector.feed(piece);
        self.writer.write(piece).await
    }

    /// Forgets what came so far.
    ///
    /// # Errors
    /// When the database does.
    pub async fn abandon(self) -> Result<()> {
        self.writer.abandon().await
    }

    /// The whole file is there: makes the import.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] when it is no file of rows.
    pub async fn finish(self, db: &Db, actor: &Actor) -> Result<Import> {
        let detected = match self.detector.finish() {
            Ok(detected) => detected,
            Err(error) => {
                self.writer.abandon().await?;
                return Err(of_file(error));
            }
        };
        let now = db.now();
        let stored = self.writer.finish(now + KEPT).await?;
        let filename = self.filename;
        db.tenant(actor.tenant_id, async |tx| {
            let read = Read::new(tx, actor.tenant_id, &detected).await?;
            let row = queries::insert(tx, actor, &filename, &stored, &detected, &read, now).await?;
            let entry = audit::Entry {
                action: "import.uploaded",
                subject_kind: "import",
                subject_id: Some(row.id.0),
                after: Some(json!({ "filename": filename, "size": stored.size })),
                ..audit::Entry::default()
            };
            audit::record(tx, actor, entry).await?;
            row.try_into()
        })
        .await
    }
}

/// An error of the file as one of the input.
pub(super) fn of_file(error: FieldError) -> DomainError {
    DomainError::Invalid(vec![FieldError {
        pointer: "/file".to_owned(),
        ..error
    }])
}

/// What the first rows say under a reading.
pub(super) struct Read {
    pub(super) columns: Vec<Column>,
    pub(super) preview: Vec<Vec<String>>,
    pub(super) suggested: Plan,
}

impl Read {
    pub(super) async fn new(
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        found: &Detected,
    ) -> Result<Self> {
        let reading = found.reading;
        let columns = suggest::columns(&found.rows, reading.has_header);
        let fields = contact_field::all(tx, tenant).await?;
        let hash = suggest::header_hash(&columns);
        let remembered = queries::remembered(tx, tenant, &hash).await?;
        let mapping = suggest::suggest(&columns, &fields, remembered.as_ref());
        let (mode, list_ids) = match remembered {
            Some(r) => (r.mode, list::existing(tx, tenant, &r.list_ids).await?),
            None => (Mode::Add, Vec::new()),
        };
        let preview = found
            .rows
            .iter()
            .skip(usize::from(reading.has_header))
            .take(PREVIEW_ROWS)
            .map(|row| row.cells().map(|cell| suggest::shown(cell, 200)).collect())
            .collect();
        Ok(Self {
            columns,
            preview,
            suggested: Plan {
                reading,
                mapping,
                mode,
                list_ids,
            },
        })
    }
}
