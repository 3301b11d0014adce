//! The words of a search as the patterns that `contact.search` must be like.

use unicode_normalization::UnicodeNormalization;

use crate::error::{DomainError, Result};

/// Words of a search.
const MAX_WORDS: usize = 8;
/// Characters of a search.
const MAX_QUERY: usize = 200;

/// The same folding as `contact_search_text` of the database: every character
/// beyond a-z and 0-9 stands between spaces.
fn folded(word: &str) -> String {
    let mut out = String::new();
    for c in word.nfkc().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            out.push(c);
        } else {
            out.extend([' ', c, ' ']);
        }
    }
    out
}

/// The LIKE pattern of a word. One or two of a-z and 0-9 hold no trigram: such
/// a word means the beginning of one, which the index does find.
fn pattern(word: &str) -> String {
    let mut escaped = String::from("%");
    let text = folded(word);
    if text.len() <= 2 && !text.is_empty() {
        escaped.push(' ');
    }
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped.push('%');
    escaped
}

/// The patterns that `contact.search` must be like for a search for words.
///
/// # Errors
/// [`DomainError::Invalid`] for a search that is too long.
pub(crate) fn patterns(q: &str) -> Result<Vec<String>> {
    if q.chars().count() > MAX_QUERY {
        return Err(DomainError::invalid(
            "/q",
            "too_long",
            format!("has more than {MAX_QUERY} characters"),
        ));
    }
    if q.contains('\0') {
        return Err(DomainError::invalid(
            "/q",
            "malformed",
            "must not hold a NUL character",
        ));
    }
    // NFKC can make one character many (U+FDFA: 18).
    let words: Vec<String> = q
        .nfkc()
        .collect::<String>()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    if words.len() > MAX_WORDS {
        return Err(DomainError::invalid(
            "/q",
            "too_many_words",
            format!("has more than {MAX_WORDS} words"),
        ));
    }
    Ok(words.iter().map(|word| pattern(word)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_folded_as_the_database_folds_and_escaped() {
        assert_eq!(pattern("Yamada"), "%yamada%");
        assert_eq!(pattern("山田"), "% 山  田 %");
        assert_eq!(pattern("a.b"), "%a . b%");
        assert_eq!(pattern("10%_\\"), "%10 \\%  \\_  \\\\ %");
        assert_eq!(pattern("Ｙ"), "% y%");
        assert_eq!(pattern("ya"), "% ya%");
        assert_eq!(pattern("ﾀﾞ"), "% ダ %");
    }
}
