//! What processes that are gone left behind, brought into the ledger.
//!
//! The database tells what such a process still held; its journal tells of
//! each: answered → recorded with that answer; being handed over → `unknown`;
//! not in it → never handed over, and given back to the queue at once. The
//! last of these needs a journal that is whole. One of another boot of the
//! machine may lack its end, one of another epoch speaks of rows that a restore
//! brought back from an earlier time, one that is damaged lacks something: with
//! these, what is not in it stays as it is until its lease runs out, and is
//! `unknown` then.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Db;
use domain::delivery::lease::{self, Held};
use domain::delivery::outcome::{Outcome, Reason};
use domain::delivery::record::{Record, record};
use domain::ids::WorkerId;
use domain::installation::Facts;
use domain::limit::session;
use tokio::time::sleep;

use super::line::{self, Left, Word};
use super::{boot_id, lock_path};

/// Most outcomes in one transaction.
const CHUNK: usize = 200;
/// How often, and how far apart, a dead process's last transaction is looked for.
const LOOKS: usize = 20;
const LOOK: Duration = Duration::from_millis(50);

/// What a replay came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Processes that were gone.
    pub processes: usize,
    pub answered: usize,
    pub unknown: usize,
    pub given_back: usize,
    /// Left to their lease.
    pub left: usize,
}

/// A journal whose process is gone, and that is ours while this lives.
struct Dead {
    worker: WorkerId,
    files: Vec<PathBuf>,
    lock: PathBuf,
    /// Holds the flock.
    _held: File,
}

/// Replays the journals in `dir` whose processes are gone, and deletes them.
/// One of whose process the database still has a transaction waits for the next time.
///
/// # Errors
/// When the database or the directory does; what was not replayed stays.
pub async fn run(db: &Db, dir: &Path, own: WorkerId, facts: Facts) -> anyhow::Result<Replayed> {
    let mut total = Replayed::default();
    for worker in workers(dir)? {
        if worker == own {
            continue;
        }
        let Some(dead) = Dead::take(dir, worker)? else {
            continue;
        };
        if !is_over(db, worker).await? {
            continue;
        }
        let Some(left) = dead.read(facts)? else {
            tracing::warn!(
                name: "journal.foreign", %worker, dir = %dir.display(),
                "a journal that is not of this installation, or of another version, is left alone"
            );
            continue;
        };
        let replayed = settle(db, worker, &left).await?;
        session::forget(db, worker).await.map_err(crate::explain)?;
        dead.delete();
        tracing::warn!(
            name: "journal.replayed", %worker, answered = replayed.answered, unknown = replayed.unknown,
            given_back = replayed.given_back, left = replayed.left, "a mailer had ended in the middle"
        );
        total.processes += 1;
        total.answered += replayed.answered;
        total.unknown += replayed.unknown;
        total.given_back += replayed.given_back;
        total.left += replayed.left;
    }
    Ok(total)
}

/// What `worker` itself has in its journal, once nothing of it runs any more.
///
/// # Errors
/// As [`run`].
pub async fn own(db: &Db, dir: &Path, worker: WorkerId) -> anyhow::Result<Replayed> {
    let mut left = Left::default();
    for file in files(dir, worker)? {
        line::read(&std::fs::read(file)?, &mut left);
    }
    settle(db, worker, &left).await
}

/// Whether the last transaction of a process that is gone has ended, so that it
/// claims no more: it takes as long as a COMMIT.
async fn is_over(db: &Db, worker: WorkerId) -> anyhow::Result<bool> {
    for _ in 0..LOOKS {
        if !lease::is_busy(db, worker).await.map_err(crate::explain)? {
            return Ok(true);
        }
        sleep(LOOK).await;
    }
    Ok(false)
}

/// Brings into the ledger what is known of the deliveries that `worker` held.
async fn settle(db: &Db, worker: WorkerId, left: &Left) -> Result<Replayed, anyhow::Error> {
    let mut replayed = Replayed {
        processes: 1,
        ..Replayed::default()
    };
    for held in lease::held_by(db, worker).await.map_err(crate::explain)? {
        let records = judge(db, &held, left, &mut replayed);
        for chunk in records.chunks(CHUNK) {
            record(db, worker, held.tenant, held.campaign, held.period, chunk)
                .await
                .map_err(crate::explain)?;
        }
    }
    Ok(replayed)
}

fn judge(db: &Db, held: &Held, left: &Left, replayed: &mut Replayed) -> Vec<Record> {
    let mut records = Vec::with_capacity(held.deliveries.len());
    for &(id, attempts) in &held.deliveries {
        let outcome = match left.words.get(&id) {
            Some(Word::Answered(known)) if known.attempts == attempts => {
                replayed.answered += 1;
                records.push((**known).clone());
                continue;
            }
            Some(Word::Handing(before)) if *before == attempts => {
                replayed.unknown += 1;
                Outcome::Unknown(Reason::MailerGone, None)
            }
            // A word on an earlier attempt is none on this one.
            _ if left.damaged => {
                replayed.left += 1;
                continue;
            }
            _ => {
                replayed.given_back += 1;
                Outcome::GivenBack
            }
        };
        records.push(Record {
            id,
            attempts,
            message_id: None,
            site: None,
            at: db.now(),
            outcome,
        });
    }
    records
}

impl Dead {
    /// The journal of `worker`, if its process is gone.
    fn take(dir: &Path, worker: WorkerId) -> io::Result<Option<Self>> {
        let lock = lock_path(dir, worker);
        let held = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock)?;
        if held.try_lock().is_err() {
            return Ok(None);
        }
        // Listed only now: nobody adds to them any more.
        Ok(Some(Self {
            worker,
            files: files(dir, worker)?,
            lock,
            _held: held,
        }))
    }

    /// `None` when a file of it is not one of ours to read.
    fn read(&self, facts: Facts) -> io::Result<Option<Left>> {
        let mut left = Left::default();
        let boot = boot_id();
        for file in &self.files {
            let bytes = std::fs::read(file)?;
            match line::read_seal(&bytes) {
                Some(seal) if seal.installation == facts.uid && seal.worker == self.worker => {
                    left.damaged |=
                        seal.boot != boot || boot == "unknown" || seal.epoch != facts.epoch;
                }
                _ => return Ok(None),
            }
            line::read(&bytes, &mut left);
        }
        Ok(Some(left))
    }

    /// The lock last: whoever sees it sees its files too.
    fn delete(self) {
        for file in &self.files {
            std::fs::remove_file(file).ok();
        }
        std::fs::remove_file(&self.lock).ok();
    }
}

/// Whose files there are.
fn workers(dir: &Path) -> io::Result<BTreeSet<WorkerId>> {
    let mut workers = BTreeSet::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        if !Path::new(name)
            .extension()
            .is_some_and(|e| e == "journal" || e == "lock")
        {
            continue;
        }
        if let Some(Ok(worker)) = name.split('.').next().map(str::parse) {
            workers.insert(worker);
        }
    }
    Ok(workers)
}

/// The files of one, in the order in which they were written.
fn files(dir: &Path, worker: WorkerId) -> io::Result<Vec<PathBuf>> {
    let begins = format!("{worker}.");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let ours = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| {
                name.starts_with(&begins)
                    && Path::new(name).extension().is_some_and(|e| e == "journal")
            });
        if ours {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
