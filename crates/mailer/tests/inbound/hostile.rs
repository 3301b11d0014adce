//! Whatever comes, it is read: without a panic, in bounded time.

use std::path::PathBuf;
use std::time::Duration;

use domain::testing::{hostile, processor_time};
use mailer::inbound::read;
use mailer::inbound::signup::{self, Own};
use proptest::prelude::*;

/// Far more than it takes, and far less than what grows with the square.
const LONG: Duration = Duration::from_secs(20);

fn reads_soon(raw: &[u8]) {
    let begun = processor_time();
    let findings = read(raw);
    assert!(!findings.is_empty() && findings.len() <= 100);
    assert!(findings.iter().all(|f| f.text.chars().count() <= 1000));
    let took = processor_time() - begun;
    assert!(took < LONG, "{took:?}");
}

#[test]
fn mails_nested_ten_thousand_deep_do_not_exhaust_the_stack() {
    let mails = "Content-Type: message/rfc822\n\n".repeat(10_000);
    reads_soon(mails.as_bytes());
    let mut parts = String::from("From: MAILER-DAEMON@example.jp\n");
    for i in 0..10_000 {
        parts += &format!("Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n");
    }
    reads_soon(parts.as_bytes());
    let digest = "Content-Type: multipart/digest; boundary=b\n\n--b\n\n".repeat(10_000);
    reads_soon(digest.as_bytes());
}

#[test]
fn megabytes_of_one_thing_are_read_soon() {
    let of = |text: &str| text.repeat(2_000_000 / text.len());
    let report = "From: MAILER-DAEMON@example.jp\nContent-Type: message/delivery-status\n\n";
    let words = "From: MAILER-DAEMON@example.jp\nSubject: failure notice\n\n";
    for raw in [
        of("a"),
        of("X: y\n"),
        of("\n"),
        format!("X: {}\n\nbody", of("a")),
        format!("To: {}\n\nbody", of("a@b.jp, ")),
        format!("Content-Type: multipart/mixed; boundary={}\n\n", of("a")),
        format!(
            "{report}{}",
            of("Final-Recipient: rfc822; a@b.jp\nAction: failed\n")
        ),
        format!("{report}Diagnostic-Code: {}", of("smtp\n ")),
        format!("{words}{}", of("@")),
        format!("{words}{}", of("<a@b.jp>: 550 5.1.1 no\n")),
        format!("{words}{}", of("\"")),
        format!("{words}{}", of("\"@")),
        format!("{words}{}", of("5.")),
        format!("{words}{}", of("あ@")),
    ] {
        reads_soon(raw.as_bytes());
    }
}

#[test]
fn what_is_kept_has_no_control_characters() {
    let raw = b"From: MAILER-DAEMON@x.jp\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.jp\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 \x00\x1b[31m<script>\x07\n";
    let text = &read(raw)[0].text;
    assert!(text.contains("<script>"), "{text}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

#[test]
fn whatever_comes_of_a_report_is_read() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/inbound/fixtures");
    let words: [&[u8]; 12] = [
        b"From: MAILER-DAEMON@example.jp\n",
        b"Content-Type: multipart/report; boundary=b\n\n--b\n",
        b"Content-Type: message/delivery-status\n\n",
        b"Content-Type: message/rfc822\n\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b"=?iso-2022-jp?B?",
        b"Final-Recipient: rfc822; a@b.jp\nAction: failed\nStatus: 5.1.1\n",
        b"<a@b.jp>: 550 5.1.1 no such user\n",
        b"\x1b$B%(%i!<\x1b(B",
        b"\r\n\r\n",
        b"=\r\n",
    ];
    let own = Own {
        bounce_domain: Some("bounce.example.jp"),
        cancel_mailbox: Some("cancel@example.co.jp"),
    };
    hostile("mime", &corpus, &words, |raw| {
        let findings = read(raw);
        assert!(!findings.is_empty() && findings.len() <= 100);
        for finding in &findings {
            assert!(finding.text.chars().count() <= 1000);
            assert!(!finding.text.chars().any(char::is_control));
        }
        if let Ok(request) = signup::read(raw, "taro@example.jp", own) {
            assert!(!request.from.wire().contains(['\r', '\n']));
        }
    });
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"From: MAILER-DAEMON@example.jp\n".to_vec()),
        Just(b"Content-Type: multipart/report; boundary=b\n".to_vec()),
        Just(b"Content-Type: message/delivery-status\n".to_vec()),
        Just(b"Content-Type: message/feedback-report\n".to_vec()),
        Just(b"Content-Type: message/rfc822\n".to_vec()),
        Just(b"Content-Type: text/plain; charset=iso-2022-jp\n".to_vec()),
        Just(b"Content-Transfer-Encoding: base64\n".to_vec()),
        Just(b"Content-Transfer-Encoding: quoted-printable\n".to_vec()),
        Just(b"--b\n".to_vec()),
        Just(b"--b--\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"Final-Recipient: rfc822; ".to_vec()),
        Just(b"Action: failed\n".to_vec()),
        Just(b"Status: 5.1.1\n".to_vec()),
        Just(b"<a@b.jp>: 550 5.1.1 no such user\n".to_vec()),
        Just("宛先不明 太郎@例え.jp\n".as_bytes().to_vec()),
        Just(b"\x1b$B%(%i!<\x1b(B".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read(raw in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(!read(&raw).is_empty());
    }

    #[test]
    fn any_order_of_the_pieces_of_a_report_is_read(raw in pieces()) {
        prop_assert!(!read(&raw).is_empty());
    }
}
