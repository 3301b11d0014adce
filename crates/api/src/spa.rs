//! The built SPA, and the answers for what no route took: the page itself for
//! a browser that asks for a screen, 405 for a wrong method, 404 otherwise.

use std::path::{Path, PathBuf};

use actix_files::NamedFile;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::error::problem;
use crate::openapi::Methods;
use crate::state::AppState;

/// Prefixes under which a path is never a screen of the SPA.
const NOT_SCREENS: [&str; 7] = ["/v1", "/p", "/t", "/health", "/metrics", "/docs", "/assets"];

/// Handles what no route took.
pub async fn fallback(
    request: HttpRequest,
    state: Data<AppState>,
    methods: Data<Methods>,
) -> HttpResponse {
    let path = request.path();
    if let Some(refusal) = wrong_method(&request, &methods) {
        return refusal;
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if let Some(root) = state.config.spa_dir.as_deref().filter(|_| reads) {
        if let Some(file) = file_of(root, path) {
            return serve(&request, &file, path.starts_with("/assets/"));
        }
        if is_screen(path) {
            return serve(&request, &root.join("index.html"), false);
        }
    }
    problem(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this path",
    )
    .into_response()
}

/// 405 with the methods that there are, for a path of the document.
pub(crate) fn wrong_method(request: &HttpRequest, methods: &Methods) -> Option<HttpResponse> {
    let allowed = methods.of(request.path());
    if !allowed.is_empty() {
        let allow = allowed.join(", ");
        let detail = format!(
            "{} is not among the methods of this path: {allow}",
            request.method()
        );
        let mut response =
            problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response();
        if let Ok(value) = HeaderValue::from_str(&allow) {
            response.headers_mut().insert(header::ALLOW, value);
        }
        return Some(response);
    }
    None
}

/// A file of the SPA, of plain names only: no way up, no hidden files, no
/// source maps.
pub(crate) fn file_of(root: &Path, path: &str) -> Option<PathBuf> {
    let name = path.strip_prefix('/')?;
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    if name.ends_with(".map") || !name.split('/').all(plain) {
        return None;
    }
    let file = root.join(name);
    file.is_file().then_some(file)
}

/// A path of plain letters without a file ending (or the tilde of a backup), outside our own prefixes.
pub(crate) fn is_screen(path: &str) -> bool {
    let is_under = |prefix: &str| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let last = path.rsplit('/').next().unwrap_or("");
    !NOT_SCREENS.into_iter().any(is_under)
        && !last.contains('.')
        && !path.contains(['%', '\\', '~'])
        && !path.contains("/.")
}

pub(crate) fn serve(request: &HttpRequest, file: &Path, is_hashed: bool) -> HttpResponse {
    let Ok(named) = NamedFile::open(file) else {
        return problem(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing at this path",
        )
        .into_response();
    };
    let mut response = named
        .prefer_utf8(true)
        .use_last_modified(true)
        .disable_content_disposition()
        .into_response(request);
    let cache = if is_hashed {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}
