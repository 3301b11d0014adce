use chrono::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::delivery::token::{DeliveryToken, Purpose};
use crate::mail::content::TextMode;

fn around() -> Surroundings {
    let block = |text: &str, html: &str| BlockSource {
        text: text.to_owned(),
        html: html.to_owned(),
    };
    Surroundings {
        blocks: BTreeMap::from([
            (
                "footer".to_owned(),
                block(
                    "-- \n{{ company_name }}",
                    "<p>{{ company_name }} <a href=\"https://f.example/\">f</a></p>",
                ),
            ),
            (
                "circle".to_owned(),
                block("{{ block(\"circle\") }}", "{{ block(\"circle\") }}"),
            ),
        ]),
        fields: ["points", "birthday", "shop_url", "tags", "vip"]
            .map(str::to_owned)
            .into(),
        legal: Legal {
            sender_name: "株式会社気配り".to_owned(),
            postal_address: "東京都千代田区1-1".to_owned(),
            contact: "info@kikubari.example".to_owned(),
        },
        time_zone: chrono_tz::Asia::Tokyo,
        now: chrono::Utc
            .with_ymd_and_hms(2026, 11, 22, 15, 30, 0)
            .unwrap(),
        installation: Installation {
            public_url: "https://mail.example".to_owned(),
            keys: Arc::new(Keys::from_master(&[7; 32]).unwrap()),
        },
    }
}

fn person(name: &str, fields: serde_json::Value) -> Recipient {
    Recipient {
        email: "taro@example.jp".to_owned(),
        name: name.to_owned(),
        fields,
    }
}

fn text_mail(text: &str) -> Content {
    Content {
        subject: "件名".to_owned(),
        text: text.to_owned(),
        text_mode: TextMode::Manual,
        ..Content::default()
    }
}

fn html_mail(html: &str) -> Content {
    Content {
        subject: "件名".to_owned(),
        html: html.to_owned(),
        ..Content::default()
    }
}

fn render(content: &Content, recipient: &Recipient) -> Rendered {
    CompiledMail::compile(content, &around())
        .unwrap()
        .render(recipient, Links::Direct)
        .unwrap()
}

fn text(template: &str, name: &str, fields: serde_json::Value) -> String {
    render(&text_mail(template), &person(name, fields)).text
}

fn signed() -> Links {
    Links::Signed {
        tenant: TenantId::new(),
        campaign: CampaignId::new(),
        period: NaiveDate::from_ymd_opt(2026, 11, 1).unwrap(),
        delivery: DeliveryId::new(),
    }
}

#[test]
fn fields_fallbacks_titles_dates_and_numbers_are_filled_in() {
    let fields =
        json!({ "points": 1_234_567, "birthday": "1990-04-01", "tags": ["花", "木"], "vip": true });
    for (template, expected) in [
        ("{{ name }}", "髙橋 太郎"),
        ("{{ email }}", "taro@example.jp"),
        ("{{ name | sama }}", "髙橋 太郎 様"),
        ("{{ name | default(\"お客様\") }}", "髙橋 太郎"),
        ("{{ points | number }}", "1,234,567"),
        ("{{ points | number(2) }}", "1,234,567.00"),
        ("{{ birthday | date }}", "1990年4月1日"),
        (
            "{{ birthday | date(\"%m/%d\") }}（{{ birthday | weekday }}）",
            "04/01（日）",
        ),
        ("{{ today | date }}", "2026年11月23日"),
        ("{{ tags }}", "花、木"),
        ("{% for t in tags %}[{{ t }}]{% endfor %}", "[花][木]"),
        ("{% if vip %}特別{% else %}一般{% endif %}", "特別"),
        (
            "{{ company_name }} {{ company_address }} {{ company_contact }}",
            "株式会社気配り 東京都千代田区1-1 info@kikubari.example",
        ),
        ("A{# 内緒 #}B", "AB"),
        ("{{ block(\"footer\") }}", "-- \n株式会社気配り"),
    ] {
        assert_eq!(
            text(template, "髙橋 太郎", fields.clone()),
            expected,
            "{template}"
        );
    }
    for (template, expected) in [
        ("{{ name | sama }}", "お客様"),
        ("{{ name | default(\"お客様\") }}", "お客様"),
        (
            "[{{ birthday | date }}{{ birthday | weekday }}{{ points | number }}]",
            "[]",
        ),
        ("[{{ shop_url }}{{ nobody_knows.this.at_all }}]", "[]"),
    ] {
        assert_eq!(
            text(template, " ", json!({ "birthday": null, "points": "" })),
            expected,
            "{template}"
        );
    }
    assert_eq!(
        text("{{ name | sama }}", "株式会社花 御中", json!({})),
        "株式会社花 御中"
    );
}

