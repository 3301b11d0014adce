//! What 特定電子メール法 (article 4, and the ministry's guideline) asks to stand
//! in each mail: who sends, where they are, whom to ask, and how to refuse.

use std::cell::Cell;

use lol_html::{RewriteStrSettings, element, rewrite_str};

use super::{Check, Level};
use crate::mail::render::{Legal, Rendered};

/// Words that tell a reader that they can refuse.
const REFUSAL: [&str; 12] = [
    "配信停止",
    "配信の停止",
    "配信解除",
    "登録解除",
    "購読解除",
    "購読中止",
    "受信拒否",
    "停止を希望",
    "unsubscribe",
    "opt out",
    "opt-out",
    "stop receiving",
];

/// Checks a mail that was filled in for somebody; both parts have to carry
/// the refusal, since a reader sees one of them only.
pub(super) fn check(mail: &Rendered, legal: &Legal, cancel_url: &str, checks: &mut Vec<Check>) {
    let parts = parts(mail);
    for (code, value) in [
        ("legal_sender_name", &legal.sender_name),
        ("legal_postal_address", &legal.postal_address),
        ("legal_contact", &legal.contact),
    ] {
        if value.trim().is_empty() {
            checks.push(Check::new(code, Level::Block, "settings"));
            continue;
        }
        let missing = missing(&parts, |part| squeeze(part).contains(&squeeze(value)));
        checks.push(Check::block_unless(code, missing.is_empty(), &missing));
    }
    let no_words = missing(&parts, |part| {
        let part = part.to_lowercase();
        REFUSAL.iter().any(|word| part.contains(word))
    });
    checks.push(Check::block_unless(
        "legal_refusal_text",
        no_words.is_empty(),
        &no_words,
    ));
    let has_link = |name: &str| match name {
        "html" => mail
            .html
            .as_deref()
            .is_some_and(|html| links_to(html, cancel_url)),
        _ => mail.text.contains(cancel_url),
    };
    let no_link: Vec<&str> = parts
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !has_link(name))
        .collect();
    checks.push(Check::block_unless(
        "legal_refusal_link",
        no_link.is_empty(),
        &no_link.join(", "),
    ));
}

/// The parts that a reader may see, as readable text.
fn parts(mail: &Rendered) -> Vec<(&'static str, String)> {
    let mut parts = vec![("text", mail.text.clone())];
    if let Some(html) = &mail.html {
        parts.push(("html", crate::mail::render::readable(html)));
    }
    parts
}

fn missing(parts: &[(&'static str, String)], has: impl Fn(&str) -> bool) -> String {
    parts
        .iter()
        .filter(|(_, text)| !has(text))
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Without white space: an address may be broken over lines.
fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn links_to(html: &str, url: &str) -> bool {
    let found = Cell::new(false);
    let settings = RewriteStrSettings::new()
        .append_element_content_handler(element!("a[href]", |el| {
            let href = el.get_attribute("href").unwrap_or_default();
            if html_escape::decode_html_entities(&href).trim() == url {
                found.set(true);
            }
            Ok(())
        }))
        .with_strict(false);
    drop(rewrite_str(html, settings));
    found.get()
}

/// Images that say nothing to who does not see them; `alt=""` is a decision.
pub(super) fn images_without_alt(html: &str) -> i64 {
    let count = Cell::new(0);
    let settings = RewriteStrSettings::new()
        .append_element_content_handler(element!("img", |el| {
            if el.get_attribute("alt").is_none() {
                count.set(count.get() + 1);
            }
            Ok(())
        }))
        .with_strict(false);
    drop(rewrite_str(html, settings));
    count.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://mail.example/p/cancel/x";

    fn legal() -> Legal {
        Legal {
            sender_name: "株式会社 気配り".to_owned(),
            postal_address: "東京都千代田区1-1".to_owned(),
            contact: "info@example.jp".to_owned(),
        }
    }

    fn mail(text: &str, html: &str) -> Rendered {
        Rendered {
            subject: "件名".to_owned(),
            sender_name: String::new(),
            reply_to: None,
            text: text.to_owned(),
            html: Some(html.to_owned()).filter(|html| !html.is_empty()),
            cancel_url: URL.to_owned(),
        }
    }

    fn blocked(mail: &Rendered, legal: &Legal) -> Vec<(&'static str, String)> {
        let mut checks = Vec::new();
        check(mail, legal, URL, &mut checks);
        assert_eq!(checks.len(), 5);
        checks
            .into_iter()
            .filter(|c| c.level == Level::Block)
            .map(|c| (c.code, c.detail))
            .collect()
    }

    const TEXT: &str = "株式会社 気配り\n東京都千代田区1-1\ninfo@example.jp\n配信停止はこちら\nhttps://mail.example/p/cancel/x\n";
    const HTML: &str = "<p>株式会社<br>気配り 東京都千代田区<b>1-1</b> info@example.jp</p>\
        <p>配信停止は<a href=\"https://mail.example/p/cancel/x\">こちら</a></p>";

    #[test]
    fn a_mail_with_all_items_in_both_parts_passes() {
        assert_eq!(blocked(&mail(TEXT, HTML), &legal()), []);
        assert_eq!(blocked(&mail(TEXT, ""), &legal()), []);
    }

    #[test]
    fn each_missing_item_blocks_and_names_its_part() {
        for (code, words) in [
            ("legal_sender_name", "気配り"),
            ("legal_postal_address", "1-1"),
            ("legal_contact", "info@example.jp"),
            ("legal_refusal_text", "配信停止"),
            ("legal_refusal_link", "https://mail.example/p/cancel/x"),
        ] {
            let only = |part: &str| vec![(code, part.to_owned())];
            assert_eq!(
                blocked(&mail(&TEXT.replace(words, ""), HTML), &legal()),
                only("text")
            );
            assert_eq!(
                blocked(&mail(TEXT, &HTML.replace(words, "")), &legal()),
                only("html")
            );
        }
    }

    #[test]
    fn settings_that_are_empty_block() {
        let found = blocked(&mail(TEXT, HTML), &Legal::default());
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|(_, detail)| detail == "settings"));
    }

    #[test]
    fn a_cancel_link_that_stands_as_text_only_is_no_link() {
        let html = HTML.replace(
            "<a href=\"https://mail.example/p/cancel/x\">こちら</a>",
            URL,
        );
        assert_eq!(
            blocked(&mail(TEXT, &html), &legal()),
            [("legal_refusal_link", "html".to_owned())]
        );
    }

    #[test]
    fn images_without_alternative_text_are_counted() {
        assert_eq!(
            images_without_alt("<img src=a><img src=b alt=''><img alt='花' src=c><IMG src=d>"),
            2
        );
    }
}
