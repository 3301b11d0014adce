//! Which new passwords a tenant takes (NIST SP 800-63B-4 §3.1.1, ASVS 5.0 V6.2):
//! long, not leaked, not made of names that anybody would try first, and not
//! guessed in a few tries. No rules of composition.

use std::collections::BTreeSet;

use secrecy::SecretString;
use unicode_normalization::UnicodeNormalization;

use super::{Turn, leaked};
use crate::error::{DomainError, FieldError, Result};
use crate::tenant::Tenant;

/// Fewest characters that a tenant may ask for (ASVS asks for 8, product.md for 12).
pub const MIN_LENGTH: i16 = 12;
/// Most characters that a tenant may ask for.
pub const MAX_MIN_LENGTH: i16 = 64;
/// Most characters: argon2 takes any length, a limit keeps requests small.
pub const MAX_LENGTH: usize = 256;
/// The most former passwords that a tenant may want to be different.
pub const MAX_HISTORY: i16 = 12;
/// zxcvbn's scale ends at 4; 3 is "safely unguessable" against online guessing.
const MIN_SCORE: u8 = 3;
/// zxcvbn looks at no more.
const ESTIMATED: usize = 100;
/// What is left of a password without names has to be that long.
const MIN_OWN_PART: usize = 8;
/// Shorter names say nothing.
const MIN_NAME: usize = 3;
const PRODUCT: [&str; 3] = ["kikubari", "気配り", "きくばり"];

/// A tenant's rules, with the names that a password must not be made of.
#[derive(Debug, Clone)]
pub struct Policy {
    min_length: i16,
    /// So many last passwords are not taken again.
    pub(crate) history: i16,
    names: BTreeSet<String>,
}

/// What there is to say of a password.
#[derive(Debug)]
pub struct Judgement {
    /// 0 (guessed at once) to 4, after zxcvbn.
    pub score: u8,
    /// What is wrong; the pointers are empty.
    pub errors: Vec<FieldError>,
}

impl Policy {
    /// Of a tenant that is just being made.
    #[must_use]
    pub fn usual(tenant: &str) -> Self {
        let mut policy = Self {
            min_length: MIN_LENGTH,
            history: 0,
            names: BTreeSet::new(),
        };
        for name in PRODUCT.into_iter().chain([tenant]) {
            policy.add(name);
        }
        policy
    }

    #[must_use]
    pub fn of(tenant: &Tenant) -> Self {
        Self {
            min_length: tenant.password_min_length,
            history: tenant.password_history_length,
            ..Self::usual(&tenant.name)
        }
    }

    /// The person's names are none of their passwords either.
    #[must_use]
    pub fn for_person(mut self, login_id: &str, display_name: &str, email: &str) -> Self {
        for text in [login_id, display_name, email] {
            self.add(text);
        }
        self
    }

    /// A name with its words.
    fn add(&mut self, text: &str) {
        let words = text.split(|c: char| !c.is_alphanumeric());
        let whole = plain(text);
        let found = words.map(plain).chain([whole]);
        self.names
            .extend(found.filter(|name| name.chars().count() >= MIN_NAME));
        // A word of half of all addresses.
        self.names.remove("com");
    }

    pub(super) fn judge(&self, password: &str) -> Judgement {
        let mut errors = Vec::new();
        let mut add = |code, detail| errors.push(FieldError::new("", code, detail));
        let n = password.chars().count();
        if n < usize::from(self.min_length.unsigned_abs()) {
            let least = self.min_length;
            add(
                "too_short",
                format!("has {n} characters, at least {least} are asked for"),
            );
        }
        if n > MAX_LENGTH {
            add(
                "too_long",
                format!("has {n} characters, at most {MAX_LENGTH} are allowed"),
            );
            return Judgement { score: 0, errors };
        }
        let leaked = leaked::is_leaked(password);
        if leaked {
            add(
                "leaked",
                "is known from leaks and among the first that are tried: choose another one".into(),
            );
        }
        if self.is_made_of_names(password) {
            add(
                "contains_name",
                "is made of the name of the product, the company or the person: choose something else".into(),
            );
        }
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let head: String = password.chars().take(ESTIMATED).collect();
        let score = u8::from(zxcvbn::zxcvbn(&head, &names).score());
        if score < MIN_SCORE && errors.is_empty() {
            let detail =
                "is easily guessed: use several words that have nothing to do with each other";
            errors.push(FieldError::new("", "too_weak", detail));
        }
        let score = if leaked { 0 } else { score };
        Judgement { score, errors }
    }