#[test]
fn what_stands_in_a_value_is_data_in_every_part() {
    let content = Content {
        subject: "{{ name }}".to_owned(),
        html: "<p title='{{ name }}'>{{ name }}</p>".to_owned(),
        text: "{{ name }}".to_owned(),
        text_mode: TextMode::Manual,
        ..Content::default()
    };
    for hostile in [
        "{{7*7}}",
        "{% for x in y %}",
        "<script>alert(1)</script>",
        "'\"><img src=x onerror=alert(1)>",
    ] {
        let mail = render(&content, &person(hostile, json!({})));
        assert_eq!(
            (mail.subject.as_str(), mail.text.as_str()),
            (hostile, hostile)
        );
        let html = mail.html.unwrap();
        assert!(
            !html.contains("<script") && !html.contains("<img src=x") && !html.contains("49"),
            "{html}"
        );
    }
}

#[test]
fn a_line_break_in_a_header_is_refused() {
    let content = Content {
        subject: "{{ name }}さん".to_owned(),
        text: "x".to_owned(),
        ..Content::default()
    };
    let mail = CompiledMail::compile(&content, &around()).unwrap();
    for name in [
        "a\r\nBcc: x@example.com",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u{2028}b",
    ] {
        let error = mail
            .render(&person(name, json!({})), Links::Direct)
            .unwrap_err();
        assert_eq!(
            (error.part, error.code),
            (Part::Subject, "line_break_in_header")
        );
    }
}

#[test]
fn links_are_numbered_signed_and_spliced_in() {
    let html = "<html><body><a href='https://shop.example/?a=1&amp;mail={{ email }}'>1</a>\
        <a HREF=\"{{ shop_url | default(\"https://d.example/\") }}\">2</a><a href='mailto:x@example.jp'>m</a>\
        <a href='{{ cancel_url }}'>配信停止</a>{{ block(&quot;footer&quot;) }}\
        {% for t in tags %}<a href='https://t.example/{{ t }}'>t</a>{% endfor %}</body></html>";
    let compiled = CompiledMail::compile(&html_mail(html), &around()).unwrap();
    assert_eq!(
        compiled.links(),
        [
            "https://shop.example/?a=1&mail={{ email }}",
            "{{ shop_url | default(\"https://d.example/\") }}",
            "https://f.example/"
        ]
    );
    let recipient = person(
        "髙橋",
        json!({ "shop_url": "javascript:alert(1)", "tags": ["花"] }),
    );
    let links = signed();
    let rendered = compiled.render(&recipient, links).unwrap();
    let html = rendered.html.unwrap();
    let tokens: Vec<&str> = html
        .split("https://mail.example/t/c/")
        .skip(1)
        .map(|rest| &rest[..94])
        .collect();
    let keys = Keys::from_master(&[7; 32]).unwrap();
    let Links::Signed {
        tenant,
        campaign,
        delivery,
        ..
    } = links
    else {
        unreachable!()
    };
    for (index, token) in tokens.iter().enumerate() {
        let token = DeliveryToken::decode(&keys, token).unwrap();
        assert_eq!((token.tenant, token.delivery), (tenant, delivery));
        assert_eq!(
            token.purpose,
            Purpose::Click {
                campaign,
                number: u16::try_from(index + 1).unwrap()
            }
        );
    }
    assert_eq!(tokens.len(), 3);
    assert!(
        html.contains("mailto:x@example.jp") && html.contains("https://t.example/花"),
        "{html}"
    );
    assert!(
        html.contains(&format!("href=\"{}\"", rendered.cancel_url))
            || html.contains(&format!("href='{}'", rendered.cancel_url))
    );
    assert!(
        html.contains("/t/o/") && html.trim_end().ends_with("</body></html>"),
        "{html}"
    );

    let direct = compiled
        .render(&recipient, Links::Direct)
        .unwrap()
        .html
        .unwrap();
    assert!(
        direct.contains("https://shop.example/?a=1&amp;mail=taro%40example.jp"),
        "{direct}"
    );
    assert!(
        !direct.contains("/t/") && !direct.contains("javascript"),
        "{direct}"
    );
}

