//! Who wants to sign up, by the header of a mail, and who does not.

use mailer::inbound::signup::{Own, Unasked, read};
use proptest::prelude::*;

const OWN: Own<'_> = Own {
    bounce_domain: Some("bounce.example.jp"),
    cancel_mailbox: Some("cancel@example.co.jp"),
};

fn who(head: &str, sender: &str) -> Result<String, Unasked> {
    read(head.as_bytes(), sender, OWN).map(|request| request.from.key().to_owned())
}

#[test]
fn a_person_s_mail_names_whom_from_names_whatever_mail_from_says() {
    for (head, sender) in [
        ("From: taro@example.jp\n\n", "taro@example.jp"),
        (
            "From: =?UTF-8?B?5bGx55Sw?= <taro@example.jp>\nSubject: \n\nhello\n",
            "taro@example.jp",
        ),
        (
            "From: taro@example.jp\n\n",
            "SRS0=ab=cd=example.jp=taro@forward.example",
        ),
        (
            "From: taro@example.jp\n\n",
            "prvs=1234abcdef=taro@example.jp",
        ),
        (
            "From: \"Yamada, Taro\"\n\t<taro@example.jp>\nAuto-Submitted: no\n\n",
            "taro@example.jp",
        ),
        (
            "From: taro@example.jp\nSubject: Re: \u{4f11}\u{6687}\nPrecedence: first-class\n\n",
            "t@example.jp",
        ),
        (
            "From: taro@example.jp\nAuthentication-Results: mx; dmarc=pass\n\n",
            "t@example.jp",
        ),
    ] {
        assert_eq!(
            who(head, sender).as_deref(),
            Ok("taro@example.jp"),
            "{head:?}"
        );
        let wire = head.replace('\n', "\r\n");
        assert_eq!(
            who(&wire, sender).as_deref(),
            Ok("taro@example.jp"),
            "{wire:?}"
        );
    }
    let carrier = "From: a..b.@docomo.ne.jp\nMessage-ID: <x@docomo.ne.jp>\n\n";
    let request = read(carrier.as_bytes(), "a..b.@docomo.ne.jp", OWN).unwrap();
    assert_eq!(request.from.wire(), "\"a..b.\"@docomo.ne.jp");
    assert_eq!(request.message_id, "<x@docomo.ne.jp>");
}

#[test]
fn programs_lists_and_ourselves_are_never_answered() {
    let taro = "taro@example.jp";
    for (lines, sender, why) in [
        ("From: taro@example.jp", "", Unasked::NoSender),
        (
            "Return-Path: <>\nFrom: taro@example.jp",
            taro,
            Unasked::NoSender,
        ),
        (
            "From: taro@example.jp\nAuto-Submitted: auto-replied (vacation)",
            taro,
            Unasked::Automatic,
        ),
        (
            "From: taro@example.jp\nAuto-Submitted: Auto-Generated; x=y",
            taro,
            Unasked::Automatic,
        ),
        (
            "From: taro@example.jp\nPrecedence: Bulk",
            taro,
            Unasked::Automatic,
        ),
        (
            "From: taro@example.jp\nPrecedence: auto_reply",
            taro,
            Unasked::Automatic,
        ),
        (
            "From: taro@example.jp\nX-Auto-Response-Suppress: All",
            taro,
            Unasked::Automatic,
        ),
        (
            "From: taro@example.jp\nX-Autoreply: yes",
            taro,
            Unasked::Automatic,
        ),
        ("From: taro@example.jp\nX-Loop: a", taro, Unasked::Automatic),
        (
            "From: taro@example.jp\nContent-Type: multipart/report; boundary=b",
            taro,
            Unasked::Automatic,
        ),
        ("From: MAILER-DAEMON@example.jp", taro, Unasked::Automatic),
        (
            "From: taro@example.jp",
            "No-Reply@example.jp",
            Unasked::Automatic,
        ),
        (
            "From: taro@example.jp\nList-Id: <news.example.jp>",
            taro,
            Unasked::List,
        ),
        (
            "From: taro@example.jp\nList-Unsubscribe: <https://x>",
            taro,
            Unasked::List,
        ),
        ("From: taro@example.jp\nX-ML-Name: ml", taro, Unasked::List),
        (
            "From: taro@example.jp",
            "owner-ml@example.jp",
            Unasked::List,
        ),
        (
            "From: taro@example.jp",
            "ml-bounces@example.jp",
            Unasked::List,
        ),
        (
            "From: taro@example.jp",
            "bounce+123@esp.example",
            Unasked::List,
        ),
        ("From: taro@Bounce.example.jp", taro, Unasked::Ours),
        ("From: Cancel@example.co.jp", taro, Unasked::Ours),
        (
            "From: taro@example.jp\nFeedback-ID: a:b:transactional:kikubari",
            taro,
            Unasked::Ours,
        ),
        (
            "From: taro@example.jp\nAuthentication-Results: mx; spf=fail; dmarc=fail (p=reject)",
            taro,
            Unasked::Forged,
        ),
        ("Subject: x", taro, Unasked::NoAddress),
        (
            "From: taro@example.jp\nFrom: jiro@example.jp",
            taro,
            Unasked::NoAddress,
        ),
        (
            "From: taro@example.jp, jiro@example.jp",
            taro,
            Unasked::NoAddress,
        ),
        ("From: undisclosed-recipients:;", taro, Unasked::NoAddress),
        (
            "From: \u{592a}\u{90ce}@example.jp",
            taro,
            Unasked::NoAddress,
        ),
        ("From: taro@[192.0.2.1]", taro, Unasked::NoAddress),
        (
            "From: taro@example.jp\rBcc: x@example.jp",
            taro,
            Unasked::NoAddress,
        ),
        ("From: <taro@example.jp\0>", taro, Unasked::NoAddress),
    ] {
        assert_eq!(
            who(&format!("{lines}\n\nbody\n"), sender),
            Err(why),
            "{lines:?} {sender:?}"
        );
    }
}

#[test]
fn what_is_huge_is_read_soon_and_is_nobody() {
    let many = "X: y\n".repeat(20_000);
    for head in [
        format!("From: {} <taro@example.jp>\n\n", "x".repeat(2_000_000)),
        format!("From: {}taro@example.jp\n\n", "a@b.jp, ".repeat(200_000)),
        format!("From: {}\n\n", "(".repeat(900)),
        format!("From: {}\n\n", "\"".repeat(901)),
        format!("{many}From: taro@example.jp\n\n"),
        format!("From: taro@example.jp\n{many}\n\n"),
    ] {
        assert_eq!(who(&head, "t@example.jp"), Err(Unasked::NoAddress));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), sender in "\\PC{0,40}") {
        let _ = read(&bytes, &sender, OWN);
        let from = [b"From: ".as_slice(), &bytes, b"\r\n\r\n"].concat();
        if let Ok(request) = read(&from, &sender, OWN) {
            prop_assert!(!request.from.wire().contains(['\r', '\n', '\0']));
        }
    }
}
