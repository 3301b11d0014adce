//! From what happened to a mail in the person's language. Values are text, in
//! the HTML part too: a company called `<script>` is called just that.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use secrecy::ExposeSecret;
use unicode_normalization::UnicodeNormalization as _;

use super::{Due, Kind, words};
use crate::error::holds_address;

/// A mail as a person reads it.
#[derive(Debug)]
pub struct Letter {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Renders a mail; `public_url` begins its link.
#[must_use]
pub fn render(mail: &Due, public_url: &str) -> Letter {
    let english = mail.locale == "en";
    let words = words::of(mail.kind, english);
    let values = values(mail, english);
    let fill = |text: &str| fill(text, &values);
    let link = link(mail, public_url);
    let before = std::iter::once(words::greeting(english)).chain(words.paragraphs.iter().copied());
    let before: Vec<String> = before.map(fill).collect();
    let after = words.after.iter().copied();
    let after: Vec<String> = after.map(fill).collect();
    let signature = words::signature(english);

    let mut parts = before.clone();
    parts.extend(link.clone());
    parts.extend(after.iter().cloned());
    let text = format!(
        "{}\n\n-- \n{signature}\n{public_url}/\n",
        parts.join("\n\n")
    );

    let paragraph = |html: &mut String, text: &str| {
        let _ = write!(html, "<p>{}</p>", html_escape::encode_safe(text));
    };
    let lang = if english { "en" } else { "ja" };
    let mut html = format!(
        "<!DOCTYPE html><html lang=\"{lang}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"></head>\
         <body style=\"margin:0;padding:24px;background:#f5f6f8;color:#1f2933;font-family:sans-serif;font-size:15px;line-height:1.7\">\
         <div style=\"max-width:560px;margin:0 auto;padding:24px;background:#fff;border:1px solid #dde1e6;border-radius:6px\">"
    );
    for part in &before {
        paragraph(&mut html, part);
    }
    if let (Some(link), Some(button)) = (&link, words.button) {
        let link = html_escape::encode_safe(link);
        let _ = write!(
            html,
            "<p style=\"margin:24px 0\"><a href=\"{link}\" style=\"display:inline-block;padding:10px 20px;background:#0b6b5d;color:#fff;text-decoration:none;border-radius:4px\">{}</a></p>\
             <p style=\"font-size:13px;word-break:break-all\">{link}</p>",
            html_escape::encode_safe(button)
        );
    }
    for part in &after {
        paragraph(&mut html, part);
    }
    let _ = write!(
        html,
        "</div><p style=\"max-width:560px;margin:16px auto 0;font-size:12px;color:#52606d\">{}</p></body></html>",
        html_escape::encode_safe(signature)
    );
    Letter {
        subject: fill(words.subject),
        text,
        html,
    }
}

/// The token stands behind the hash sign: no server, log or referrer sees it.
fn link(mail: &Due, public_url: &str) -> Option<String> {
    let page = match mail.kind {
        Kind::PasswordReset => "reset",
        Kind::Invitation => "invitation",
        Kind::PasswordChanged
        | Kind::NewDevice
        | Kind::PasswordExpires
        | Kind::FactorAdded
        | Kind::FactorRemoved
        | Kind::FactorsReset
        | Kind::RecoveryCodesMade
        | Kind::ApiTokenEnds
        | Kind::ComplaintsHigh
        | Kind::ComplaintsHeld
        | Kind::SenderDomainLost => return None,
    };
    let token = mail.secret.as_ref()?;
    Some(format!("{public_url}/{page}#{}", token.expose_secret()))
}

fn values(mail: &Due, english: bool) -> Vec<(&'static str, String)> {
    let param = |name: &str| mail.params[name].as_str().unwrap_or_default();
    let zone: Tz = param("time_zone").parse().unwrap_or(chrono_tz::Asia::Tokyo);
    let time = |name: &str| {
        param(name)
            .parse::<DateTime<Utc>>()
            .map(|at| {
                let at = at.with_timezone(&zone);
                let form = if english {
                    "%Y-%m-%d %H:%M (%Z)"
                } else {
                    "%Y年%-m月%-d日 %H:%M"
                };
                at.format(form).to_string()
            })
            .unwrap_or_default()
    };
    let or_dash = |text: &str| {
        if text.is_empty() {
            "–".to_owned()
        } else {
            text.to_owned()
        }
    };
    vec![
        ("{name}", plain(&mail.display_name)),
        ("{company}", plain(&mail.tenant_name)),
        ("{login_id}", one_line(param("login_id"))),
        ("{until}", time("expires_at")),
        ("{at}", time("at")),
        ("{ip}", or_dash(param("ip"))),
        ("{user_agent}", or_dash(&plain(param("user_agent")))),
        (
            "{factor}",
            words::factor(param("method"), &plain(param("factor_name")), english),
        ),
        ("{by}", words::by(param("by"), english).to_owned()),
        ("{token}", plain(param("token_name"))),
        ("{complaints}", one_line(param("complaints"))),
        ("{mails}", one_line(param("mails"))),
        ("{rate}", one_line(param("rate"))),
        ("{domain}", plain(param("domain"))),
        (
            "{records}",
            words::records(&mail.params["records"], english),
        ),
    ]
}

/// Each value once: what a value holds is never filled in again.
fn fill(text: &str, values: &[(&'static str, String)]) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        match values.iter().find(|(name, _)| tail.starts_with(name)) {
            Some((name, value)) => {
                out.push_str(value);
                rest = &tail[name.len()..];
            }
            None => {
                out.push('{');
                rest = &tail[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// As [`one_line`], and no mail program makes a link of it: a mail of ours
/// leads to us alone. New names with an address are refused; this is for those
/// from before, and for what a browser calls itself.
fn plain(text: &str) -> String {
    if !holds_address(text) {
        return one_line(text);
    }
    let apart: String = text.nfkc().collect();
    let mut apart = apart.replace("://", " ");
    while let Some(at) = apart.to_ascii_lowercase().find("www.") {
        apart.replace_range(at..at + 4, "www ");
    }
    one_line(&apart)
}

/// A subject is one line, whatever a company calls itself.
fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            ' '
        } else {
            c
        }
    });
    plain.take(200).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;
    use crate::ids::{SystemMailId, TenantId};

    fn due(kind: Kind, locale: &str) -> Due {
        Due {
            id: SystemMailId::new(),
            tenant: TenantId::new(),
            attempts: 1,
            kind,
            address: "taro@example.jp".into(),
            locale: locale.into(),
            display_name: "<b>太郎</b> {ip}".into(),
            tenant_name: "A&B\r\nBcc: x@example.jp".into(),
            params: json!({
                "login_id": "taro", "expires_at": "2026-11-27T01:05:00Z", "at": "2026-11-27T01:00:00Z",
                "time_zone": "Asia/Tokyo", "ip": "203.0.113.9", "user_agent": "<script>"
            }),
            secret: Some(SecretString::from("tok_en-1")),
            give_up_at: "2026-11-28T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn every_mail_has_words_in_both_languages_and_no_gap_is_left() {
        for &kind in Kind::ALL {
            for locale in ["ja", "en"] {
                let letter = render(&due(kind, locale), "https://mail.example.jp");
                for text in [&letter.subject, &letter.text] {
                    let gaps = text.replace("{ip}", "");
                    assert!(!gaps.contains('{'), "{kind:?} {locale}: {text}");
                }
                assert!(!letter.subject.chars().any(char::is_control));
                assert!(!letter.html.contains("<script>") && !letter.html.contains("<b>"));
            }
        }
    }

    #[test]
    fn no_name_is_a_link_in_a_mail_of_ours() {
        for (name, left) in [
            (
                "当選しました https://evil.example/ 株式会社",
                "当選しました https evil.example/ 株式会社",
            ),
            ("WWW.evil.example", "www evil.example"),
            ("ｈｔｔｐｓ：／／evil.example", "https evil.example"),
            ("ｗｗｗ．evil.example", "www evil.example"),
            ("ホームページ製作所", "ホームページ製作所"),
        ] {
            let mail = Due {
                display_name: name.into(),
                tenant_name: name.into(),
                ..due(Kind::Invitation, "ja")
            };
            let letter = render(&mail, "https://mail.example.jp");
            for text in [&letter.subject, &letter.text] {
                assert!(text.contains(left), "{name}: {text}");
                let links = text.matches("://").count();
                let ours = text.matches("https://mail.example.jp").count();
                assert_eq!(links, ours, "{name}: {text}");
            }
        }
    }

    #[test]
    fn a_value_is_text_and_is_not_filled_in_again() {
        let letter = render(&due(Kind::PasswordChanged, "ja"), "https://mail.example.jp");
        assert!(
            letter.text.starts_with("<b>太郎</b> {ip} 様"),
            "{}",
            letter.text
        );
        assert!(letter.text.contains("2026年11月27日 10:00"));
    }

    #[test]
    fn a_factor_is_named_and_its_name_is_text() {
        let mut mail = due(Kind::FactorAdded, "ja");
        mail.params["method"] = json!("passkey");
        mail.params["factor_name"] = json!("会社の\nPC {ip}");
        let letter = render(&mail, "https://mail.example.jp");
        assert!(
            letter.text.contains("パスキー「会社の PC {ip}」"),
            "{}",
            letter.text
        );
        mail.params["method"] = json!("totp");
        mail.locale = "en".into();
        let letter = render(&mail, "https://mail.example.jp");
        assert!(letter.text.contains("authenticator app"), "{}", letter.text);
    }

    #[test]
    fn the_token_of_a_link_stands_behind_the_hash_sign() {
        let letter = render(&due(Kind::PasswordReset, "ja"), "https://mail.example.jp");
        let link = "https://mail.example.jp/reset#tok_en-1";
        assert!(letter.text.contains(link), "{}", letter.text);
        assert!(letter.html.contains("reset#tok_en-1"));
        assert!(letter.text.contains("10:05"));
    }
}