#[test]
fn a_clicked_link_is_filled_in_and_nothing_but_the_web_is_opened() {
    let resolve = |target: &str, fields| {
        link::resolve(
            target,
            &person("山田 & 花子", fields),
            &around(),
            Locale::Ja,
        )
    };
    assert_eq!(
        resolve("https://a.example/日本?x=1", json!({})).unwrap(),
        "https://a.example/%E6%97%A5%E6%9C%AC?x=1"
    );
    assert_eq!(
        resolve(
            "https://a.example/?n={{ name }}&m={{ email | urlencode }}",
            json!({})
        )
        .unwrap(),
        "https://a.example/?n=%E5%B1%B1%E7%94%B0%20%26%20%E8%8A%B1%E5%AD%90&m=taro%40example.jp"
    );
    assert_eq!(
        resolve(
            "{{ shop_url }}",
            json!({ "shop_url": "https://b.example/?q=1&r=2" })
        )
        .unwrap(),
        "https://b.example/?q=1&r=2"
    );
    for bad in [
        "javascript:alert(1)",
        "//evil.example",
        "data:text/html,x",
        "",
        "ftp://x.example",
    ] {
        assert_eq!(
            resolve("{{ shop_url }}", json!({ "shop_url": bad })),
            None,
            "{bad}"
        );
        assert_eq!(resolve(bad, json!({})), None, "{bad}");
    }
}

