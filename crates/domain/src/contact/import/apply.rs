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

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::super::{ContactStatus, new_id, now as contact_now};
use super::batch::{self, KnownContact, Written};
use super::parse::{Parser, Record};
use super::plan::Reading;
use super::queries;
use super::reject::{Reason, Rejected, Report};
use super::row::{Fate, Person, Rules};
use super::{Counts, Import, KEPT, customs};
use crate::contact_field;
use crate::db::Db;
use crate::error::{DomainError, FieldError, Result};
use crate::file;
use crate::ids::{ContactFieldId, ContactId, FileId, ImportId, ListId, TenantId};
use crate::job::run::{Outcome, Run, Turn};
use crate::list::subscription;
use crate::secret::sha256;

/// Rows of a batch: some tenths of a second.
const ROWS: usize = 5_000;
/// Bytes of a batch's cells.
const BYTES: usize = 8 << 20;
/// Bytes that are parsed at a time: even as rows of one letter they are few.
const PIECE: usize = 64 << 10;
/// Refused rows that the API shows.
const SAMPLE: usize = 50;
/// Tries of a batch that met somebody else's change.
const TRIES: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Check,
    Write,
}

/// Where a run goes on after a kill.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// Rows done.
    rows: i64,
    /// Next chunk of the file of refused rows.
    rejected_seq: i32,
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

/// An import under way.
struct Work {
    run: Run,
    purpose: Purpose,
    import: Import,
    reading: Reading,
    rules: Arc<Rules>,
    lists: Vec<ListId>,
    locale: String,
    source: String,
    rejected_file: FileId,
    checkpoint: Checkpoint,
    counts: Counts,
    sample: Vec<Rejected>,
    /// Rows that were read, done before or now.
    position: i64,
}

/// What a batch did, to be kept once its transaction is through.
struct Done {
    counts: Counts,
    sample: Vec<Rejected>,
    rejected_seq: i32,
}

impl Work {
    async fn begin(run: &Run, purpose: Purpose) -> Result<Self> {
        let tenant = run.tenant;
        let id = run.job.subject_id.map(ImportId);
        let id = id.ok_or_else(|| DomainError::internal("an import job without import"))?;
        let checkpoint: Option<Checkpoint> = match &run.job.checkpoint {
            Some(json) => {
                Some(serde_json::from_value(json.clone()).map_err(DomainError::internal)?)
            }
            None => None,
        };
        let now = run.db.now();
        run.db
            .tenant(tenant, async |tx| {
                let import: Import = queries::lock(tx, tenant, id).await?.try_into()?;
                let plan = import
                    .plan
                    .clone()
                    .unwrap_or_else(|| import.suggested.clone());
                let (zone, locale) = customs(tx, tenant).await?;
                let fields = contact_field::all(tx, tenant).await?;
                let rules = Arc::new(Rules::new(&plan, import.columns.clone(), fields, zone)?);
                let mut lists = crate::list::existing(tx, tenant, &plan.list_ids).await?;
                // The same order everywhere: each join locks its list's counter.
                lists.sort_unstable();
                lists.dedup();
                let resumed = checkpoint.zip(import.rejected_file_id);
                let (checkpoint, rejected_file) = match resumed {
                    Some(resumed) => resumed,
                    None => {
                        if let Some(old) = import.rejected_file_id {
                            file::delete(tx, tenant, old).await?;
                        }
                        let name = rejected_name(&import.filename, &locale);
                        let file =
                            file::create(tx, tenant, &name, "text/csv", now, now + KEPT).await?;
                        let report = Report {
                            reading: plan.reading,
                            locale: &locale,
                            columns: &import.columns,
                        };
                        let rejected_seq =
                            file::append(tx, tenant, file, 0, &report.header()).await?;
                        let fresh = Checkpoint {
                            rows: 0,
                            rejected_seq,
                        };
                        queries::save_progress(tx, tenant, id, &Counts::default(), &[], Some(file))
                            .await?;
                        if purpose == Purpose::Write {
                            run.save(tx, 0, None, Some(json!(fresh))).await?;
                        }
                        (fresh, file)
                    }
                };
                let is_resumed = resumed.is_some();
                Ok(Self {
                    // A value with a lifetime can't come out of a transaction whose future is Send.
                    run: run.clone(),
                    purpose,
                    reading: plan.reading,
                    rules,
                    lists,
                    locale,
                    source: format!("import:{id}"),
                    rejected_file,
                    checkpoint,
                    counts: import.counts.filter(|_| is_resumed).unwrap_or_default(),
                    sample: if is_resumed {
                        import.rejected_sample.clone()
                    } else {
                        Vec::new()
                    },
                    import,
                    position: 0,
                })
            })
            .await
    }

