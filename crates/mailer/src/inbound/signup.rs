//! A mail to a sign-up address: who wrote it, and whether a person did. Its
//! body is nobody's business. What is not clearly one person's wish is not
//! answered (RFC 3834 §2), so that no loop can begin here.

use domain::contact::EmailAddress;
use domain::signup::receive::Request;

use super::mime::Mime;
use super::{auto_reply, mailbox};

/// Bytes of a mail that are looked at: its header is in them, or it is no mail of a person.
const MAX_HEAD: usize = 64 * 1024;
/// Headers of a mail that are looked at.
const MAX_HEADERS: usize = 200;

/// Headers that mailing lists and newsletters have (RFC 2369, RFC 2919, fml).
const LISTS: [&str; 9] = [
    "list-id",
    "list-post",
    "list-help",
    "list-owner",
    "list-unsubscribe",
    "mailing-list",
    "x-mailing-list",
    "x-ml-name",
    "x-mlserver",
];
/// Local parts of programs (RFC 3834 §2, RFC 2142).
const PROGRAMS: [&str; 11] = [
    "mailer-daemon",
    "mail-daemon",
    "postmaster",
    "noreply",
    "no-reply",
    "no_reply",
    "donotreply",
    "nobody",
    "root",
    "listserv",
    "majordomo",
];

/// Why a mail is no wish to sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unasked {
    /// MAIL FROM is empty: a report or an automatic reply.
    NoSender,
    /// A program wrote it.
    Automatic,
    /// It came over a mailing list, or is a newsletter.
    List,
    /// This service sent it.
    Ours,
    /// The relay says that From is forged.
    Forged,
    /// From names nobody, several, or somebody who can't be written to.
    NoAddress,
}

impl Unasked {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSender => "no_sender",
            Self::Automatic => "automatic",
            Self::List => "list",
            Self::Ours => "ours",
            Self::Forged => "forged",
            Self::NoAddress => "no_address",
        }
    }
}

/// Addresses that are this service's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Own<'a> {
    pub bounce_domain: Option<&'a str>,
    pub cancel_mailbox: Option<&'a str>,
}

/// Reads who wants to sign up. `sender` is what MAIL FROM said.
///
/// # Errors
/// Why it is nobody.
pub fn read(raw: &[u8], sender: &str, own: Own<'_>) -> Result<Request, Unasked> {
    let mime = Mime::head(&raw[..raw.len().min(MAX_HEAD)]);
    if sender.trim().is_empty() || mime.has_no_sender() {
        return Err(Unasked::NoSender);
    }
    let mut from = mime.all("from");
    let (Some(only), None) = (from.next(), from.next()) else {
        return Err(Unasked::NoAddress);
    };
    if mime.count() >= MAX_HEADERS {
        return Err(Unasked::NoAddress);
    }
    let from = mailbox::only(only).ok_or(Unasked::NoAddress)?;
    if is_ours(&mime, &from, own) {
        return Err(Unasked::Ours);
    }
    if LISTS.iter().any(|name| mime.header(name).is_some()) || is_list(sender) {
        return Err(Unasked::List);
    }
    if is_automatic(&mime) || is_program(sender) || is_program(from.key()) {
        return Err(Unasked::Automatic);
    }
    if is_forged(&mime) {
        return Err(Unasked::Forged);
    }
    Ok(Request {
        from,
        message_id: mime.header("message-id").unwrap_or_default().to_owned(),
    })
}

fn is_ours(mime: &Mime, from: &EmailAddress, own: Own<'_>) -> bool {
    let is =
        |own: Option<&str>, given: &str| own.is_some_and(|own| own.eq_ignore_ascii_case(given));
    is(own.bounce_domain, from.domain())
        || is(own.cancel_mailbox, from.key())
        || mime
            .all("feedback-id")
            .any(|id| id.trim().ends_with(":kikubari"))
}

fn is_automatic(mime: &Mime) -> bool {
    let word = |name| {
        mime.header(name)
            .map(|value| value.trim().to_ascii_lowercase())
    };
    let submitted = word("auto-submitted");
    let submitted = submitted
        .as_deref()
        .map(|value| value.split(';').next().unwrap_or("").trim());
    let precedence = word("precedence").unwrap_or_default();
    let content = word("content-type").unwrap_or_default();
    submitted.is_some_and(|value| value != "no")
        || ["bulk", "junk", "list"].contains(&precedence.as_str())
        || content.starts_with("multipart/report")
        || content.starts_with("message/")
        || ["x-auto-response-suppress", "x-failed-recipients", "x-loop"]
            .iter()
            .any(|name| mime.header(name).is_some())
        || auto_reply::says_so(mime)
}

fn local_of(address: &str) -> String {
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    local.trim_matches('"').to_ascii_lowercase()
}

fn is_program(address: &str) -> bool {
    PROGRAMS.contains(&local_of(address).as_str())
}

/// What list servers and newsletters have in MAIL FROM.
fn is_list(sender: &str) -> bool {
    let local = local_of(sender);
    ["owner-", "bounce", "return-"]
        .iter()
        .any(|begin| local.starts_with(begin))
        || [
            "-owner", "-request", "-bounces", "-bounce", "-admin", "+bounces",
        ]
        .iter()
        .any(|end| local.ends_with(end))
}

/// The relay's word (RFC 8601). Somebody who forges this header only keeps
/// their own mail from being answered.
fn is_forged(mime: &Mime) -> bool {
    mime.all("authentication-results")
        .any(|value| value.to_ascii_lowercase().contains("dmarc=fail"))
}
