//! The journal's lines. Pure.
//!
//! Each line is `CRC KIND BODY\n`: CRC is the CRC-32 (IEEE) of `KIND BODY` in
//! eight hexadecimal digits, and no body holds a line feed. Kinds:
//!
//! | kind | body | when |
//! |---|---|---|
//! | `J` | version, installation, worker, boot, epoch | first line of each file |
//! | `H` | delivery, attempts before | before the mail's last byte leaves |
//! | `A` | the outcome, as JSON | once the server has answered |
//! | `R` | delivery | once the database has the outcome |
//!
//! A last line without its line feed was being written when the process died;
//! since nothing is handed over before its `H` is written whole, it says
//! nothing. Any other line that does not parse is damage.

use std::collections::HashMap;
use std::fmt::Write as _;

use domain::delivery::record::Record;
use domain::ids::{DeliveryId, WorkerId};
use uuid::Uuid;

/// Of the format; another one is not read.
const VERSION: u32 = 1;
const CRC_LEN: usize = 8;

/// What a journal belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    pub installation: Uuid,
    pub worker: WorkerId,
    /// Boot of the machine: after another one what was written last may be missing.
    pub boot: String,
    /// Of the installation when the file was begun.
    pub epoch: i64,
}

fn line(out: &mut String, kind: char, body: impl FnOnce(&mut String)) {
    let start = out.len();
    // Room for the CRC, which is known last.
    out.push_str("00000000 ");
    let text = out.len();
    out.push(kind);
    out.push(' ');
    body(out);
    let crc = crc32fast::hash(&out.as_bytes()[text..]);
    out.replace_range(start..start + CRC_LEN, &format!("{crc:08x}"));
    out.push('\n');
}

pub(super) fn seal(out: &mut String, seal: &Seal) {
    line(out, 'J', |body| {
        write!(
            body,
            "{VERSION} {} {} {} {}",
            seal.installation, seal.worker, seal.boot, seal.epoch
        )
        .ok();
    });
}

pub(super) fn handing(out: &mut String, id: DeliveryId, attempts: u16) {
    line(out, 'H', |body| {
        write!(body, "{id} {attempts}").ok();
    });
}

pub(super) fn answered(out: &mut String, record: &Record) {
    line(out, 'A', |body| {
        // No map with keys that are no strings, no failing Serialize: it can't err.
        body.push_str(&serde_json::to_string(record).unwrap_or_default());
    });
}

pub(super) fn recorded(out: &mut String, id: DeliveryId) {
    line(out, 'R', |body| {
        write!(body, "{id}").ok();
    });
}

/// The last word of a journal on a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// After so many attempts it was being handed over.
    Handing(u16),
    /// What the server answered.
    Answered(Box<Record>),
}

/// What a process left behind.
#[derive(Debug, Default)]
pub struct Left {
    pub words: HashMap<DeliveryId, Word>,
    /// Whether something in it could not be read: what is not in it may have been.
    pub damaged: bool,
}

enum Parsed {
    Seal(Seal),
    Handing(DeliveryId, u16),
    Answered(Box<Record>),
    Recorded(DeliveryId),
}

/// The first line, when it is one of ours.
pub(super) fn read_seal(bytes: &[u8]) -> Option<Seal> {
    let end = memchr::memchr(b'\n', bytes)?;
    match parse(&bytes[..end])? {
        Parsed::Seal(seal) => Some(seal),
        _ => None,
    }
}

/// Reads one file on top of those before it.
pub(super) fn read(bytes: &[u8], left: &mut Left) {
    let mut rest = bytes;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        match parse(&rest[..end]) {
            None => left.damaged = true,
            Some(Parsed::Seal(_)) => {}
            Some(Parsed::Handing(id, attempts)) => {
                left.words.insert(id, Word::Handing(attempts));
            }
            Some(Parsed::Answered(record)) => {
                left.words.insert(record.id, Word::Answered(record));
            }
            Some(Parsed::Recorded(id)) => {
                left.words.remove(&id);
            }
        }
        rest = &rest[end + 1..];
    }
}

