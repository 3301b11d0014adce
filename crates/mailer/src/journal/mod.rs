//! The journal: what this process is handing over, in files beside the
//! database, so that its death leaves no doubt but of the mails on the wire.
//!
//! Before the last byte of a mail leaves, `handing over` is written; when the
//! answer came, the answer; when the database has it, that too. Plain writes:
//! they survive the process, and are not flushed to disk, since a machine that
//! goes down with its page cache is told from one that did not by its boot id
//! ([`replay`]). Two writes a mail, of some 60 and 250 bytes.
//!
//! A process holds `WORKER.lock` with flock for as long as it lives, and writes
//! `WORKER.NUMBER.journal`, a new one each 4 MiB. A file is deleted as soon as
//! all that was begun in it, and in those before it, is recorded. Whoever gets
//! the lock of another knows that its process is gone, and replays its files.
//!
//! What can't be journalled is not handed over: while the disk refuses, the
//! mailer stands still, says so, and tries again.

pub mod high_water;
pub mod line;
pub mod replay;

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use domain::delivery::record::Record;
use domain::ids::{DeliveryId, WorkerId};
use domain::installation::Facts;

use high_water::HighWater;
use line::Seal;

use crate::metrics;

/// Size at which another file is begun.
const SEGMENT: u64 = 4 << 20;
/// Size from which a file of which nothing is open any more is emptied.
const WORTH_EMPTYING: u64 = 64 << 10;
/// Servers' replies name people's addresses: nobody else on the machine reads them.
const OWNER_ONLY: u32 = 0o600;
/// What has to fit on the disk before the journal is trusted again.
const PROBE: usize = 64 << 10;

/// The journal of this process.
pub struct Journal {
    dir: PathBuf,
    worker: WorkerId,
    inner: Mutex<Inner>,
    failing: AtomicBool,
    /// Size at which another file is begun.
    segment: u64,
    /// Held for as long as the process lives.
    lock: File,
    high_water: HighWater,
}

struct Inner {
    seal: Seal,
    /// The oldest first; the last one is written to.
    segments: VecDeque<Segment>,
    /// Deliveries that are begun and not recorded, and the file they began in.
    open: HashMap<DeliveryId, u64>,
    /// Lines that did not go in when they should; they go before the next one.
    owed: String,
    /// Kept between lines for its memory.
    scratch: String,
}

struct Segment {
    number: u64,
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    len: u64,
    seal_len: u64,
    /// Deliveries begun in it and not recorded.
    open: usize,
    /// Half a line stands at its end that could not even be taken back.
    torn: bool,
}

impl Journal {
    /// Begins a journal in `dir`, which is made if need be.
    ///
    /// # Errors
    /// When the directory can't be written.
    pub fn open(dir: &Path, facts: Facts, worker: WorkerId) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let seal = Seal {
            installation: facts.uid,
            worker,
            boot: boot_id(),
            epoch: facts.epoch,
        };
        let lock = locked_file(dir, worker)?;
        let first = Segment::begin(dir, &seal, 0)?;
        let high_water = HighWater::open(dir, facts.uid)?;
        Ok(Self {
            dir: dir.to_owned(),
            worker,
            inner: Mutex::new(Inner {
                seal,
                segments: VecDeque::from([first]),
                open: HashMap::new(),
                owed: String::new(),
                scratch: String::new(),
            }),
            failing: AtomicBool::new(false),
            segment: SEGMENT,
            lock,
            high_water,
        })
    }

    /// Begins another file at `bytes` already.
    #[must_use]
    pub fn with_segments_of(mut self, bytes: u64) -> Self {
        self.segment = bytes;
        self
    }

    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The last claim of all mailers of this machine.
    #[must_use]
    pub fn high_water(&self) -> &HighWater {
        &self.high_water
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called before the last byte of a mail leaves.
    ///
    /// # Errors
    /// When it can't be written: then the mail must not go out.
    pub fn handing(&self, id: DeliveryId, attempts: u16) -> io::Result<()> {
        let written = self.inner().handing(&self.dir, self.segment, id, attempts);
        self.note_failure(&written);
        written
    }

    /// What became of a mail; counts only for one that was being handed over.
    pub fn answered(&self, record: &Record) {
        let written = self.inner().answered(record);
        self.note_failure(&written);
    }

    /// The database has the word on these.
    pub fn recorded(&self, ids: impl Iterator<Item = DeliveryId>) {
        let written = self.inner().recorded(ids);
        self.note_failure(&written);
    }

    /// Files begun from now on are of this epoch.
    ///
    /// # Errors
    /// When no new file can be begun.
    pub fn set_epoch(&self, epoch: i64) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.seal.epoch == epoch {
            return Ok(());
        }
        inner.seal.epoch = epoch;
        inner.turn(&self.dir)
    }

    /// Whether mails may be handed over. While the disk refuses, each call
    /// tries whether there is room again.
    pub fn is_writable(&self) -> bool {
        if !self.failing.load(Ordering::Acquire) {
            return true;
        }
        let probed = self.inner().probe();
        if probed.is_ok() && self.failing.swap(false, Ordering::AcqRel) {
            metrics::journal_failing(false);
            tracing::info!(name: "journal.writable", dir = %self.dir.display(), "there is room again, sending goes on");
        }
        probed.is_ok()
    }

    /// Only a probe makes good again: that some short line still went in says nothing.
    fn note_failure(&self, written: &io::Result<()>) {
        if let Err(error) = written
            && !self.failing.swap(true, Ordering::AcqRel)
        {
            metrics::journal_failing(true);
            tracing::error!(
                name: "journal.failing", dir = %self.dir.display(), %error,
                "nothing is sent until the journal can be written: free space there, or mend the disk"
            );
        }
    }

    /// Ends the journal, once the database has all that is in it.
    pub fn close(&self) {
        let inner = self.inner();
        for segment in &inner.segments {
            std::fs::remove_file(&segment.path).ok();
        }
        std::fs::remove_file(lock_path(&self.dir, self.worker)).ok();
        self.lock.unlock().ok();
    }
}

