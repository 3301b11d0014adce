//! What stands before the @ of a sign-up address.

use crate::error::FieldError;
use crate::secret::{random, sha256};

const MIN: usize = 3;
/// Return paths have 64 characters, so that no sign-up address is one of them.
pub const MAX: usize = 40;
/// Characters of one that is made up: 80 bits, which nobody guesses.
const RANDOM: usize = 16;
/// RFC 4648 §6, in lower case; a power of two, so that each letter is as likely.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Names that mean somebody else (RFC 2142), or that automatic replies take for nobody.
const RESERVED: [&str; 20] = [
    "abuse",
    "admin",
    "administrator",
    "bounce",
    "bounces",
    "cancel",
    "hostmaster",
    "listserv",
    "mailer-daemon",
    "majordomo",
    "no-reply",
    "nobody",
    "noc",
    "noreply",
    "postmaster",
    "root",
    "security",
    "unsubscribe",
    "webmaster",
    "www",
];

/// 3 to 40 of `a-z0-9`, with single dots, hyphens and underscores between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPart(String);

impl LocalPart {
    /// In any case; servers may fold it, and people write it as they like.
    ///
    /// # Errors
    /// A field error that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let wrong = |code, detail: &str| Err(FieldError::new("", code, detail));
        let text = text.trim().to_ascii_lowercase();
        if !(MIN..=MAX).contains(&text.len()) {
            return wrong("length", "must have 3 to 40 characters");
        }
        let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        let good = bytes.iter().all(|b| is_letter(*b) || b"._-".contains(b))
            && ends.into_iter().flatten().all(|b| is_letter(*b))
            && !text.contains("..");
        if !good {
            return wrong(
                "malformed",
                "must be half-width letters and digits, with single dots, hyphens and underscores between them",
            );
        }
        if RESERVED.contains(&text.as_str()) {
            return wrong(
                "reserved",
                "is a name that means somebody else, choose another one",
            );
        }
        Ok(Self(text))
    }

    /// One that nobody can guess.
    #[must_use]
    pub fn random() -> Self {
        let bytes = random::<RANDOM>();
        let letters = bytes
            .iter()
            .map(|b| char::from(ALPHABET[usize::from(b & 31)]));
        Self(letters.collect())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Key in `signup_directory`.
    pub(super) fn key(&self) -> Vec<u8> {
        sha256(self.0.as_bytes()).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_can_type_is_taken_in_any_case() {
        for (text, kept) in [
            ("news", "news"),
            (" Mail-Magazine.2026 ", "mail-magazine.2026"),
            ("a_b", "a_b"),
        ] {
            assert_eq!(LocalPart::parse(text).unwrap().as_str(), kept);
        }
        for (text, code) in [
            ("ab", "length"),
            (&"a".repeat(41), "length"),
            ("a..b", "malformed"),
            (".abc", "malformed"),
            ("abc-", "malformed"),
            ("あいう", "malformed"),
            ("a b", "malformed"),
            ("a+b", "malformed"),
            ("a\r\nb", "malformed"),
            ("PostMaster", "reserved"),
        ] {
            assert_eq!(LocalPart::parse(text).unwrap_err().code, code, "{text:?}");
        }
    }

    #[test]
    fn one_that_is_made_up_passes_its_own_check_and_never_comes_twice() {
        let (one, other) = (LocalPart::random(), LocalPart::random());
        assert_ne!(one, other);
        assert_eq!(LocalPart::parse(one.as_str()).unwrap(), one);
    }
}
