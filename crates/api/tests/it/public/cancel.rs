//! The cancel link.

use actix_web::http::Method;
use chrono::TimeDelta;
use domain::clock::Clock;
use domain::delivery::claim::{self, Claim, Turn};
use domain::delivery::token::Purpose;
use domain::ids::WorkerId;
use serde_json::json;

use super::{PERSON, Sent, html, is_bare};
use crate::support::{Answer, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

async fn post(sent: &Sent, person: usize, form: &str) -> Answer {
    let path = sent.cancel(person);
    let call = sent
        .app
        .post(&path)
        .raw(FORM, form)
        .header("User-Agent", PERSON);
    call.send().await
}

async fn events(sent: &Sent) -> i64 {
    sent.count("event WHERE kind = 'cancel'").await
}

#[actix_web::test]
async fn looking_at_the_page_cancels_nothing() {
    let sent = Sent::new().await;
    let page = sent.app.get(&sent.cancel(0)).send().await;
    assert_eq!(page.status, 200);
    is_bare(&page);
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    let text = html(&page);
    assert!(
        text.contains("株式会社acme") && text.contains("ta…@example.jp"),
        "{text}"
    );
    assert!(
        text.contains("lang=\"ja\"") && !text.contains("<script") && !text.contains("http"),
        "{text}"
    );
    assert!(
        !text.contains("月刊ニュース"),
        "names of lists are the company's own"
    );
    let head = sent.app.call(Method::HEAD, &sent.cancel(0)).send().await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!(events(&sent).await, 0);
    assert_eq!(
        sent.count("subscription WHERE status = 'subscribed'").await,
        4
    );
}

#[actix_web::test]
async fn one_click_takes_a_person_off_the_list_at_once_and_is_on_record() {
    let sent = Sent::new().await;
    let done = post(&sent, 0, ONE_CLICK).await;
    assert_eq!(done.status, 200);
    is_bare(&done);
    let c = sent.contacts[0];
    let on = |list| {
        format!(
            "subscription WHERE contact_id = '{c}' AND list_id = '{list}' AND status = 'subscribed'"
        )
    };
    assert_eq!(sent.count(&on(sent.list)).await, 0);
    assert_eq!(
        sent.count(&on(sent.other_list)).await,
        1,
        "other lists stay"
    );
    assert_eq!(
        sent.count("subscription_event WHERE status = 'unsubscribed' AND source = 'one_click'")
            .await,
        1
    );
    assert_eq!(
        sent.count(
            "consent WHERE kind = 'withdrawn' AND source = 'one_click' AND ip = '127.0.0.1'"
        )
        .await,
        1
    );
    assert_eq!(
        sent.count("delivery WHERE cancelled_at IS NOT NULL").await,
        1
    );
    assert_eq!(sent.count("suppression").await, 0);
    assert_eq!(sent.people("cancelled").await, 1);
    let agent = sent
        .text("SELECT user_agent FROM event WHERE kind = 'cancel'")
        .await;
    assert_eq!(agent, PERSON);

    assert_eq!(post(&sent, 0, ONE_CLICK).await.status, 200);
    assert_eq!(
        (events(&sent).await, sent.people("cancelled").await),
        (1, 1)
    );
    assert_eq!(sent.count("consent WHERE kind = 'withdrawn'").await, 1);
}

#[actix_web::test]
async fn one_click_as_multipart_counts_as_well() {
    let sent = Sent::new().await;
    let body = "--b0und\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b0und--\r\n";
    let path = sent.cancel(1);
    let call = sent
        .app
        .post(&path)
        .raw("multipart/form-data; boundary=b0und", body);
    assert_eq!(call.send().await.status, 200);
    assert_eq!(
        (events(&sent).await, sent.people("cancelled").await),
        (1, 1)
    );
}

#[actix_web::test]
async fn two_clicks_at_the_same_time_are_one() {
    let sent = Sent::new().await;
    let all = (0..8).map(|_| post(&sent, 0, ONE_CLICK));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer.status, 200);
    }
    assert_eq!(
        (events(&sent).await, sent.people("cancelled").await),
        (1, 1)
    );
    assert_eq!(sent.count("consent").await, 1);
}

