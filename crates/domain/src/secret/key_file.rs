//! The key file: master keys, the current one first, and what is kept of those
//! that were taken out.
//!
//! ```text
//! # current
//! 3q2+7w…=
//! # sealed secrets and log-ins of before still open
//! 8J+Ssg…=
//! # only checks the links of old mails
//! links q83vEj…=
//! ```

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Keys, derive, random};
use crate::error::{DomainError, Result};

/// More than anybody rotates in between re-sealing.
const MASTERS: usize = 8;
/// A check of a forged link tries them all.
const LINKS: usize = 32;
/// What a line begins with that holds a link key.
const LINKS_WORD: &str = "links ";

/// What a key file says.
#[derive(Clone)]
pub struct KeyFile {
    pub(super) masters: Vec<[u8; 32]>,
    pub(super) links: Vec<[u8; 32]>,
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (masters, links) = (self.masters.len(), self.links.len());
        write!(f, "KeyFile({masters} master, {links} link keys)")
    }
}

impl KeyFile {
    /// # Errors
    /// When the file can't be read or holds something else.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |what: &dyn std::fmt::Display| {
            DomainError::internal(format_args!(
                "KIKUBARI_SECRET_KEY_FILE {}: {what}",
                path.display()
            ))
        };
        let text = std::fs::read_to_string(path).map_err(|e| wrong(&e))?;
        Self::parse(&text).map_err(|e| wrong(&e))
    }

    fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut file = Self {
            masters: Vec::new(),
            links: Vec::new(),
        };
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (into, key) = match line.strip_prefix(LINKS_WORD) {
                Some(key) => (&mut file.links, key),
                None => (&mut file.masters, line),
            };
            let key = STANDARD.decode(key.trim()).ok();
            let key = key.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            into.push(key.ok_or_else(|| {
                format!(
                    "line {} must hold 32 bytes in base64 (openssl rand -base64 32), after `{LINKS_WORD}` or alone",
                    number + 1
                )
            })?);
        }
        match (file.masters.len(), file.links.len()) {
            (0, _) => {
                Err("holds no master key: 32 bytes in base64 (openssl rand -base64 32)".to_owned())
            }
            (1..=MASTERS, 0..=LINKS) => Ok(file),
            _ => Err(format!(
                "holds more than {MASTERS} master keys or {LINKS} link keys: re-seal and retire the old ones (`kikubari secrets`)"
            )),
        }
    }

    /// With a fresh master key: as the second one, which only opens, so that
    /// every process can know it before one seals or signs with it; or as the
    /// current one.
    #[must_use]
    pub fn with_new_key(mut self, current: bool) -> Self {
        let at = usize::from(!current).min(self.masters.len());
        self.masters.insert(at, random());
        self
    }

    /// The second master key becomes the current one.
    ///
    /// # Errors
    /// When there is no second one.
    pub fn promoted(mut self) -> Result<Self> {
        if self.masters.len() < 2 {
            return Err(DomainError::conflict(
                "no_second_key",
                "the key file holds one master key: add another one first",
            ));
        }
        self.masters.swap(0, 1);
        Ok(self)
    }

    /// Of all master keys but the current one only what checks links remains.
    ///
    /// # Errors
    /// When the library refuses, which it never does.
    pub fn retired(mut self) -> Result<Self> {
        for master in self.masters.split_off(1) {
            self.links.push(derive(&master, super::TOKEN)?);
        }
        Ok(self)
    }

    /// The keys.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn keys(&self) -> Result<Keys> {
        Keys::ring(&self.masters, &self.links)
    }

    /// As it stands in the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (i, master) in self.masters.iter().enumerate() {
            let what = match i {
                0 => "# current: seals, signs",
                _ => "# opens what it sealed, checks what it signed",
            };
            // Writing to a String never fails.
            writeln!(text, "{what}\n{}", STANDARD.encode(master)).ok();
        }
        for key in &self.links {
            writeln!(
                text,
                "# checks links of mails that went out under a retired key\n{LINKS_WORD}{}",
                STANDARD.encode(key)
            )
            .ok();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_read_as_it_was_written_and_one_key_alone_still_is_one() {
        let one = STANDARD.encode([7; 32]);
        let file = KeyFile::parse(&format!("{one}\n")).unwrap();
        assert_eq!(file.masters, vec![[7; 32]]);
        let file = file.with_new_key(true).retired().unwrap();
        assert_eq!((file.masters.len(), file.links.len()), (1, 1));
        let again = KeyFile::parse(&file.to_text()).unwrap();
        assert_eq!((&again.masters, &again.links), (&file.masters, &file.links));
        for bad in [
            "",
            "links 3q2+7w==",
            "not base64",
            &format!("links {one}"),
            &format!("{one}\nlink {one}"),
        ] {
            assert!(KeyFile::parse(bad).is_err(), "{bad}");
        }
        assert!(!format!("{file:?}").contains(&one));
    }

    #[test]
    fn a_new_key_is_known_before_it_is_used() {
        let file = KeyFile::parse(&STANDARD.encode([7; 32])).unwrap();
        assert!(file.clone().promoted().is_err());
        let file = file.with_new_key(false);
        assert_eq!(file.masters[0], [7; 32]);
        let file = file.promoted().unwrap();
        assert_eq!(file.masters[1], [7; 32]);
    }
}