    /// Takes the rows out of a batch that an earlier worker did, noting their
    /// addresses; answers whether there were any.
    async fn pass_over(
        &mut self,
        connection: &mut AsyncPgConnection,
        batch: &mut Batch,
    ) -> Result<bool> {
        let left = usize::try_from(self.checkpoint.rows - self.position).unwrap_or(0);
        let done: Vec<Line> = batch.lines.drain(..left.min(batch.lines.len())).collect();
        self.position += i64::try_from(done.len()).unwrap_or(0);
        if done.is_empty() {
            return Ok(false);
        }
        let keys: Vec<Uuid> = done
            .iter()
            .filter_map(|(_, person)| Some(key_of("address", person.as_ref().ok()?.email.key())))
            .collect();
        let db = self.run.db.clone();
        db.tenant_on(connection, self.run.tenant, async |tx| {
            batch::note_seen(tx, &keys).await.map(drop)
        })
        .await?;
        Ok(true)
    }

    async fn write(&mut self, connection: &mut AsyncPgConnection, batch: &Batch) -> Result<()> {
        let rows = i64::try_from(batch.lines.len()).unwrap_or(0);
        let done = self.position + rows;
        // An estimate from the bytes, exact at the end.
        let total = if batch.bytes_read >= self.import.size {
            done
        } else {
            let total = i128::from(done) * i128::from(self.import.size)
                / i128::from(batch.bytes_read.max(1));
            i64::try_from(total).unwrap_or(i64::MAX).max(done)
        };
        let mut tries = 0;
        let kept = loop {
            tries += 1;
            let db = self.run.db.clone();
            let this = &*self;
            let outcome = db
                .tenant_on(connection, this.run.tenant, async |tx| {
                    this.transaction(tx, &batch.lines, done, total).await
                })
                .await;
            match outcome {
                Err(DomainError::Conflict { code: "busy", .. }) if tries < TRIES => {}
                other => break other?,
            }
        };
        self.counts = kept.counts;
        self.sample = kept.sample;
        self.checkpoint = Checkpoint {
            rows: done,
            rejected_seq: kept.rejected_seq,
        };
        self.position = done;
        Ok(())
    }

    async fn transaction(
        &self,
        tx: &mut AsyncPgConnection,
        lines: &[Line],
        done: i64,
        total: i64,
    ) -> Result<Done> {
        let tenant = self.run.tenant;
        let mut batch = Decided::new(lines);
        batch.refuse_repeated(tx, &self.rules).await?;
        let known = batch.look_up(tx, tenant, &self.rules, self.purpose).await?;
        batch.decide(&self.rules, &known);
        batch
            .refuse_taken(tx, tenant, &self.rules, &known, self.purpose)
            .await?;
        let now = contact_now(&self.run.db);
        batch.name_contacts(&known, now);
        if self.purpose == Purpose::Write {
            batch
                .write_contacts(tx, tenant, &self.rules, &self.source, now)
                .await?;
        }
        let mut counts = self.counts;
        self.join_lists(tx, &batch, &known, &mut counts, now)
            .await?;
        let (sample, rejected) = self.tell(&batch, &mut counts);
        let rejected_seq = if rejected.is_empty() {
            self.checkpoint.rejected_seq
        } else {
            file::append(
                tx,
                tenant,
                self.rejected_file,
                self.checkpoint.rejected_seq,
                &rejected,
            )
            .await?
        };
        let id = self.import.id;
        queries::save_progress(tx, tenant, id, &counts, &sample, Some(self.rejected_file)).await?;
        // A check begins anew after a kill: it leaves nothing that could be done twice.
        let checkpoint = (self.purpose == Purpose::Write).then(|| {
            json!(Checkpoint {
                rows: done,
                rejected_seq
            })
        });
        self.run.save(tx, done, Some(total), checkpoint).await?;
        Ok(Done {
            counts,
            sample,
            rejected_seq,
        })
    }