#[actix_web::test]
async fn a_cancellation_holds_for_mails_that_are_queued() {
    let sent = Sent::new().await;
    post(&sent, 0, ONE_CLICK).await;
    post(&sent, 1, "scope=all").await;
    let turn = Turn {
        tenant_id: sent.tenant,
        campaign_id: sent.campaign,
        lane: 1,
    };
    let claim = claim::claim(&sent.app.state.db, WorkerId::new(), turn, 10)
        .await
        .unwrap();
    let Claim::Batch(batch) = claim else {
        panic!("{claim:?}")
    };
    assert_eq!(batch.deliveries.len(), 0);
    let reasons = sent
        .text(
            "SELECT string_agg(reason, ' ' ORDER BY reason) FROM delivery WHERE state = 'skipped'",
        )
        .await;
    assert_eq!(reasons, "cancelled unsubscribed");
}

#[actix_web::test]
async fn all_mails_are_cancelled_with_a_reason_and_a_comment() {
    let sent = Sent::new().await;
    let comment = "x".repeat(3000);
    let form = format!("scope=all&reason=too_many&comment=%3Cb%3E{comment}");
    let done = post(&sent, 0, &form).await;
    assert_eq!(done.status, 200);
    assert!(html(&done).contains("配信を停止しました"));
    let c = sent.contacts[0];
    assert_eq!(
        sent.text(&format!("SELECT status FROM contact WHERE id = '{c}'"))
            .await,
        "unsubscribed"
    );
    assert_eq!(
        sent.count("suppression WHERE value = 'taro.yamada@example.jp' AND reason = 'cancelled'")
            .await,
        1
    );
    assert_eq!(
        sent.count(&format!(
            "subscription WHERE contact_id = '{c}' AND status = 'subscribed'"
        ))
        .await,
        0
    );
    let why = "SELECT concat_ws(' ', detail->>'scope', detail->>'how', detail->>'why', length(detail->>'comment')) FROM event";
    assert_eq!(sent.text(why).await, "all cancel_page too_many 500");
}

#[actix_web::test]
async fn who_left_one_list_can_still_leave_all_and_is_counted_once() {
    let sent = Sent::new().await;
    let done = post(&sent, 0, "scope=this").await;
    assert!(html(&done).contains("すべてのメールを停止する"));
    assert!(html(&post(&sent, 0, "scope=all").await).contains("今後お送りしません"));
    assert_eq!(
        (events(&sent).await, sent.people("cancelled").await),
        (2, 1)
    );
}

#[actix_web::test]
async fn a_mistake_is_taken_back_within_a_day() {
    let clock = Clock::fixed(Clock::system().now());
    let sent = Sent::with_clock(clock.clone()).await;
    post(&sent, 0, "scope=this").await;
    post(&sent, 0, "scope=all").await;
    let back = post(&sent, 0, "action=restore").await;
    assert_eq!(back.status, 200);
    assert!(html(&back).contains("配信を再開しました"));
    assert_eq!(
        sent.count("subscription WHERE status = 'subscribed'").await,
        4
    );
    assert_eq!(sent.count("suppression").await, 0);
    assert_eq!(sent.count("contact WHERE status = 'active'").await, 2);
    assert_eq!(
        sent.count("consent WHERE kind = 'given' AND source = 'cancel_page'")
            .await,
        1
    );
    assert_eq!(sent.people("cancelled").await, 0);
    assert_eq!(
        sent.count("event WHERE detail ? 'undone_at'").await,
        2,
        "history stays"
    );

    post(&sent, 0, ONE_CLICK).await;
    assert_eq!(sent.people("cancelled").await, 1);
    clock.advance(TimeDelta::hours(25));
    let late = post(&sent, 0, "action=restore").await;
    assert_eq!(late.status, 409);
    assert!(html(&late).contains("元に戻せませんでした"));
    assert_eq!(sent.people("cancelled").await, 1);
}

#[actix_web::test]
async fn somebody_deleted_since_stays_out_when_imported_again() {
    let sent = Sent::new().await;
    let path = format!("/v1/contacts/{}", sent.contacts[0]);
    sent.app
        .delete(&path)
        .by(&sent.access)
        .if_match(1)
        .send()
        .await
        .expect(204);
    assert_eq!(post(&sent, 0, ONE_CLICK).await.status, 200);
    assert_eq!(post(&sent, 0, ONE_CLICK).await.status, 200);
    assert_eq!(
        sent.count("suppression WHERE value = 'taro.yamada@example.jp' AND reason = 'cancelled'")
            .await,
        1
    );
    assert_eq!(events(&sent).await, 1);
}

