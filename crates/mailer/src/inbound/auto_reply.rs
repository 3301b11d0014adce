//! Automatic replies (RFC 3834): somebody is on holiday, the mail arrived.

use super::mime::Mime;

const SUBJECTS: &[&str] = &[
    "automatic reply",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "automatic response",
    "auto:",
    "out of office",
    "out of the office",
    "away from",
    "away until",
    "vacation",
    "on vacation",
    "自動返信",
    "自動応答",
    "自動送信",
    "不在",
    "休暇",
    "受付完了",
    "abwesenheit",
    "réponse automatique",
    "respuesta automática",
];

/// Whether a person's mail program answered. Reports say `auto-replied` too,
/// so whoever writes reports is no person.
pub(super) fn is(mime: &Mime) -> bool {
    if mime.is_from_a_mail_system() || mime.header("x-failed-recipients").is_some() {
        return false;
    }
    let subject = mime.subject.to_lowercase();
    SUBJECTS.iter().any(|begin| subject.contains(begin)) || says_so(mime)
}

/// Whether its headers say that a program answers.
pub(super) fn says_so(mime: &Mime) -> bool {
    let says = |name: &str, words: &[&str]| {
        mime.header(name)
            .map(str::to_ascii_lowercase)
            .is_some_and(|value| words.iter().any(|word| value.contains(word)))
    };
    says("auto-submitted", &["auto-replied"])
        || says("precedence", &["auto_reply", "auto-reply"])
        || says("x-auto-response-suppress", &["oof"])
        || ["x-autoreply", "x-autorespond", "x-autoresponder"]
            .iter()
            .any(|name| mime.header(name).is_some())
}
