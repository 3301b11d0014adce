//! Pages for people without log-in: plain HTML of the server, no script, no
//! cookie, a policy of their own.

use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::DomainError;
use domain::mail::content::Locale;
use minijinja::{Environment, context};

use crate::error::ApiError;

const JA: &str = include_str!("pages/ja.html");
const EN: &str = include_str!("pages/en.html");
const CSS: &str = include_str!("pages/page.css");

/// The one style sheet is named by its hash; nothing else is allowed.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(domain::secret::sha256(CSS.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// What a page says; the words are in `pages/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// The form to cancel.
    Ask,
    /// The form again: nothing was chosen.
    AskAgain,
    Cancelled,
    Restored,
    Test,
    /// The button to confirm a sign-up.
    Confirm,
    /// The button again: what it says has changed.
    ConfirmAgain,
    Confirmed,
    /// The link to confirm has run out.
    Expired,
    Preview,
    Missing,
    TooLate,
    TooOften,
    TooLarge,
    Failed,
}

impl Says {
    /// As `pages/` name it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::AskAgain => "ask_again",
            Self::Cancelled => "cancelled",
            Self::Restored => "restored",
            Self::Test => "test",
            Self::Confirm => "confirm",
            Self::ConfirmAgain => "confirm_again",
            Self::Confirmed => "confirmed",
            Self::Expired => "expired",
            Self::Preview => "preview",
            Self::Missing => "missing",
            Self::TooLate => "too_late",
            Self::TooOften => "too_often",
            Self::TooLarge => "too_large",
            Self::Failed => "failed",
        }
    }
}

/// What stands in a page about one person's mails.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) company: String,
    pub(super) address: String,
    pub(super) has_lists: bool,
    pub(super) all: bool,
    pub(super) can_restore: bool,
    /// What a person agrees to, and its version.
    pub(super) wording: String,
    pub(super) version: i32,
}

/// A page.
pub(super) fn page(status: StatusCode, locale: Locale, says: Says, about: &About) -> HttpResponse {
    let (name, source) = match locale {
        Locale::Ja => ("ja.html", JA),
        Locale::En => ("en.html", EN),
    };
    let values = context! {
        says => says.as_str(),
        company => about.company.as_str(),
        address => about.address.as_str(),
        has_lists => about.has_lists,
        all => about.all,
        can_restore => about.can_restore,
        wording => about.wording.as_str(),
        version => about.version,
        css => CSS,
    };
    let html = match Environment::new().render_named_str(name, source, values) {
        Ok(html) => html,
        Err(error) => return ApiError::from(DomainError::internal(error)).error_response(),
    };
    HttpResponseBuilder::new(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((HeaderName::from_static("x-robots-tag"), "noindex, nofollow"))
        .body(html)
}

/// A failure, said calmly.
pub(super) fn failure(request: &HttpRequest, error: &ApiError) -> HttpResponse {
    let says = match error {
        ApiError::Domain(DomainError::NotFound { .. }) => Says::Missing,
        ApiError::Domain(DomainError::Conflict { .. }) => Says::TooLate,
        ApiError::Domain(DomainError::TooManyRequests { .. }) => Says::TooOften,
        ApiError::Domain(DomainError::TooLarge { .. }) => Says::TooLarge,
        _ => Says::Failed,
    };
    // Logs what is ours to mend, and knows Retry-After.
    let answer = error.error_response();
    let mut shown = page(answer.status(), language(request), says, &About::default());
    if let Some(after) = answer.headers().get(header::RETRY_AFTER) {
        shown
            .headers_mut()
            .insert(header::RETRY_AFTER, after.clone());
    }
    shown
}

/// Of somebody whose mail we don't know: Japanese unless the browser asks for English first.
fn language(request: &HttpRequest) -> Locale {
    let wanted = request
        .headers()
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    if wanted.trim_start().to_ascii_lowercase().starts_with("en") {
        Locale::En
    } else {
        Locale::Ja
    }
}

/// As [`language`], for pages without an error.
pub(super) fn preview(request: &HttpRequest) -> HttpResponse {
    page(
        StatusCode::OK,
        language(request),
        Says::Preview,
        &About::default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn every_page_has_words_in_both_languages_and_values_are_escaped() {
        let about = About {
            company: "<script>alert(1)</script> & Co".to_owned(),
            address: "ta…@example.jp".to_owned(),
            wording: "<script>alert(2)</script>".to_owned(),
            has_lists: true,
            ..About::default()
        };
        let all = [
            Says::Ask,
            Says::AskAgain,
            Says::Cancelled,
            Says::Restored,
            Says::Test,
            Says::Confirm,
            Says::ConfirmAgain,
            Says::Confirmed,
            Says::Expired,
            Says::Preview,
            Says::Missing,
            Says::TooLate,
            Says::TooOften,
            Says::TooLarge,
            Says::Failed,
        ];
        let mut seen = std::collections::BTreeSet::new();
        for says in all {
            for locale in [Locale::Ja, Locale::En] {
                let answer = page(StatusCode::OK, locale, says, &about);
                let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
                let html = String::from_utf8(body.to_vec()).unwrap();
                assert!(!html.contains("<script"), "{says:?}");
                assert!(html.contains("<h1>") && html.contains(CSS), "{says:?}");
                seen.insert(html);
            }
        }
        assert_eq!(seen.len(), all.len() * 2, "each says something of its own");
    }
}
