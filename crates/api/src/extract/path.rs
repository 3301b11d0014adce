//! Ids in paths: one that is no UUID names nothing, so the answer is 404.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::DomainError;
use uuid::Uuid;

use crate::error::ApiError;

/// The `{id}` of a path, as the id type of its noun.
#[derive(Debug, Clone, Copy)]
pub struct Id<T>(pub T);

impl<T: From<Uuid>> FromRequest for Id<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request
            .match_info()
            .get("id")
            .and_then(|text| text.parse::<Uuid>().ok());
        ready(
            id.map(|id| Self(id.into()))
                .ok_or_else(|| DomainError::not_found("resource").into()),
        )
    }
}