    /// Whether hardly anything is left when the names are taken out, or
    /// something that everybody tries beside them.
    fn is_made_of_names(&self, password: &str) -> bool {
        let mut rest = plain(password);
        let whole = rest.chars().count();
        // The longest first, so that "kikubari" goes before "kiku".
        let mut names: Vec<&String> = self.names.iter().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.chars().count()));
        for name in names {
            rest = rest.replace(name.as_str(), "");
        }
        let left = rest.chars().count();
        left < whole && (left < MIN_OWN_PART || leaked::is_leaked(&rest))
    }
}

/// Letters and digits in lower case, wide ones as narrow ones.
fn plain(text: &str) -> String {
    text.nfkc()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Refuses a password that the policy does not take.
///
/// # Errors
/// [`DomainError::Invalid`] with each reason under `pointer`.
pub(crate) async fn check(
    turn: &Turn,
    policy: &Policy,
    password: &SecretString,
    pointer: &str,
) -> Result<()> {
    let judgement = turn.judge(policy.clone(), password.clone()).await?;
    if judgement.errors.is_empty() {
        return Ok(());
    }
    let under = judgement.errors.into_iter().map(|error| FieldError {
        pointer: pointer.to_owned(),
        ..error
    });
    Err(DomainError::Invalid(under.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(password: &str) -> Vec<&'static str> {
        let policy = Policy::usual("株式会社サンプル商事").for_person(
            "taro@sample-shoji.example.jp",
            "山田 Taro",
            "taro@sample-shoji.example.jp",
        );
        let errors = policy.judge(password).errors;
        errors.into_iter().map(|error| error.code).collect()
    }

    #[test]
    fn long_and_unusual_ones_are_taken_whatever_they_are_made_of() {
        for password in [
            "correct horse battery",
            "朝焼けの港で珈琲を三杯いただく",
            "xq7-mulpe-vrat",
            "gakubuchi no ura ni kakusu",
        ] {
            assert_eq!(codes(password), Vec::<&str>::new(), "{password}");
        }
        let long = "many words of no meaning at all ".repeat(8);
        assert_eq!(codes(&long), Vec::<&str>::new());
        assert_eq!(codes(&format!("{long}x")), ["too_long"]);
    }

    #[test]
    fn leaked_ones_are_named_as_such() {
        assert_eq!(codes("1q2w3e4r5t6y"), ["leaked"]);
        assert_eq!(codes("Qwerty123456"), ["leaked"]);
        assert_eq!(codes("password"), ["too_short", "leaked"]);
    }

    #[test]
    fn names_are_no_passwords() {
        for password in [
            "Kikubari-2026",
            "ｋｉｋｕｂａｒｉ!!!!!2026",
            "株式会社サンプル商事!",
            "sample-shoji 26",
            "taro.taro.taro",
            "sample-shoji-taro",
            // Nothing but what everybody tries beside a name.
            "Kikubari-password",
            "password.sample-shoji",
            "Taro_Password1",
        ] {
            assert!(codes(password).contains(&"contains_name"), "{password}");
        }
    }

    #[test]
    fn what_is_guessed_in_a_few_tries_is_refused() {
        for password in ["aaaaaaaaaaaa", "abcdefghijkl", "passwordpassword"] {
            assert!(!codes(password).is_empty(), "{password}");
        }
    }

    #[test]
    fn the_longest_text_is_judged_in_a_moment() {
        let hostile = "aA1!".repeat(64);
        let policy = Policy::usual("x");
        let begin = crate::testing::processor_time();
        policy.judge(&hostile);
        policy.judge(&"x".repeat(1_000_000));
        let took = crate::testing::processor_time() - begin;
        assert!(took.as_secs() < 5, "{took:?}");
    }
}
