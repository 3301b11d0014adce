//! Check and run: both walk the file in batches, decide for each row what
//! becomes of it, and count; only the run writes contacts.
//!
//! A batch is one transaction, with its contacts, its part of the file of
//! refused rows, the counts and the checkpoint, so that a worker that is
//! killed leaves nothing half-done and nothing is done twice. The next worker
//! reads the file from its beginning (parsing costs a second for a hundred
//! thousand rows, a position inside an encoded file would have to be kept
//! otherwise) and passes over what was done, noting only which addresses it saw.
//!
//! Reading and checking rows goes on in a task of its own while the database
//! writes the batch before; at most three batches are in memory.

mod decide;
mod work;

use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::batch;
use super::parse::{Parser, Record};
use super::plan::Reading;
use super::reject::Reason;
use super::row::{Person, Rules};
use crate::db::Db;
use crate::error::{DomainError, FieldError, Result};
use crate::file;
use crate::ids::{FileId, TenantId};
use crate::job::run::{Outcome, Run, Turn};
use work::Work;

/// Rows of a batch: some tenths of a second.
const ROWS: usize = 5_000;
/// Bytes of a batch's cells.
const BYTES: usize = 8 << 20;
/// Bytes that are parsed at a time: even as rows of one letter they are few.
const PIECE: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Check,
    Write,
}

/// A row with what was read of it.
type Line = (Record, std::result::Result<Person, Vec<Reason>>);

/// Rows, and how much of the file was read with them.
struct Batch {
    lines: Vec<Line>,
    bytes_read: i64,
}

/// The dry run.
///
/// # Errors
/// When the file can't be read to its end, or the database does.
pub(crate) async fn check(run: &Run) -> Result<Outcome> {
    go(run, Purpose::Check).await
}

/// The import.
///
/// # Errors
/// As [`check`].
pub(crate) async fn run(run: &Run) -> Result<Outcome> {
    go(run, Purpose::Write).await
}

async fn go(run: &Run, purpose: Purpose) -> Result<Outcome> {
    let mut work = Work::begin(run, purpose).await?;
    let mut connection = run.db.own_connection().await?;
    batch::prepare_seen(&mut connection).await?;
    let (sender, mut batches) = mpsc::channel(1);
    // Ends with this function, however that ends.
    let mut reader = JoinSet::new();
    reader.spawn(read(
        run.db.clone(),
        run.tenant,
        work.import.file_id,
        work.reading,
        Arc::clone(&work.rules),
        sender,
    ));
    while let Some(batch) = batches.recv().await {
        let mut batch: Batch = batch?;
        match run.turn().await? {
            Turn::GoOn => {}
            Turn::Cancelled => return Ok(Outcome::Cancelled),
            Turn::Ending => return Ok(Outcome::Yielded),
        }
        let done_before = work.pass_over(&mut connection, &mut batch).await?;
        if batch.lines.is_empty() && done_before {
            continue;
        }
        work.write(&mut connection, &batch).await?;
    }
    Ok(Outcome::Succeeded(json!(work.counts)))
}

/// Reads, parses and checks the file, batch by batch.
async fn read(
    db: Db,
    tenant: TenantId,
    file_id: FileId,
    reading: Reading,
    rules: Arc<Rules>,
    sender: mpsc::Sender<Result<Batch>>,
) {
    if let Err(error) = read_into(&db, tenant, file_id, reading, &rules, &sender).await {
        // Nobody listens any more when the job ended before.
        sender.send(Err(error)).await.ok();
    }
}

async fn read_into(
    db: &Db,
    tenant: TenantId,
    file_id: FileId,
    reading: Reading,
    rules: &Rules,
    sender: &mpsc::Sender<Result<Batch>>,
) -> Result<()> {
    let mut parser = Parser::of(&reading);
    let mut header_is_due = reading.has_header;
    let (mut lines, mut bytes, mut bytes_read) = (Vec::new(), 0, 0);
    let mut seq = 0;
    loop {
        let chunk = file::chunk(db, tenant, file_id, seq).await?;
        if seq == 0 && chunk.is_none() {
            return Err(DomainError::conflict(
                "file_expired",
                "the file is no longer there: upload it again",
            ));
        }
        let is_last = chunk.is_none();
        let chunk = chunk.unwrap_or_default();
        for piece in chunk.chunks(PIECE).chain(is_last.then_some(&[][..])) {
            let mut records = Vec::new();
            parser
                .push(piece, is_last, &mut |record| records.push(record))
                .map_err(unreadable)?;
            bytes_read += i64::try_from(piece.len()).unwrap_or(0);
            for record in records {
                if std::mem::take(&mut header_is_due) {
                    continue;
                }
                bytes += record.size();
                let person = rules.read(&record);
                lines.push((record, person));
                if lines.len() >= ROWS || bytes >= BYTES {
                    bytes = 0;
                    let lines = std::mem::take(&mut lines);
                    if sender.send(Ok(Batch { lines, bytes_read })).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
        if is_last {
            // The last batch may be empty: it brings the counts of a file without rows.
            sender.send(Ok(Batch { lines, bytes_read })).await.ok();
            return Ok(());
        }
        seq += 1;
    }
}

/// The job fails with the parser's own code, not as invalid input.
fn unreadable(error: FieldError) -> DomainError {
    DomainError::conflict(error.code, error.detail)
}
