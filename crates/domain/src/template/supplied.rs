//! Templates that come with the product. Each carries the items that
//! 特定電子メール法 asks for, so that a mail made from it passes pre-flight.

use crate::mail::content::{Content, Locale, TextMode};

/// The template that the demo's first mail is made from.
pub const FIRST_MAIL: &str = "ja_newsletter";

/// A supplied template.
pub(super) struct Supplied {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    subject: &'static str,
    preheader: &'static str,
    /// Goes into the frame of its language; empty for a plain text mail.
    html: &'static str,
    text: &'static str,
    locale: Locale,
}

impl Supplied {
    pub(super) fn content(&self) -> Content {
        let frame = match self.locale {
            Locale::Ja => include_str!("supplied/frame_ja.html"),
            Locale::En => include_str!("supplied/frame_en.html"),
        };
        let html = if self.html.is_empty() {
            String::new()
        } else {
            frame.replace("<!-- content -->\n", self.html)
        };
        Content {
            subject: self.subject.to_owned(),
            preheader: self.preheader.to_owned(),
            text: self.text.to_owned(),
            text_mode: if html.is_empty() {
                TextMode::Manual
            } else {
                TextMode::Auto
            },
            html,
            locale: self.locale,
            ..Content::default()
        }
    }
}

pub(super) const ALL: [Supplied; 10] = [
    Supplied {
        key: "ja_newsletter",
        name: "ニュースレター",
        description: "見出し・本文・ボタンのある定期配信用。宛名は「○○ 様」、お名前がない方には「お客様」と入ります。",
        subject: "【{{ company_name }}】{{ name | sama }}へ 今月のお知らせ",
        preheader: "今月のおすすめと新着情報をお届けします。",
        html: include_str!("supplied/ja_newsletter.html"),
        text: "",
        locale: Locale::Ja,
    },
    Supplied {
        key: "ja_notice",
        name: "重要なお知らせ",
        description: "休業日・規約変更・メンテナンスなどの連絡用。日時と影響を表にまとめます。",
        subject: "【重要】サービスメンテナンスのお知らせ",
        preheader: "下記の日時にメンテナンスを実施いたします。",
        html: include_str!("supplied/ja_notice.html"),
        text: "",
        locale: Locale::Ja,
    },
    Supplied {
        key: "ja_invitation",
        name: "イベント・セミナーのご案内",
        description: "日時・会場・お申し込みボタンのある案内状。",
        subject: "{{ name | sama }}【ご招待】新製品セミナーのご案内",
        preheader: "会場とオンラインの同時開催です。参加費は無料です。",
        html: include_str!("supplied/ja_invitation.html"),
        text: "",
        locale: Locale::Ja,
    },
    Supplied {
        key: "ja_plain",
        name: "テキストメール",
        description: "装飾のない文章だけのメール。取引先への連絡や、個別のお便りのような配信に。",
        subject: "{{ name | sama }} いつもありがとうございます",
        preheader: "",
        html: "",
        text: include_str!("supplied/ja_plain.txt"),
        locale: Locale::Ja,
    },
    Supplied {
        key: "ja_signup",
        name: "空メール登録の確認",
        description: "空メール登録への返信用。登録を確定するためのリンク（{{ confirm_url }}）が入っています。",
        subject: "【{{ company_name }}】メール配信の登録を確定してください",
        preheader: "",
        html: "",
        text: include_str!("supplied/ja_signup.txt"),
        locale: Locale::Ja,
    },
    Supplied {
        key: "en_newsletter",
        name: "Newsletter",
        description: "Headline, story and button for a regular mailing.",
        subject: "News from {{ company_name }} for {{ name | default(\"you\") }}",
        preheader: "What is new this month.",
        html: include_str!("supplied/en_newsletter.html"),
        text: "",
        locale: Locale::En,
    },
    Supplied {
        key: "en_notice",
        name: "Important notice",
        description: "Holidays, changes of terms, maintenance: when, what, and what to do.",
        subject: "Scheduled maintenance of our service",
        preheader: "Our service will be unavailable for a short time.",
        html: include_str!("supplied/en_notice.html"),
        text: "",
        locale: Locale::En,
    },
    Supplied {
        key: "en_invitation",
        name: "Invitation",
        description: "An event with date, place and a button to sign up.",
        subject: "{{ name | default(\"Hello\") }}, you are invited",
        preheader: "Join us on site or online, free of charge.",
        html: include_str!("supplied/en_invitation.html"),
        text: "",
        locale: Locale::En,
    },
    Supplied {
        key: "en_plain",
        name: "Plain text",
        description: "Words only, like a personal note.",
        subject: "A note from {{ company_name }}",
        preheader: "",
        html: "",
        text: include_str!("supplied/en_plain.txt"),
        locale: Locale::En,
    },
    Supplied {
        key: "en_signup",
        name: "Confirmation of an empty-mail sign-up",
        description: "The answer to a mail to a sign-up address, with the link to confirm ({{ confirm_url }}).",
        subject: "{{ company_name }}: please confirm your sign-up",
        preheader: "",
        html: "",
        text: include_str!("supplied/en_signup.txt"),
        locale: Locale::En,
    },
];
