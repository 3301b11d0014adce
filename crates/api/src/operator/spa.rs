//! The console's pages: a build of their own, which the tenants' host never serves.

use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::config::OperatorState;
use crate::error::problem;
use crate::openapi::Methods;
use crate::spa::{file_of, is_screen, serve, wrong_method};

/// Handles what no route took.
pub async fn fallback(
    request: HttpRequest,
    state: Data<OperatorState>,
    methods: Data<Methods>,
) -> HttpResponse {
    if let Some(refusal) = wrong_method(&request, &methods) {
        return refusal;
    }
    let path = request.path();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if let Some(root) = state.config.operator_spa_dir.as_deref().filter(|_| reads) {
        if let Some(file) = file_of(root, path) {
            return serve(&request, &file, path.starts_with("/assets/"));
        }
        if is_screen(path) {
            return serve(&request, &root.join("operator.html"), false);
        }
    }
    problem(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this path",
    )
    .into_response()
}
