//! The mail on the wire: headers, encodings, signature.

use domain::delivery::return_path::ReturnPath;
use mail_auth::common::verify::DomainKey;
use mailer::config::MailerConfig;

use crate::support::sink::Mail;
use crate::support::{Action, Counts, Fixture, Sink, addresses};

async fn one_mail(change: &str, config: &MailerConfig) -> (Fixture, Mail) {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    fixture.campaign(&addresses(1)).await;
    fixture.database.execute_as_owner(change).await;
    fixture.mailer_with(config).drain().await.unwrap();
    let mail = sink.mails().pop().expect("one mail");
    (fixture, mail)
}

fn config() -> MailerConfig {
    MailerConfig {
        public_url: "https://mail.example.jp".into(),
        ..MailerConfig::default()
    }
}

#[tokio::test]
async fn a_mail_has_exactly_the_headers_that_receivers_ask_for() {
    let (fixture, mail) = one_mail("", &config()).await;
    for once in [
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Id",
        "Feedback-ID",
    ] {
        assert_eq!(mail.headers(once).len(), 1, "{once} in\n{}", mail.text());
    }
    let header = |name: &str| mail.headers(name).pop().unwrap();
    assert_eq!(
        header("List-Unsubscribe-Post"),
        "List-Unsubscribe=One-Click"
    );
    assert!(
        header("List-Unsubscribe").starts_with("<https://mail.example.jp/p/cancel/"),
        "{}",
        header("List-Unsubscribe")
    );
    assert!(header("Message-ID").ends_with("@example.co.jp>"));
    assert!(header("List-Id").ends_with(".example.co.jp>"));
    assert!(header("Content-Type").starts_with("multipart/alternative"));
    assert_eq!(header("To"), "person00000@example.jp");
    assert_eq!(mail.headers("DKIM-Signature").len(), 2);
    assert_eq!(mail.headers("X-Kikubari-Test").len(), 0);
    assert_eq!(mail.from, "info@example.co.jp");
    let stored = header("Message-ID").trim_matches(['<', '>']).to_owned();
    assert_eq!(fixture.rows(&format!("message_id = '{stored}'")).await, 1);
    let text = mail.text();
    assert!(text.is_ascii());
    assert!(text.lines().all(|line| line.len() <= 998));
    assert!(
        !text.replace("\r\n", "").contains(['\r', '\n']),
        "CRLF only"
    );
}

#[tokio::test]
async fn japanese_survives_subject_sender_and_both_parts() {
    let (_fixture, mail) = one_mail("", &config()).await;
    let parsed = mail_parser::MessageParser::default()
        .parse(&mail.content)
        .unwrap();
    assert_eq!(parsed.subject().unwrap(), "人1 様へ①髙﨑のお知らせ");
    assert_eq!(
        parsed.from().unwrap().first().unwrap().name().unwrap(),
        "気配り商店"
    );
    assert_eq!(
        parsed.body_text(0).unwrap().trim(),
        "人1 様\r\n〜新商品〜 ｶﾅ 😀\r\nhttps://example.jp/"
    );
    assert!(parsed.body_html(0).unwrap().contains("<p>人1 様</p>"));
}

#[tokio::test]
async fn both_signatures_verify_and_cover_the_one_click_headers() {
    use mail_auth::common::parse::TxtRecordParser;
    use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator};
    let (fixture, mail) = one_mail("", &config()).await;
    let signed = AuthenticatedMessage::parse(&mail.content).unwrap();
    let caches = dns::Caches::new();
    for key in &fixture.domain.keys {
        let name = domain::sender_domain::dkim::record_name(&key.selector, "example.co.jp");
        let value =
            domain::sender_domain::dkim::record_value(key.algorithm().unwrap(), &key.public_key);
        caches.add(&name, DomainKey::parse(value.as_bytes()).unwrap());
    }
    let resolver = MessageAuthenticator::new_cloudflare().unwrap();
    let results = resolver.verify_dkim(caches.ask(&signed)).await;
    assert_eq!(results.len(), 2);
    for result in &results {
        assert_eq!(result.result(), &DkimResult::Pass, "{result:?}");
        let covered: Vec<String> = result
            .signature()
            .unwrap()
            .h
            .iter()
            .map(|h| h.to_ascii_lowercase())
            .collect();
        for name in [
            "list-unsubscribe",
            "list-unsubscribe-post",
            "subject",
            "to",
            "date",
            "message-id",
        ] {
            assert!(covered.contains(&name.to_owned()), "{name} in {covered:?}");
        }
        assert_eq!(
            covered.iter().filter(|h| *h == "from").count(),
            2,
            "From is over-signed"
        );
    }
    let forged = String::from_utf8(mail.content.clone()).unwrap().replacen(
        "To: person00000",
        "To: person00001",
        1,
    );
    let forged = AuthenticatedMessage::parse(forged.as_bytes()).unwrap();
    let results = resolver.verify_dkim(caches.ask(&forged)).await;
    assert!(
        results.iter().all(|r| r.result() != &DkimResult::Pass),
        "a changed header breaks both"
    );
}

#[tokio::test]
async fn a_route_that_signs_itself_gets_the_mail_unsigned() {
    let (_fixture, mail) = one_mail("UPDATE route SET sign = false", &config()).await;
    assert_eq!(mail.headers("DKIM-Signature").len(), 0);
}

