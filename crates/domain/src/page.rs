//! Keyset paging: a cursor remembers the last row's sort value and id, so
//! that page 10,000 costs what page 1 does, and a row added meanwhile shifts
//! nothing (both of which OFFSET gets wrong).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{DomainError, Result};

/// Rows in a page unless asked for otherwise.
pub const DEFAULT_LIMIT: i64 = 50;
/// Most rows in a page.
pub const MAX_LIMIT: i64 = 200;

/// Where the next page begins: opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// The sort it was made for; with another one it is refused.
    #[serde(rename = "s")]
    pub sort: String,
    /// The sort column's value of the last row, as text.
    #[serde(rename = "v")]
    pub value: String,
    #[serde(rename = "i")]
    pub id: Uuid,
}

impl Cursor {
    #[must_use]
    pub fn encode(&self) -> String {
        // A struct of strings always serialises.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// # Errors
    /// [`DomainError::Invalid`] when it is no cursor of ours for this sort.
    pub fn decode(text: &str, sort: &str) -> Result<Self> {
        let cursor = (text.len() <= 4096)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()
            .and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok())
            .filter(|cursor| !cursor.value.contains('\0'));
        match cursor {
            Some(cursor) if cursor.sort == sort => Ok(cursor),
            Some(_) => Err(DomainError::invalid(
                "/cursor",
                "wrong_sort",
                "this cursor belongs to another sort: begin again without a cursor",
            )),
            None => Err(DomainError::invalid(
                "/cursor",
                "malformed",
                "no cursor of this service: use next_cursor of the page before, unchanged",
            )),
        }
    }

    /// The cursor's value as a time, for sorts by time.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] when it is none.
    pub fn time(&self) -> Result<chrono::DateTime<chrono::Utc>> {
        self.value
            .parse()
            .map_err(|_| DomainError::invalid("/cursor", "malformed", "no cursor of this service"))
    }
}

/// Which page of a list.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    pub limit: Option<i64>,
    pub cursor: Option<String>,
    pub count: bool,
}

impl PageRequest {
    /// # Errors
    /// [`DomainError::Invalid`] outside 1 to [`MAX_LIMIT`].
    pub fn limit(&self) -> Result<i64> {
        match self.limit {
            None => Ok(DEFAULT_LIMIT),
            Some(n) if (1..=MAX_LIMIT).contains(&n) => Ok(n),
            Some(n) => Err(DomainError::invalid(
                "/limit",
                "out_of_range",
                format!("{n} is not within 1 to {MAX_LIMIT}"),
            )),
        }
    }

    /// # Errors
    /// As [`Cursor::decode`].
    pub fn cursor(&self, sort: &str) -> Result<Option<Cursor>> {
        self.cursor
            .as_deref()
            .map(|text| Cursor::decode(text, sort))
            .transpose()
    }
}

/// One page.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// Makes a page of up to `limit` rows out of `limit + 1` fetched ones; the
    /// surplus row only tells that there is a next page.
    pub fn cut(
        mut rows: Vec<T>,
        limit: i64,
        sort: &str,
        key: impl Fn(&T) -> (String, Uuid),
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| {
            let (value, id) = key(last);
            Cursor {
                sort: sort.to_owned(),
                value,
                id,
            }
            .encode()
        });
        Self {
            items: rows,
            next_cursor,
            total: None,
        }
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next_cursor: self.next_cursor,
            total: self.total,
        }
    }
}

/// A time as a cursor keeps it: microseconds, so that it equals the column.
#[must_use]
pub fn time_key(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// Pattern for ILIKE that finds `text` anywhere, its own % and _ taken as they are.
#[must_use]
pub fn contains_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