    /// Counts, the sample, and the batch's part of the file of refused rows.
    fn tell(&self, batch: &Decided<'_>, counts: &mut Counts) -> (Vec<Rejected>, Vec<u8>) {
        let report = Report {
            reading: self.reading,
            locale: &self.locale,
            columns: &self.import.columns,
        };
        let (mut sample, mut file) = (self.sample.clone(), Vec::new());
        for row in &batch.rows {
            counts.rows += 1;
            match &row.fate {
                Ok(Fate::Add { .. }) => counts.added += 1,
                Ok(Fate::Change { .. }) => counts.updated += 1,
                Ok(Fate::Same | Fate::Left) => counts.skipped += 1,
                Err(reasons) => {
                    counts.rejected += 1;
                    report.push(&mut file, row.record, reasons);
                    if sample.len() < SAMPLE
                        && let Some(first) = reasons.first()
                    {
                        sample.push(first.to_rejected(row.record.line));
                    }
                }
            }
        }
        (sample, file)
    }

    /// Joins people to the lists: not those who are on the block-list, left
    /// all mailing, or left this list before.
    async fn join_lists(
        &self,
        tx: &mut AsyncPgConnection,
        batch: &Decided<'_>,
        known: &HashMap<String, KnownContact>,
        counts: &mut Counts,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let tenant = self.run.tenant;
        let taken: Vec<(&Person, ContactId)> = batch.taken().collect();
        let keys: Vec<&str> = taken.iter().map(|(person, _)| person.email.key()).collect();
        let domains: HashSet<&str> = taken
            .iter()
            .map(|(person, _)| person.email.domain())
            .collect();
        let domains: Vec<&str> = domains.into_iter().collect();
        let blocked = batch::blocked(tx, tenant, &keys, &domains).await?;
        let (mut eligible, mut old) = (Vec::new(), Vec::new());
        let mut left = HashSet::new();
        for (person, id) in taken {
            if blocked.contains(person.email.key()) || blocked.contains(person.email.domain()) {
                counts.suppressed += 1;
                continue;
            }
            match known.get(person.email.key()) {
                Some(contact) if contact.status != ContactStatus::Active => {
                    left.insert(id);
                }
                Some(_) => {
                    old.push(id);
                    eligible.push((person, id));
                }
                None => eligible.push((person, id)),
            }
        }
        if self.lists.is_empty() {
            return Ok(());
        }
        let words = batch::words(tx, tenant, &self.lists, &old).await?;
        let mut joined: HashMap<ContactId, &str> = HashMap::new();
        for list in &self.lists {
            let mut joins = Vec::new();
            for (person, id) in &eligible {
                match words.get(&(*list, *id)) {
                    Some(true) => {}
                    Some(false) => {
                        left.insert(*id);
                    }
                    None => {
                        joins.push(*id);
                        joined.insert(*id, person.email.as_given());
                    }
                }
            }
            if self.purpose == Purpose::Write {
                subscription::subscribe_new(tx, tenant, *list, &joins, &self.source, now).await?;
            }
        }
        counts.subscribed += i64::try_from(joined.len()).unwrap_or(0);
        counts.kept_unsubscribed += i64::try_from(left.len()).unwrap_or(0);
        if self.purpose == Purpose::Write && !joined.is_empty() {
            let people: Vec<(ContactId, &str)> = joined.into_iter().collect();
            batch::record_consents(tx, tenant, &people, &self.source, now).await?;
        }
        Ok(())
    }
}