#[tokio::test]
async fn bounces_come_back_to_a_signed_address_of_the_bounce_domain() {
    let config = MailerConfig {
        bounce_domain: Some("bounce.example.co.jp".into()),
        cancel_mailbox: Some("cancel@example.co.jp".into()),
        ..config()
    };
    let (fixture, mail) = one_mail("", &config).await;
    let (local, domain) = mail.from.split_once('@').unwrap();
    assert_eq!(domain, "bounce.example.co.jp");
    let path = ReturnPath::decode(&fixture.keys, local).expect("our own");
    assert_eq!(path.tenant, fixture.tenant);
    assert_eq!(fixture.rows(&format!("id = '{}'", path.delivery)).await, 1);
    let unsubscribe = mail.headers("List-Unsubscribe").pop().unwrap();
    assert!(
        unsubscribe.contains(">, <mailto:cancel@example.co.jp?subject="),
        "{unsubscribe}"
    );
}

#[tokio::test]
async fn a_carriers_irregular_address_goes_out_quoted() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture
        .campaign(&["a..b@docomo.ne.jp".into(), "ab.@ezweb.ne.jp".into()])
        .await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 2,
            ..Counts::default()
        }
    );
    let taken: Vec<String> = sink.taken().into_keys().collect();
    assert_eq!(taken, ["\"a..b\"@docomo.ne.jp", "\"ab.\"@ezweb.ne.jp"]);
    assert_eq!(
        fixture.rows("address = 'a..b@docomo.ne.jp'").await,
        1,
        "kept as given"
    );
    let to = sink.mails()[0].headers("To").pop().unwrap();
    assert!(taken.contains(&to), "{to}");
}

#[tokio::test]
async fn a_name_that_would_add_a_header_fails_the_one_mail_and_sends_nothing() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(3)).await;
    fixture
        .database
        .execute_as_owner("UPDATE contact SET name = E'x\\r\\nBcc: victim@example.jp' WHERE email = 'person00001@example.jp'")
        .await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 2,
            failed: 1,
            ..Counts::default()
        }
    );
    assert_eq!(
        fixture
            .rows("reason = 'not_composed' AND address = 'person00001@example.jp'")
            .await,
        1
    );
    assert!(
        sink.mails()
            .iter()
            .all(|mail| mail.headers("Bcc").is_empty())
    );
}

#[tokio::test]
async fn a_line_of_the_mail_that_is_a_dot_does_not_end_it() {
    let (_fixture, mail) = one_mail(
        "UPDATE mail_version SET html_part = '', text_part = E'first\\n.\\n..two\\nlast'",
        &config(),
    )
    .await;
    let body = mail.text().split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body.trim_end(), "first\r\n.\r\n..two\r\nlast");
}

#[tokio::test]
async fn a_test_send_is_marked_and_speaks_of_the_chosen_person() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(1)).await;
    let spoken_of = "SELECT id FROM contact LIMIT 1";
    fixture
        .database
        .execute_as_owner(&format!(
            "UPDATE campaign SET kind = 'test', audience = jsonb_build_object('as_contact', ({spoken_of}));
             UPDATE contact SET status = 'unsubscribed';
             UPDATE delivery SET contact_id = gen_random_uuid(), address = 'colleague@example.co.jp';"
        ))
        .await;
    fixture.mailer().drain().await.unwrap();
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            accepted: 1,
            ..Counts::default()
        }
    );
    let mail = sink.mails().pop().unwrap();
    assert_eq!(mail.to, "colleague@example.co.jp");
    let parsed = mail_parser::MessageParser::default()
        .parse(&mail.content)
        .unwrap();
    assert_eq!(
        parsed.subject().unwrap(),
        "【テスト】人1 様へ①髙﨑のお知らせ"
    );
    assert_eq!(mail.headers("X-Kikubari-Test"), ["yes"]);
}

/// DNS records that the verifier finds without asking anybody.
mod dns {
    use std::borrow::Borrow;
    use std::collections::HashMap;
    use std::hash::Hash;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    use mail_auth::common::verify::DomainKey;
    use mail_auth::{AuthenticatedMessage, MX, Parameters, RecordSet, ResolverCache, Txt};

    pub(crate) struct Cache<K, V>(Mutex<HashMap<K, V>>);

    impl<K: Hash + Eq, V: Clone> ResolverCache<K, V> for Cache<K, V> {
        fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
        where
            K: Borrow<Q>,
        {
            self.0.lock().unwrap().get(key).cloned()
        }

        fn remove<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
        where
            K: Borrow<Q>,
        {
            self.0.lock().unwrap().remove(key)
        }

        fn insert(&self, key: K, value: V, _: Instant) {
            self.0.lock().unwrap().insert(key, value);
        }
    }

    type Names<V> = Cache<Box<str>, V>;
    type Question<'a> = Parameters<
        'a,
        &'a AuthenticatedMessage<'a>,
        Names<Txt>,
        Names<RecordSet<MX>>,
        Names<RecordSet<Ipv4Addr>>,
        Names<RecordSet<Ipv6Addr>>,
        Cache<IpAddr, RecordSet<Box<str>>>,
    >;

    pub(crate) struct Caches(Names<Txt>);

    impl Caches {
        pub(crate) fn new() -> Self {
            Self(Cache(Mutex::default()))
        }

        pub(crate) fn add(&self, name: &str, key: DomainKey) {
            let record = Txt::DomainKey(Arc::new(key));
            self.0
                .insert(format!("{name}.").into_boxed_str(), record, Instant::now());
        }

        pub(crate) fn ask<'a>(&'a self, message: &'a AuthenticatedMessage<'a>) -> Question<'a> {
            Parameters {
                params: message,
                cache_txt: Some(&self.0),
                cache_mx: None,
                cache_ptr: None,
                cache_ipv4: None,
                cache_ipv6: None,
            }
        }
    }
}