impl Inner {
    fn handing(
        &mut self,
        dir: &Path,
        segment: u64,
        id: DeliveryId,
        attempts: u16,
    ) -> io::Result<()> {
        if self.segments.back().is_none_or(|last| last.len >= segment) {
            self.turn(dir)?;
        }
        let mut text = std::mem::take(&mut self.scratch);
        line::handing(&mut text, id, attempts);
        let written = self.write(&text);
        self.keep(text);
        written?;
        if let Some(last) = self.segments.back_mut() {
            last.open += 1;
            let began = last.number;
            if let Some(before) = self.open.insert(id, began) {
                self.ended_in(before);
            }
        }
        Ok(())
    }

    fn answered(&mut self, record: &Record) -> io::Result<()> {
        if !self.open.contains_key(&record.id) {
            return Ok(());
        }
        let mut text = std::mem::take(&mut self.scratch);
        line::answered(&mut text, record);
        let written = self.write_or_owe(&text);
        self.keep(text);
        written
    }

    fn recorded(&mut self, ids: impl Iterator<Item = DeliveryId>) -> io::Result<()> {
        let mut text = std::mem::take(&mut self.scratch);
        for id in ids {
            if let Some(began) = self.open.remove(&id) {
                self.ended_in(began);
                line::recorded(&mut text, id);
            }
        }
        let written = if text.is_empty() {
            Ok(())
        } else {
            self.write_or_owe(&text)
        };
        self.keep(text);
        self.trim();
        written
    }

    fn keep(&mut self, mut text: String) {
        text.clear();
        self.scratch = text;
    }

    fn ended_in(&mut self, number: u64) {
        if let Some(segment) = self.segments.iter_mut().find(|s| s.number == number) {
            segment.open -= 1;
        }
    }

    /// Deletes from the front what nobody needs; empties the last one.
    fn trim(&mut self) {
        while self.segments.len() > 1 && self.segments.front().is_some_and(|s| s.open == 0) {
            if let Some(done) = self.segments.pop_front() {
                std::fs::remove_file(&done.path).ok();
            }
        }
        if let [only] = self.segments.make_contiguous()
            && only.open == 0
            && only.len > WORTH_EMPTYING
            && only.file.set_len(only.seal_len).is_ok()
        {
            only.len = only.seal_len;
            self.owed.clear();
        }
    }

    fn turn(&mut self, dir: &Path) -> io::Result<()> {
        let number = self.segments.back().map_or(0, |last| last.number + 1);
        self.segments
            .push_back(Segment::begin(dir, &self.seal, number)?);
        Ok(())
    }

    fn write_or_owe(&mut self, text: &str) -> io::Result<()> {
        let written = self.write(text);
        if written.is_err() {
            self.owed.push_str(text);
        }
        written
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        let last = self
            .segments
            .back_mut()
            .ok_or_else(|| io::Error::other("no journal file"))?;
        if !self.owed.is_empty() {
            last.append(self.owed.as_bytes())?;
            self.owed.clear();
        }
        last.append(text.as_bytes())
    }

    fn probe(&mut self) -> io::Result<()> {
        self.write("")?;
        let Some(last) = self.segments.back_mut() else {
            return Ok(());
        };
        // What is written and taken back is no line, whatever happens between.
        let written = last.file.write_all(&[b' '; PROBE]);
        last.torn = last.file.set_len(last.len).is_err();
        written
    }
}

impl Segment {
    /// Its first line goes in under another name, so that nobody ever sees a
    /// journal without one.
    fn begin(dir: &Path, seal: &Seal, number: u64) -> io::Result<Self> {
        let path = dir.join(format!("{}.{number:06}.journal", seal.worker));
        let unborn = path.with_extension("new");
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(OWNER_ONLY)
            .open(&unborn)?;
        file.set_len(0)?;
        let mut text = String::new();
        line::seal(&mut text, seal);
        let begun = file
            .write_all(text.as_bytes())
            .and_then(|()| std::fs::rename(&unborn, &path));
        if let Err(error) = begun {
            std::fs::remove_file(&unborn).ok();
            return Err(error);
        }
        Ok(Self {
            number,
            path,
            file,
            len: text.len() as u64,
            seal_len: text.len() as u64,
            open: 0,
            torn: false,
        })
    }

    /// Whole, or not at all: half a line would be damage to those after it.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.len)?;
            self.torn = false;
        }
        if let Err(error) = self.file.write_all(bytes) {
            self.torn = self.file.set_len(self.len).is_err();
            return Err(error);
        }
        self.len += bytes.len() as u64;
        Ok(())
    }
}

/// Locked before anybody can see it, so that nobody takes it for a dead one's.
fn locked_file(dir: &Path, worker: WorkerId) -> io::Result<File> {
    let path = lock_path(dir, worker);
    let unborn = path.with_extension("new-lock");
    let file = File::create(&unborn)?;
    file.try_lock()?;
    std::fs::rename(&unborn, &path)?;
    Ok(file)
}

pub(super) fn lock_path(dir: &Path, worker: WorkerId) -> PathBuf {
    dir.join(format!("{worker}.lock"))
}

/// Of this boot of the machine; Linux makes it anew each time.
pub(super) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
}
