//! Each fixture is a report as some system writes it, and what it says.

use mailer::inbound::read;

/// Address, action, status, kind, reason of each recipient.
fn said(raw: &[u8]) -> String {
    let findings = read(raw);
    let lines = findings.iter().map(|finding| {
        let action = serde_json::to_value(finding.action).unwrap();
        format!(
            "{} {} {} {} {}",
            finding.address.as_deref().unwrap_or("-"),
            action.as_str().unwrap(),
            finding.status.map_or("-".to_owned(), |s| s.to_string()),
            finding.kind.as_str(),
            finding.reason.as_str()
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// With CRLF for each LF.
fn over_the_wire(raw: &[u8]) -> Vec<u8> {
    let lines = raw.split(|byte| *byte == b'\n');
    lines.collect::<Vec<_>>().join(b"\r\n".as_slice())
}

macro_rules! reports {
    ($($name:ident: $file:literal => $($said:literal)+;)+) => {$(
        #[test]
        fn $name() {
            let raw = include_bytes!(concat!("fixtures/", $file));
            let expected = [$($said),+].join("\n");
            assert_eq!(said(raw), expected);
            assert_eq!(said(&over_the_wire(raw)), expected);
        }
    )+};
}

reports! {
    a_report_of_several_recipients_says_of_each_what_became_of_it: "dsn-several.eml" =>
        "nobody@example.jp failed 5.1.1 hard user_unknown"
        "full@example.jp failed 5.2.2 soft mailbox_full"
        "later@example.jp delayed 4.4.1 none delayed"
        "fine@example.jp relayed 2.0.0 none delivered";
    fields_without_blank_lines_and_with_xtext_and_literals_are_read: "dsn-broken.eml" =>
        "a+b@example.jp failed 5.1.1 hard user_unknown"
        "post@[IPv6:2001:db8::25] failed 4.4.7 soft expired";
    a_report_within_a_forwarded_mail_is_found: "dsn-nested.eml" =>
        "hanako@example.jp failed 5.1.1 hard user_unknown";
    a_report_in_utf_8_names_an_address_in_japanese: "dsn-global.eml" =>
        "太郎@例え.jp failed 5.1.1 hard user_unknown";
    a_refusal_by_policy_is_never_hard: "dsn-policy.eml" =>
        "taro@example.jp failed 5.7.26 soft authentication";
    a_server_that_has_5_7_1_for_everything_is_taken_at_its_plain_word: "dsn-policy-unknown.eml" =>
        "gone@example.jp failed 5.0.0 hard user_unknown"
        "there@example.jp failed 5.0.0 soft policy";
    a_notification_of_ses_whose_lines_were_broken_on_the_way_is_read: "ses-broken-lines.eml" =>
        "taro@example.jp failed 5.1.1 hard user_unknown";
    fields_in_the_text_of_a_mail_are_read: "dsn-in-text.eml" =>
        "taro@example.jp failed 5.1.1 hard user_unknown";
    words_in_iso_2022_jp_are_read: "words-iso-2022-jp.eml" =>
        "taro@example.jp failed 5.1.1 hard user_unknown";
    words_in_shift_jis_without_a_charset_are_read: "words-shift-jis.eml" =>
        "taro@example.jp failed 5.2.2 soft mailbox_full";
    qmail_is_read: "words-qmail.eml" =>
        "first@example.jp failed 5.1.1 hard user_unknown"
        "second@example.com failed 4.4.1 soft network";
    exim_is_read: "words-exim.eml" =>
        "taro@example.jp failed 5.1.1 hard user_unknown";
    exchange_without_a_report_is_read: "words-exchange.eml" =>
        "taro@example.jp failed 5.1.10 hard user_unknown";
    gmail_of_old_is_read: "words-gmail.eml" =>
        "taro@example.jp failed 4.4.1 soft network";
    a_carrier_s_words_are_read: "words-carrier.eml" =>
        "taro@ezweb.ne.jp failed 5.1.1 hard user_unknown";
    a_warning_that_it_is_tried_again_is_no_bounce: "words-delay.eml" =>
        "taro@example.jp delayed 4.0.0 none delayed";
    a_complaint_names_whom_the_mail_was_for: "arf-abuse.eml" =>
        "taro@example.jp complaint - none complaint";
    a_report_of_authentication_is_nobody_s_complaint: "arf-auth.eml" =>
        "taro@example.jp none - none auth_report";
    an_automatic_reply_is_no_bounce: "auto-reply.eml" =>
        "taro@example.jp none - none auto_reply";
    an_automatic_reply_that_exchange_sends_is_no_bounce: "auto-reply-oof.eml" =>
        "hanako@example.jp none - none auto_reply";
    a_person_s_answer_is_no_report: "person.eml" =>
        "- none - none other";
}