/// A key of what was seen: 128 bits of a hash, so that it is short and alike
/// for all.
fn key_of(kind: &str, value: &str) -> Uuid {
    let hash = sha256(format!("{kind}\n{value}").as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    Uuid::from_bytes(half)
}

/// A row with what becomes of it.
struct DecidedRow<'a> {
    record: &'a Record,
    person: Option<&'a Person>,
    fate: std::result::Result<Fate, Vec<Reason>>,
    /// Of the contact that is added, changed or the same.
    contact: Option<ContactId>,
}

struct Decided<'a> {
    rows: Vec<DecidedRow<'a>>,
}

impl<'a> Decided<'a> {
    fn new(lines: &'a [Line]) -> Self {
        let rows = lines
            .iter()
            .map(|(record, person)| DecidedRow {
                record,
                person: person.as_ref().ok(),
                fate: match person {
                    Ok(_) => Ok(Fate::Left),
                    Err(reasons) => Err(reasons.clone()),
                },
                contact: None,
            })
            .collect();
        Self { rows }
    }

    /// Rows that are good so far, with their person.
    fn good(&mut self) -> impl Iterator<Item = (&mut DecidedRow<'a>, &'a Person)> {
        self.rows.iter_mut().filter_map(|row| {
            let person = row.person.filter(|_| row.fate.is_ok())?;
            Some((row, person))
        })
    }

    /// People who are added, changed or as the file wants them.
    fn taken(&self) -> impl Iterator<Item = (&'a Person, ContactId)> {
        self.rows.iter().filter_map(|row| {
            let is_taken = row.fate.as_ref().is_ok_and(|fate| *fate != Fate::Left);
            Some((row.person.filter(|_| is_taken)?, row.contact?))
        })
    }

    /// The first row of an address counts, all later ones are refused: which
    /// of several is meant, only their owner knows.
    async fn refuse_repeated(&mut self, tx: &mut AsyncPgConnection, rules: &Rules) -> Result<()> {
        let mut keys = Vec::new();
        let mut here = HashSet::new();
        for (row, person) in self.good() {
            let key = key_of("address", person.email.key());
            if here.insert(key) {
                keys.push(key);
            } else {
                row.fate = Err(vec![rules.repeated(person)]);
            }
        }
        let fresh = batch::note_seen(tx, &keys).await?;
        if fresh.len() < keys.len() {
            for (row, person) in self.good() {
                if !fresh.contains(&key_of("address", person.email.key())) {
                    row.fate = Err(vec![rules.repeated(person)]);
                }
            }
        }
        Ok(())
    }

    async fn look_up(
        &mut self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        rules: &Rules,
        purpose: Purpose,
    ) -> Result<HashMap<String, KnownContact>> {
        let keys: Vec<&str> = self.good().map(|(_, person)| person.email.key()).collect();
        let changes = rules.mode.changes();
        batch::known(
            tx,
            tenant,
            &keys,
            changes,
            changes && purpose == Purpose::Write,
        )
        .await
    }

    fn decide(&mut self, rules: &Rules, known: &HashMap<String, KnownContact>) {
        for (row, person) in self.good() {
            let contact = known.get(person.email.key());
            row.fate = rules.decide(person, contact.map(|contact| &contact.known));
        }
    }