#[actix_web::test]
async fn a_link_of_a_test_send_changes_nothing() {
    let sent = Sent::new().await;
    sent.run("UPDATE campaign SET kind = 'test'").await;
    let page = sent.app.get(&sent.cancel(0)).send().await;
    assert!(html(&page).contains("テスト配信"));
    assert!(html(&post(&sent, 0, ONE_CLICK).await).contains("テスト配信"));
    assert_eq!(events(&sent).await, 0);
    assert_eq!(
        sent.count("subscription WHERE status = 'subscribed'").await,
        4
    );
    let preview = sent.app.get("/p/cancel/preview").send().await;
    assert!(preview.status == 200 && html(&preview).contains("プレビュー"));
}

#[actix_web::test]
async fn an_english_mail_has_an_english_page() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let sent = Sent::of(app, &tenant.login_id("owner"), tenant.id, "en").await;
    let page = sent.app.get(&sent.cancel(0)).send().await;
    assert!(html(&page).contains("lang=\"en\"") && html(&page).contains("Unsubscribe"));
}

#[actix_web::test]
async fn a_link_that_is_not_ours_leads_nowhere() {
    let sent = Sent::new().await;
    let rival = sent.app.tenant("rival").await;
    let good = sent.token(Purpose::Cancel, 0);
    let foreign = domain::delivery::token::DeliveryToken {
        tenant: rival.id,
        period: sent.period(),
        delivery: sent.deliveries[0],
        purpose: Purpose::Cancel,
    }
    .encode(&sent.app.state.keys);
    let changed = format!(
        "{}{}",
        &good[..71],
        if good.ends_with('A') { 'B' } else { 'A' }
    );
    let wrong = [
        "x".to_owned(),
        "A".repeat(8000),
        changed,
        format!("{good}A"),
        sent.token(Purpose::Open, 0),
        foreign,
        "%00%ff".to_owned(),
    ];
    for token in wrong {
        let path = format!("/p/cancel/{token}");
        for answer in [
            sent.app.get(&path).send().await,
            sent.app.post(&path).raw(FORM, ONE_CLICK).send().await,
        ] {
            assert_eq!(answer.status, 404, "{}", &token[..token.len().min(80)]);
            is_bare(&answer);
            assert!(html(&answer).contains("ページが見つかりません"));
        }
    }
    assert_eq!(events(&sent).await, 0);
    let english = sent
        .app
        .get("/p/cancel/x")
        .header("Accept-Language", "en-GB,en;q=0.9");
    assert!(html(&english.send().await).contains("There is no such page"));
}

#[actix_web::test]
async fn forms_that_say_nothing_or_too_much_are_refused_calmly() {
    let sent = Sent::new().await;
    let path = sent.cancel(0);
    let big = format!("comment={}", "x".repeat(17_000));
    for (content_type, body, status) in [
        (FORM, "", 422),
        (FORM, "scope=nothing", 422),
        (FORM, "List-Unsubscribe=Two-Click", 422),
        (FORM, big.as_str(), 413),
        ("application/json", "{\"scope\":\"all\"}", 415),
        ("multipart/form-data; boundary=x", "--y", 400),
    ] {
        let answer = sent.app.post(&path).raw(content_type, body).send().await;
        assert_eq!(answer.status, status, "{content_type}");
        assert!(html(&answer).contains("<h1>"), "a page, not a problem");
    }
    assert_eq!(events(&sent).await, 0);
}

#[actix_web::test]
async fn guessing_links_is_slowed_down_and_bothers_nobody_else() {
    let sent = Sent::new().await;
    let mut last = 0;
    for n in 0..130 {
        last = sent
            .app
            .get(&format!("/p/cancel/guess{n}"))
            .send()
            .await
            .status
            .as_u16();
    }
    assert_eq!(last, 429);
    assert_eq!(sent.app.get(&sent.cancel(0)).send().await.status, 200);
    assert_eq!(post(&sent, 0, ONE_CLICK).await.status, 200);
}

#[actix_web::test]
async fn a_company_name_is_text() {
    let sent = Sent::new().await;
    let change = json!({"legal": {"sender_name": "<script>alert(1)</script>"}});
    let tenant = sent
        .app
        .get("/v1/tenant")
        .by(&sent.access)
        .send()
        .await
        .expect(200);
    let version = tenant["version"].as_i64().unwrap();
    sent.app
        .patch("/v1/tenant")
        .by(&sent.access)
        .if_match(version)
        .json(&change)
        .send()
        .await
        .expect(200);
    let page = sent.app.get(&sent.cancel(0)).send().await;
    assert!(html(&page).contains("&lt;script&gt;") && !html(&page).contains("<script"));
}
