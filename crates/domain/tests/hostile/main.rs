//! What others send is read without a panic, in bounded time and memory:
//! files, mails that people write, JSON, and whatever claims to be a token.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::api_token::secret::parse_client_id;
use domain::campaign::audience::Audience;
use domain::contact::import::detect::Detector;
use domain::contact::import::parse::{MAX_COLUMNS, MAX_ROW, Parser};
use domain::contact::import::{Delimiter, Encoding};
use domain::contact::{ContactFilter, EmailAddress};
use domain::contact_field::{ContactField, FieldType};
use domain::delivery::return_path::ReturnPath;
use domain::delivery::token::DeliveryToken;
use domain::ids::ContactFieldId;
use domain::mail::content::{Content, TextMode};
use domain::mail::render::{
    BlockSource, CompiledMail, Installation, Legal, Links, Recipient, Surroundings,
};
use domain::page::Cursor;
use domain::secret::Keys;
use domain::session::token::{AccessTokens, OpaqueToken};
use domain::signup::token::SignupToken;
use domain::testing::hostile;

fn corpus(name: &str) -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.join("tests/hostile/corpus").join(name)
}

fn noon() -> DateTime<Utc> {
    "2026-11-27T03:00:00Z".parse().unwrap()
}

#[test]
fn any_file_is_detected_and_read_row_by_row() {
    let words: [&[u8]; 8] = [
        b"email,name\r\n",
        b"\"",
        b"\"\"",
        b",",
        "山田".as_bytes(),
        b"\x8e\x52\x93\x63",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
    ];
    hostile("csv", &corpus("csv"), &words, |file| {
        let mut detector = Detector::default();
        for piece in file.chunks(1000) {
            detector.feed(piece);
        }
        if let Ok(found) = detector.finish() {
            // The head's; a row of more is refused by itself when it is read.
            assert!(
                found
                    .rows
                    .first()
                    .is_none_or(|row| row.len() <= MAX_COLUMNS)
            );
        }
        // As one of the ways to read it, another one for each length.
        let encoding = Encoding::ALL[file.len() % Encoding::ALL.len()];
        let delimiter = Delimiter::ALL[file.len() / 7 % Delimiter::ALL.len()];
        read(file, encoding, delimiter.byte());
    });
}

/// In pieces, which cut characters and rows where they like.
fn read(file: &[u8], encoding: Encoding, delimiter: u8) {
    let mut parser = Parser::new(encoding, delimiter);
    let mut line = 0;
    let mut sink = |row: domain::contact::import::parse::Record| {
        // Rows of too many columns come out and are refused one by one.
        assert_eq!(row.cells().count(), row.len());
        assert!(row.size() <= 2 * MAX_ROW && row.line >= line);
        line = row.line;
    };
    let mut pieces = file.chunks(777).peekable();
    while let Some(piece) = pieces.next() {
        let is_last = pieces.peek().is_none();
        if parser.push(piece, is_last, &mut sink).is_err() {
            break;
        }
    }
}

fn around() -> Surroundings {
    let block = BlockSource {
        text: "{{ block(\"circle\") }}".into(),
        html: "<p>{{ block(\"circle\") }}".into(),
    };
    Surroundings {
        blocks: BTreeMap::from([("circle".to_owned(), block)]),
        fields: ["points", "birthday", "shop_url", "tags"]
            .map(str::to_owned)
            .into(),
        legal: Legal::default(),
        time_zone: chrono_tz::Asia::Tokyo,
        now: noon(),
        installation: Installation {
            public_url: "https://mail.example.jp".into(),
            keys: Arc::new(Keys::from_master(&[7; 32]).unwrap()),
        },
    }
}

#[test]
fn any_template_is_refused_or_rendered() {
    let around = around();
    let words: [&[u8]; 12] = [
        b"{{ name }}",
        b"{{ name | sama }}",
        b"{% for x in range(99999) %}",
        b"{% endfor %}",
        b"{% if points > 1 %}",
        b"{% endif %}",
        b"{{ block(\"circle\") }}",
        b" * 99999999",
        b" | date('%Y')",
        b"<a href=\"{{ shop_url }}\">",
        b"<!--",
        b"kkbtag0x",
    ];
    hostile("template", &corpus("template"), &words, |bytes| {
        let source = String::from_utf8_lossy(bytes).into_owned();
        let recipient = Recipient {
            email: "taro@example.jp".into(),
            name: source.chars().take(200).collect(),
            fields: serde_json::json!({ "points": 1e300, "birthday": source, "shop_url": source, "tags": [source] }),
        };
        for text_mode in [TextMode::Auto, TextMode::Manual] {
            let content = Content {
                subject: source.chars().take(998).collect(),
                preheader: source.clone(),
                html: source.clone(),
                text: source.clone(),
                text_mode,
                ..Content::default()
            };
            let Ok(mail) = CompiledMail::compile(&content, &around) else {
                continue;
            };
            if let Ok(rendered) = mail.render(&recipient, Links::Direct) {
                assert!(!rendered.subject.contains(['\r', '\n']));
            }
        }
    });
}

fn field(kind: FieldType) -> ContactField {
    ContactField {
        id: ContactFieldId::new(),
        key: "x".into(),
        label: "x".into(),
        kind,
        required: false,
        unique: false,
        default_value: None,
        choices: vec!["a".into(), "b".into()],
        position: 0,
        version: 1,
        created_at: noon(),
    }
}

#[test]
fn any_json_is_a_condition_and_a_value_or_is_refused() {
    let fields: Vec<ContactField> = FieldType::ALL.iter().map(|&kind| field(kind)).collect();
    let words: [&[u8]; 9] = [
        b"[",
        b"{\"a\":",
        b"\"list_ids\":",
        b"\"all\":true",
        b"null",
        b"1e999",
        b"-0",
        b"\"\\ud800\"",
        b"\"2026-11-27T03:00:00Z\"",
    ];
    hostile("json", &corpus("json"), &words, |bytes| {
        drop(serde_json::from_slice::<Audience>(bytes));
        drop(serde_json::from_slice::<ContactFilter>(bytes));
        if let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) {
            for field in &fields {
                drop(field.parse_json(&value));
            }
        }
        let text = String::from_utf8_lossy(bytes);
        for field in &fields {
            drop(field.parse_text(&text, chrono_tz::Asia::Tokyo));
        }
        if let Ok(address) = EmailAddress::parse(&text) {
            assert!(!address.wire().contains(['\r', '\n']));
        }
    });
}

#[test]
fn nothing_made_up_is_a_token() {
    let keys = Keys::from_master(&[7; 32]).unwrap();
    let tokens = AccessTokens::new(&keys).unwrap();
    let words: [&[u8]; 5] = [b"ey", b".", b"eyJhbGciOiJub25lIn0", b"AAAA", b"="];
    hostile("token", &corpus("token"), &words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        assert!(tokens.check(&text, noon()).is_err());
        assert_eq!(DeliveryToken::decode(&keys, &text), None);
        assert_eq!(SignupToken::decode(&keys, &text), None);
        assert_eq!(ReturnPath::decode(&keys, &text), None);
        // These are only taken apart here, and looked up by their hash.
        let _looked_up = (OpaqueToken::decode(&text), parse_client_id(&text));
        drop(Cursor::decode(&text, "created_at"));
    });
}