#[test]
fn the_text_part_follows_the_html_and_is_never_empty() {
    let html = "<html><head><style>p{}</style></head><body><h1>お知らせ</h1><p>{{ name | sama }}</p>\
        <ul><li>一</li><li>二</li></ul><p><a href='https://a.example/?m={{ email }}'>詳しくは</a> <a href=\"https://b.example\">https://b.example</a></p>\
        {% if vip %}<p>特別 &amp; 秘密</p>{% endif %}<p><a href='{{ cancel_url }}'>配信停止</a></p></body></html>";
    let mail = render(&html_mail(html), &person("髙橋", json!({ "vip": true })));
    insta::assert_snapshot!(mail.text, @r"
    ■ お知らせ

    髙橋 様
    ・一
    ・二

    詳しくは ( https://a.example/?m=taro@example.jp ) https://b.example

    特別 & 秘密

    配信停止 ( https://mail.example/p/cancel/preview )
    ");
    let table = "<table>{% for t in tags %}<tr><td>{{ t }}</td></tr>{% endfor %}</table>";
    let mail = render(
        &html_mail(table),
        &person("", json!({ "tags": ["花", "木"] })),
    );
    assert_eq!(mail.text, "花\n木\n");
    let mail = render(
        &html_mail("<img src='https://a.example/x.png'>"),
        &person("", json!({})),
    );
    assert_eq!(mail.text, "件名\n\nhttps://mail.example/p/cancel/preview\n");
}

#[test]
fn the_sandbox_has_nothing_but_the_fields_and_a_budget() {
    for (template, code) in [
        ("{% include 'text' %}", "forbidden_tag"),
        ("{% import 'x' as y %}", "forbidden_tag"),
        ("{% extends 'x' %}", "forbidden_tag"),
        ("{% macro m() %}{% endmacro %}", "forbidden_tag"),
        ("{% raw %}x{% endraw %}", "forbidden_tag"),
        ("{{ block('nowhere') }}", "unknown_block"),
        ("{{ block('circle') }}", "block_depth"),
        ("{{ name", "template_syntax"),
        ("{% if name %}", "template_syntax"),
        ("{{ name | nofilter( }}", "template_syntax"),
    ] {
        let problems = CompiledMail::compile(&text_mail(template), &around()).unwrap_err();
        assert_eq!(
            (problems[0].code, problems[0].line),
            (code, Some(1)),
            "{template}"
        );
    }
    let compiled = CompiledMail::compile(
        &text_mail("{{ env }}{{ block(name) }}{{ nmae }}"),
        &around(),
    )
    .unwrap();
    assert_eq!(
        compiled.unknown_fields().iter().collect::<Vec<_>>(),
        ["env", "nmae"]
    );
    for bomb in [
        "{{ \"x\" * 1000000000 }}",
        "{% for a in \"0123456789\" * 9 %}{% for b in \"0123456789\" * 9 %}{% for c in \"0123456789\" * 9 %}{{ name }}{% endfor %}{% endfor %}{% endfor %}",
        "{{ name | safe }}",
        "{{ open('/etc/passwd') }}",
        "{{ name.__class__() }}",
        "{{ birthday | date('%!') }}",
        "{{ points | number(99) }}",
    ] {
        let recipient = person("x", json!({ "birthday": "2000-01-01", "points": 1 }));
        let error = CompiledMail::compile(&text_mail(bomb), &around())
            .map_err(|problems| problems[0].code)
            .and_then(|mail| {
                mail.render(&recipient, Links::Direct)
                    .map_err(|error| error.code)
            })
            .unwrap_err();
        assert!(
            matches!(error, "template" | "template_syntax"),
            "{bomb}: {error}"
        );
    }
}

#[test]
fn fields_that_would_leave_a_hole_are_named() {
    let template = "{{ name }} {{ points | default(0) }} {% if birthday %}{{ birthday | date }}{% endif %} {{ shop_url }}";
    let compiled = CompiledMail::compile(&text_mail(template), &around()).unwrap();
    assert_eq!(
        compiled.merge_fields().iter().collect::<Vec<_>>(),
        ["birthday", "name", "points", "shop_url"]
    );
    assert_eq!(
        compiled.unguarded_fields().iter().collect::<Vec<_>>(),
        ["name", "shop_url"]
    );
}

#[test]
fn the_preheader_is_escaped_and_comes_first() {
    let content = Content {
        preheader: "<b>{{ name }}".to_owned(),
        ..html_mail("<body class=x><p>y</p></body>")
    };
    let html = render(&content, &person("<i>", json!({}))).html.unwrap();
    assert!(
        html.starts_with("<body class=x><div style=\"display:none"),
        "{html}"
    );
    assert!(html.contains("&lt;b&gt;&lt;i&gt;</div><p>y"), "{html}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is written in a mail, and whatever stands in a value.
    #[test]
    fn rendering_never_panics(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("{{ "), Just(" }}"), Just("{% "), Just(" %}"), Just("{# "), Just(" #}"), Just("name"), Just("birthday"),
                Just(" | date("), Just(" | number("), Just(" | sama"), Just("'%Q %s'"), Just("'%Y"), Just("\""), Just("'"), Just(")"), Just("("),
                Just("for x in "), Just("endfor"), Just("if "), Just("endif"), Just("<a href='"), Just("'>"), Just("</a>"), Just("<body>"),
                Just("</body>"), Just("<table><tr><td>"), Just("https://x.example/"), Just("&quot;"), Just("block("), Just("footer"), Just("kkbtag0x"),
                Just(" * 99999"), Just("様"), Just("\\"), Just("[1,2]"), Just("<!--"), Just("<script>"), Just("-9223372036854775808"), Just(" % 0"), Just("// 0"),
            ],
            0..24,
        ),
        any in any::<String>(),
        value in any::<String>(),
        number in any::<f64>(),
    ) {
        let source = pieces.concat() + &any;
        let content = Content { subject: source.clone(), preheader: source.clone(), html: source.clone(), text: source.clone(), ..Content::default() };
        for text_mode in [TextMode::Auto, TextMode::Manual] {
            let content = Content { text_mode, ..content.clone() };
            if let Ok(mail) = CompiledMail::compile(&content, &around()) {
                let recipient = person(&value, json!({ "birthday": value, "points": number, "shop_url": value }));
                for links in [Links::Direct, signed()] {
                    if let Ok(rendered) = mail.render(&recipient, links) {
                        prop_assert!(!rendered.subject.contains(['\r', '\n']));
                        prop_assert!(!rendered.text.trim().is_empty());
                    }
                }
                for target in mail.links() {
                    let _ = link::resolve(target, &recipient, &around(), Locale::En);
                }
            }
        }
    }

    /// Formats and numbers straight into the filters.
    #[test]
    fn filters_take_any_value(form in any::<String>(), number in any::<f64>(), text in any::<String>()) {
        for value in [Value::from(number), Value::from(text), Value::UNDEFINED] {
            filters::date(&value, Some(&form), Locale::Ja, chrono_tz::Asia::Tokyo).ok();
            filters::number(&value, Some(3)).ok();
            filters::weekday(&value, Locale::En, chrono_tz::Asia::Tokyo);
            filters::urlencode(&value);
        }
    }
}