fn parse(line: &[u8]) -> Option<Parsed> {
    let (crc, text) = line.split_at_checked(CRC_LEN)?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    let text = text.strip_prefix(b" ")?;
    if crc32fast::hash(text) != crc {
        return None;
    }
    let (kind, body) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    match kind {
        "J" => parse_seal(body).map(Parsed::Seal),
        "H" => {
            let (id, attempts) = body.split_once(' ')?;
            Some(Parsed::Handing(id.parse().ok()?, attempts.parse().ok()?))
        }
        "A" => serde_json::from_str(body)
            .ok()
            .map(|record| Parsed::Answered(Box::new(record))),
        "R" => body.parse().ok().map(Parsed::Recorded),
        _ => None,
    }
}

fn parse_seal(body: &str) -> Option<Seal> {
    let [version, installation, worker, boot, epoch] =
        body.split(' ').collect::<Vec<_>>().try_into().ok()?;
    (version.parse() == Ok(VERSION)).then_some(())?;
    Some(Seal {
        installation: installation.parse().ok()?,
        worker: worker.parse().ok()?,
        boot: boot.to_owned(),
        epoch: epoch.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use domain::delivery::outcome::{Outcome, Reply};

    use super::*;

    fn record(id: DeliveryId) -> Record {
        Record {
            id,
            attempts: 2,
            message_id: Some("a@example.jp".into()),
            site: Some("gmail".into()),
            at: chrono::DateTime::UNIX_EPOCH,
            outcome: Outcome::Accepted(Reply {
                code: 250,
                enhanced: Some("2.0.0".into()),
                text: "two\nlines\r\n 気配り \u{0} \"".into(),
                host: "relay".into(),
                blame: None,
            }),
        }
    }

    fn read_all(bytes: &[u8]) -> Left {
        let mut left = Left::default();
        read(bytes, &mut left);
        left
    }

    #[test]
    fn the_last_word_of_each_delivery_is_read_back() {
        let [a, b, c] = [DeliveryId::new(), DeliveryId::new(), DeliveryId::new()];
        let mut text = String::new();
        for id in [a, b, c] {
            handing(&mut text, id, 2);
        }
        answered(&mut text, &record(b));
        answered(&mut text, &record(c));
        recorded(&mut text, c);
        let left = read_all(text.as_bytes());
        assert!(!left.damaged);
        assert_eq!(left.words.len(), 2);
        assert_eq!(left.words[&a], Word::Handing(2));
        assert_eq!(left.words[&b], Word::Answered(Box::new(record(b))));
    }

    #[test]
    fn a_seal_is_read_back_and_one_of_another_version_is_not() {
        let sealed = Seal {
            installation: Uuid::now_v7(),
            worker: WorkerId::new(),
            boot: "boot".into(),
            epoch: 7,
        };
        let mut text = String::new();
        seal(&mut text, &sealed);
        assert_eq!(read_seal(text.as_bytes()), Some(sealed));
        let mut other = String::new();
        line(&mut other, 'J', |body| body.push_str("2 a b c d e f"));
        for foreign in [other.as_bytes(), b"", b"\n", b"\xff\xfe\0\0\n", b"{}\n"] {
            assert_eq!(read_seal(foreign), None, "{foreign:?}");
        }
    }

    #[test]
    fn a_journal_cut_anywhere_loses_at_most_the_line_being_written() {
        let ids: Vec<DeliveryId> = (0..3).map(|_| DeliveryId::new()).collect();
        let mut text = String::new();
        let mut ends = Vec::new();
        for id in &ids {
            handing(&mut text, *id, 0);
            ends.push(text.len());
        }
        for cut in 0..=text.len() {
            let left = read_all(&text.as_bytes()[..cut]);
            assert!(!left.damaged, "cut at {cut}");
            let whole = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(left.words.len(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn foreign_bytes_are_damage_and_hide_nothing_else() {
        let (a, b) = (DeliveryId::new(), DeliveryId::new());
        let mut text = String::new();
        handing(&mut text, a, 0);
        let first = text.len();
        handing(&mut text, b, 0);
        for foreign in [&b"\0\0\0\n"[..], b"\xff\xff\n", b"deadbeef H x\n", b"\n"] {
            let mut bytes = text.as_bytes()[..first].to_vec();
            bytes.extend_from_slice(foreign);
            bytes.extend_from_slice(&text.as_bytes()[first..]);
            let left = read_all(&bytes);
            assert!(left.damaged, "{foreign:?}");
            assert_eq!(left.words.len(), 2, "{foreign:?}");
        }
        let mut flipped = text.into_bytes();
        flipped[first - 3] ^= 1;
        let left = read_all(&flipped);
        assert!(left.damaged);
        assert_eq!(left.words.len(), 1);
    }
}
