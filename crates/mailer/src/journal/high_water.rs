//! The last claim that a mailer of this machine made, kept beside the database:
//! a database that knows of fewer was restored from an older backup.
//!
//! One file for each installation, shared by the mailers of the machine, of one
//! line of fixed length that is written over in place: it needs no room that it
//! does not have.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// The mark of one installation.
#[derive(Debug)]
pub struct HighWater {
    file: File,
    path: PathBuf,
}

impl HighWater {
    /// # Errors
    /// When `dir` can't be written.
    pub fn open(dir: &Path, installation: Uuid) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join(format!("{installation}.high-water"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)?;
        Ok(Self { file, path })
    }

    /// The last claim that is remembered; 0 before the first.
    ///
    /// # Errors
    /// When the file can't be read, or holds something else.
    pub fn read(&self) -> io::Result<i64> {
        self.file.lock()?;
        let read = self.read_locked();
        self.file.unlock()?;
        read
    }

    /// Remembers a claim; an older one than is remembered changes nothing.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn remember(&self, serial: i64) -> io::Result<()> {
        self.file.lock()?;
        // What can't be read is written anew.
        let written = if self.read_locked().unwrap_or(0) < serial {
            self.write_locked(serial)
        } else {
            Ok(())
        };
        self.file.unlock()?;
        written
    }

    fn read_locked(&self) -> io::Result<i64> {
        let mut text = String::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.read_to_string(&mut text)?;
        if text.is_empty() {
            return Ok(0);
        }
        parse(&text).ok_or_else(|| {
            let what = format!("{} is damaged", self.path.display());
            io::Error::new(io::ErrorKind::InvalidData, what)
        })
    }

    fn write_locked(&self, serial: i64) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(line(serial).as_bytes())
    }
}

fn line(serial: i64) -> String {
    let text = format!("{serial:020}");
    format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes()))
}

fn parse(text: &str) -> Option<i64> {
    let (crc, serial) = text.strip_suffix('\n')?.split_once(' ')?;
    let is_whole = u32::from_str_radix(crc, 16).ok()? == crc32fast::hash(serial.as_bytes());
    is_whole.then(|| serial.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_claim_of_all_mailers_of_the_machine_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let id = Uuid::now_v7();
        let (one, two) = (
            HighWater::open(dir.path(), id).unwrap(),
            HighWater::open(dir.path(), id).unwrap(),
        );
        assert_eq!(one.read().unwrap(), 0);
        one.remember(7).unwrap();
        two.remember(1_000_000).unwrap();
        one.remember(8).unwrap();
        assert_eq!(one.read().unwrap(), 1_000_000);
        assert_eq!(
            HighWater::open(dir.path(), id).unwrap().read().unwrap(),
            1_000_000
        );
        let other = HighWater::open(dir.path(), Uuid::now_v7()).unwrap();
        assert_eq!(other.read().unwrap(), 0);
    }

    #[test]
    fn a_damaged_mark_is_told_from_none_and_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mark = HighWater::open(dir.path(), Uuid::now_v7()).unwrap();
        for damage in ["0", "00000000 00000000000000000007\n", "zz\n"] {
            std::fs::write(&mark.path, damage).unwrap();
            assert!(mark.read().is_err(), "{damage:?}");
        }
        mark.remember(3).unwrap();
        assert_eq!(mark.read().unwrap(), 3);
    }
}
