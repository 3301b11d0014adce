//! Forms of the public pages: url-encoded and multipart alike, as RFC 8058 §3.2
//! asks for, small, and tolerant of fields that mail programs add.

use actix_multipart::Multipart;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{self, Bytes};
use domain::DomainError;
use futures_util::{TryStreamExt, stream};

use crate::error::ApiError;
use crate::extract::collect;

/// Most bytes of a form, with names, headers and boundaries.
const MAX_FORM: usize = 16 * 1024;
/// Most fields of a multipart form.
const MAX_FIELDS: usize = 20;

/// The fields of a form, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The first value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|(n, _)| n == name);
        named.next().map(|(_, value)| value.as_str())
    }
}

/// Reads the body; a request without one has no fields.
///
/// # Errors
/// 413 over the limit, 415 for another media type, 400 for what can't be read.
pub(super) async fn read(request: &HttpRequest, payload: Payload) -> Result<Fields, ApiError> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let essence = content_type.split(';').next().unwrap_or("").trim();
    let unsupported =
        ApiError::UnsupportedMediaType("application/x-www-form-urlencoded or multipart/form-data");
    match essence.to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => url_encoded(&collect(payload, MAX_FORM).await?),
        "multipart/form-data" => multipart(request, payload).await,
        "" => {
            let body = collect(payload, MAX_FORM).await?;
            if body.is_empty() {
                Ok(Fields::default())
            } else {
                Err(unsupported)
            }
        }
        _ => Err(unsupported),
    }
}

fn url_encoded(body: &[u8]) -> Result<Fields, ApiError> {
    let malformed = || ApiError::Malformed("the form can't be read".to_owned());
    let text = std::str::from_utf8(body).map_err(|_| malformed())?;
    let query = web::Query::<Vec<(String, String)>>::from_query(text).map_err(|_| malformed())?;
    Ok(Fields(query.into_inner()))
}

/// Who sends it is nobody's: it is taken in whole before it is looked at, so
/// that parts without content, long names and long headers count as well.
async fn multipart(request: &HttpRequest, payload: Payload) -> Result<Fields, ApiError> {
    let malformed = |e: actix_multipart::MultipartError| {
        ApiError::Malformed(format!("the form can't be read: {e}"))
    };
    let body = Bytes::from(collect(payload, MAX_FORM).await?);
    let mut form = Multipart::new(request.headers(), stream::iter([Ok(body)]));
    let mut fields = Fields::default();
    while let Some(mut field) = form.try_next().await.map_err(malformed)? {
        if fields.0.len() == MAX_FIELDS {
            let detail = format!("the form has more than {MAX_FIELDS} fields");
            return Err(DomainError::TooLarge { detail }.into());
        }
        let name = field.name().unwrap_or_default().to_owned();
        let mut value = Vec::new();
        while let Some(chunk) = field.try_next().await.map_err(malformed)? {
            value.extend_from_slice(&chunk);
        }
        let value = String::from_utf8_lossy(&value).trim().to_owned();
        fields.0.push((name, value));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn read_as(content_type: &str, body: &str) -> Result<Fields, ApiError> {
        let (request, mut payload) = TestRequest::post()
            .insert_header(("Content-Type", content_type))
            .set_payload(body.to_owned())
            .to_http_parts();
        read(&request, payload.take()).await
    }

    #[actix_web::test]
    async fn a_form_is_read_in_both_kinds() {
        let encoded = read_as(
            "application/x-www-form-urlencoded; charset=utf-8",
            "List-Unsubscribe=One-Click&x=%E5%A4%9A+%E3%81%84",
        )
        .await
        .unwrap();
        assert_eq!(encoded.get("List-Unsubscribe"), Some("One-Click"));
        assert_eq!(encoded.get("x"), Some("多 い"));
        let body = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
        let parts = read_as("multipart/form-data; boundary=b", body)
            .await
            .unwrap();
        assert_eq!(parts.get("List-Unsubscribe"), Some("One-Click"));
    }

    #[actix_web::test]
    async fn what_is_no_form_is_told() {
        let big = format!("a={}", "x".repeat(MAX_FORM));
        assert!(matches!(
            read_as("application/x-www-form-urlencoded", &big).await,
            Err(ApiError::Domain(DomainError::TooLarge { .. }))
        ));
        assert!(matches!(
            read_as("application/json", "{}").await,
            Err(ApiError::UnsupportedMediaType(_))
        ));
        assert!(matches!(
            read_as("multipart/form-data", "--b").await,
            Err(ApiError::Malformed(_))
        ));
        let endless = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end";
        assert!(
            read_as("multipart/form-data; boundary=b", endless)
                .await
                .is_err()
        );
    }

    #[actix_web::test]
    async fn a_multipart_form_is_bounded_in_all_that_it_is_made_of() {
        let part = |name: &str, more: &str, value: &str| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n{more}\r\n{value}\r\n"
            )
        };
        let long = "x".repeat(MAX_FORM);
        for (what, parts) in [
            ("parts without content", part("a", "", "").repeat(10_000)),
            ("fields", part("a", "", "").repeat(MAX_FIELDS + 1)),
            ("a name", part(&long, "", "")),
            ("a header", part("a", &format!("X-A: {long}\r\n"), "")),
            ("a value", part("a", "", &long)),
        ] {
            let form = format!("{parts}--b--\r\n");
            assert!(
                matches!(
                    read_as("multipart/form-data; boundary=b", &form).await,
                    Err(ApiError::Domain(DomainError::TooLarge { .. }))
                ),
                "{what}"
            );
        }
        let most = format!("{}--b--\r\n", part("a", "", "1").repeat(MAX_FIELDS));
        let most = read_as("multipart/form-data; boundary=b", &most).await;
        assert_eq!(most.unwrap().0.len(), MAX_FIELDS);
    }
}
