//! Query strings, and the page that lists answer.

use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use domain::DomainError;
use domain::page::{Page, PageRequest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;

/// A query string, with a problem when it does not fit.
#[derive(Debug)]
pub struct QueryOf<T>(pub T);

impl<T> Deref for QueryOf<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for QueryOf<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match web::Query::<T>::from_query(request.query_string()) {
            Ok(query) if !request.query_string().contains("%00") => Ok(Self(query.into_inner())),
            Ok(_) => {
                Err(DomainError::invalid("", "malformed", "the query holds a NUL character").into())
            }
            Err(error) => {
                Err(DomainError::invalid("", "malformed", format!("query: {error}")).into())
            }
        })
    }
}

/// Words to look for, of at most so many characters.
///
/// # Errors
/// [`DomainError::Invalid`] when they are longer.
pub fn search(q: Option<String>, most: usize) -> Result<Option<String>, DomainError> {
    if q.as_ref().is_some_and(|q| q.chars().count() > most) {
        let detail = format!("has more than {most} characters");
        return Err(DomainError::invalid("/q", "too_long", detail));
    }
    Ok(q)
}

/// A stable code that a filter names.
///
/// # Errors
/// [`DomainError::Invalid`] when no code is that long.
pub fn code(pointer: &str, code: Option<String>) -> Result<Option<String>, DomainError> {
    if code.as_ref().is_some_and(|code| code.chars().count() > 64) {
        return Err(DomainError::invalid(
            pointer,
            "too_long",
            "has more than 64 characters",
        ));
    }
    Ok(code)
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Rows in the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
}

impl From<&PageQuery> for PageRequest {
    fn from(query: &PageQuery) -> Self {
        Self {
            limit: query.limit,
            cursor: query.cursor.clone(),
            count: false,
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageOf<T> {
    pub items: Vec<T>,
    /// Give it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
    /// How many there are in all; null unless asked for with `count=true`.
    pub total: Option<i64>,
}

impl<T> PageOf<T> {
    pub fn from_page<S>(page: Page<S>, convert: impl FnMut(S) -> T) -> Self {
        let page = page.map(convert);
        Self {
            items: page.items,
            next_cursor: page.next_cursor,
            total: page.total,
        }
    }

    /// A list that is short by its nature and has one page.
    pub fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            next_cursor: None,
            total: None,
        }
    }
}
