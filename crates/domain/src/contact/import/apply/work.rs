//! An import under way: where it begins, and one transaction for each batch.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;
use uuid::Uuid;

use super::super::batch::{self, KnownContact};
use super::super::plan::Reading;
use super::super::queries;
use super::super::reject::{Rejected, Report};
use super::super::row::{Fate, Person, Rules};
use super::super::{Counts, Import, KEPT, customs};
use super::decide::{Decided, key_of};
use super::{Batch, Line, Purpose};
use crate::contact::{ContactStatus, now as contact_now};
use crate::contact_field;
use crate::error::{BUSY, DomainError, Result};
use crate::file;
use crate::ids::{ContactId, FileId, ImportId, ListId};
use crate::job::run::Run;
use crate::list::subscription;

/// Refused rows that the API shows.
const SAMPLE: usize = 50;
/// Tries of a batch that met somebody else's change.
const TRIES: u32 = 5;
/// Before the second try; longer before each later one.
const PAUSE: Duration = Duration::from_millis(50);

/// Where a run goes on after a kill.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Checkpoint {
    /// Rows done.
    rows: i64,
    /// Next chunk of the file of refused rows.
    rejected_seq: i32,
}

/// An import under way.
pub(super) struct Work {
    run: Run,
    purpose: Purpose,
    pub(super) import: Import,
    pub(super) reading: Reading,
    pub(super) rules: Arc<Rules>,
    lists: Vec<ListId>,
    locale: String,
    source: String,
    rejected_file: FileId,
    checkpoint: Checkpoint,
    pub(super) counts: Counts,
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
    pub(super) async fn begin(run: &Run, purpose: Purpose) -> Result<Self> {
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
    pub(super) async fn pass_over(
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

    pub(super) async fn write(
        &mut self,
        connection: &mut AsyncPgConnection,
        batch: &Batch,
    ) -> Result<()> {
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
                Err(DomainError::Conflict { code: BUSY, .. }) if tries < TRIES => {
                    sleep(PAUSE * tries).await;
                }
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
