//! Stored files as downloads.

use actix_web::HttpResponse;
use actix_web::http::header::{
    Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue,
};
use domain::file::{self, StoredFile};
use futures_util::TryStreamExt;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::extract::Caller;
use crate::state::AppState;

/// The bytes of a file, as a body.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct FileBytes(pub Vec<u8>);

/// Streams a file, under its name: in full for today's browsers (RFC 6266,
/// RFC 8187), and in ASCII for the rest.
pub fn attachment(state: &AppState, user: &Caller, file: &StoredFile) -> HttpResponse {
    let plain: String = file
        .name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._- ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![
            DispositionParam::Filename(plain),
            DispositionParam::FilenameExt(ExtendedValue {
                charset: Charset::Ext("UTF-8".to_owned()),
                language_tag: None,
                value: file.name.clone().into_bytes(),
            }),
        ],
    };
    let bytes = file::read(state.db.clone(), user.tenant_id, file.id)
        .map_err(|error| actix_web::Error::from(ApiError::from(error)));
    HttpResponse::Ok()
        .content_type(file.content_type.as_str())
        .insert_header(disposition)
        .streaming(bytes)
}