    /// Refuses rows whose unique value somebody else has, in the database or
    /// further up in the file.
    async fn refuse_taken(
        &mut self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        rules: &Rules,
        known: &HashMap<String, KnownContact>,
        purpose: Purpose,
    ) -> Result<()> {
        if rules.unique_fields().next().is_none() {
            return Ok(());
        }
        let mut wanted: Vec<(ContactFieldId, String)> = Vec::new();
        for (row, _) in self.good() {
            wanted.extend(values_of(row, rules));
        }
        let holders = batch::holders(tx, tenant, &wanted).await?;
        let mut here: HashSet<(ContactFieldId, String)> = HashSet::new();
        let mut seen_keys = HashMap::new();
        for (row, person) in self.good() {
            let own = known.get(person.email.key()).map(|contact| contact.id);
            let values = values_of(row, rules);
            let reasons: Vec<Reason> = values
                .iter()
                .filter(|value| {
                    let is_held = holders
                        .get(value)
                        .is_some_and(|holder| Some(*holder) != own);
                    is_held || here.contains(value)
                })
                .map(|(field, value)| rules.taken(*field, value))
                .collect();
            if reasons.is_empty() {
                for (field, value) in &values {
                    seen_keys.insert(key_of(&field.to_string(), value), (*field, value.clone()));
                }
                here.extend(values);
            } else {
                row.fate = Err(reasons);
            }
        }
        // A run finds the values of earlier rows in the database, a check does not.
        if purpose == Purpose::Check {
            let keys: Vec<Uuid> = seen_keys.keys().copied().collect();
            let fresh = batch::note_seen(tx, &keys).await?;
            for (row, _) in self.good() {
                let old: Vec<Reason> = values_of(row, rules)
                    .iter()
                    .filter(|(field, value)| !fresh.contains(&key_of(&field.to_string(), value)))
                    .map(|(field, value)| rules.taken(*field, value))
                    .collect();
                if !old.is_empty() {
                    row.fate = Err(old);
                }
            }
        }
        Ok(())
    }

    fn name_contacts(&mut self, known: &HashMap<String, KnownContact>, now: DateTime<Utc>) {
        for (row, person) in self.good() {
            row.contact = match &row.fate {
                Ok(Fate::Add { .. }) => Some(new_id(now)),
                _ => known.get(person.email.key()).map(|contact| contact.id),
            };
        }
    }

    async fn write_contacts(
        &mut self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        rules: &Rules,
        source: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (mut added, mut changed, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (row, person) in self.good() {
            let (Ok(Fate::Add { name, fields } | Fate::Change { name, fields }), Some(id)) =
                (&row.fate, row.contact)
            else {
                continue;
            };
            for (field, value) in rules.unique_values(fields) {
                values.push((id, field, value));
            }
            let written = Written {
                id,
                email: person.email.as_given().to_owned(),
                email_key: person.email.key().to_owned(),
                name: name.clone(),
                fields: fields.clone(),
            };
            if matches!(row.fate, Ok(Fate::Add { .. })) {
                added.push(written);
            } else {
                changed.push(written);
            }
        }
        if !added.is_empty() {
            batch::insert(tx, tenant, &added, source, now).await?;
        }
        if !changed.is_empty() {
            batch::update(tx, tenant, &changed, now).await?;
        }
        if rules.unique_fields().next().is_some() {
            let old: Vec<ContactId> = changed.iter().map(|contact| contact.id).collect();
            batch::keep_unique(tx, tenant, &old, &values).await?;
        }
        Ok(())
    }
}

/// Unique values that a row would write.
fn values_of(row: &DecidedRow<'_>, rules: &Rules) -> Vec<(ContactFieldId, String)> {
    match &row.fate {
        Ok(Fate::Add { fields, .. } | Fate::Change { fields, .. }) => rules.unique_values(fields),
        _ => Vec::new(),
    }
}

/// `customers.csv` → `customers_取り込めない行.csv`.
fn rejected_name(filename: &str, locale: &str) -> String {
    let stem = filename.rsplit_once('.').map_or(filename, |(stem, _)| stem);
    let stem: String = stem.chars().take(200).collect();
    let suffix = if locale == "ja" {
        "取り込めない行"
    } else {
        "rejected"
    };
    format!("{stem}_{suffix}.csv")
}
