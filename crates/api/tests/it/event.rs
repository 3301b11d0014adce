//! The stream of events: who hears what, and when it ends.

use actix_web::http::StatusCode;
use domain::ids::{CampaignId, TenantId};
use domain::signal::{self, Signal};
use domain::testing::sent_campaign;
use futures_util::StreamExt;

use crate::support::TestApp;

/// An open stream, read piece by piece.
struct Open {
    body: std::pin::Pin<
        Box<dyn futures_util::Stream<Item = Result<bytes::Bytes, awc::error::PayloadError>>>,
    >,
}

impl Open {
    async fn start(app: &TestApp, token: &str) -> Self {
        let client = awc::Client::builder()
            .timeout(std::time::Duration::from_secs(60))
            .finish();
        let response = client
            .get(app.url("/v1/events"))
            .insert_header(("Authorization", format!("Bearer {token}")))
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers().get("content-type").unwrap(),
            "text/event-stream"
        );
        let mut open = Self {
            body: Box::pin(response),
        };
        assert_eq!(
            open.next().await.as_deref(),
            Some("event: ready\ndata: {}\n\n")
        );
        open
    }

    async fn next(&mut self) -> Option<String> {
        let piece = self.body.next().await?.ok()?;
        Some(String::from_utf8(piece.to_vec()).unwrap())
    }
}

async fn publish(app: &TestApp, tenant: TenantId, id: CampaignId) {
    let signal = Signal::Campaign { tenant, id };
    app.database
        .db
        .system(async |tx| signal::publish(tx, signal).await)
        .await
        .unwrap();
}

#[actix_web::test]
async fn a_stream_tells_of_ones_own_tenant_only() {
    let app = TestApp::new().await;
    let (acme, rival) = (app.tenant("acme").await, app.tenant("rival").await);
    let ours = sent_campaign(&app.database, acme.id, 3).await;
    let theirs = sent_campaign(&app.database, rival.id, 3).await;
    let token = app.log_in("acme-owner").await;
    let mut stream = Open::start(&app, &token).await;
    publish(&app, rival.id, theirs).await;
    // Even when a signal names our tenant, another's campaign is not readable.
    publish(&app, acme.id, theirs).await;
    publish(&app, acme.id, ours).await;
    let event = stream.next().await.unwrap();
    let data = event
        .strip_prefix("event: campaign\ndata: ")
        .unwrap_or_else(|| panic!("{event}"));
    let campaign: serde_json::Value = serde_json::from_str(data.trim()).unwrap();
    assert_eq!(campaign["id"], ours.to_string());
    assert!(campaign["counts"]["accepted"].as_i64().unwrap() > 0);
}

#[actix_web::test]
async fn a_stream_ends_with_its_session() {
    let app = TestApp::new().await;
    let acme = app.tenant("acme").await;
    let id = sent_campaign(&app.database, acme.id, 3).await;
    let token = app.log_in("acme-owner").await;
    let mut stream = Open::start(&app, &token).await;
    app.database
        .execute_as_owner("UPDATE session SET ended_at = now()")
        .await;
    publish(&app, acme.id, id).await;
    assert_eq!(stream.next().await, None);
}

#[actix_web::test]
async fn one_person_has_a_bounded_number_of_streams() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Open::start(&app, &token).await);
    }
    app.get("/v1/events?seconds=0")
        .by(&token)
        .send()
        .await
        .expect(429);
    let other = app.log_in("acme-editor").await;
    let answer = app.get("/v1/events?seconds=0").by(&other).send().await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_stream_lasts_ten_minutes_at_most() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let token = app.log_in("acme-viewer").await;
    let problem = app
        .get("/v1/events?seconds=601")
        .by(&token)
        .send()
        .await
        .expect(422);
    assert_eq!(problem["errors"][0]["pointer"], "/seconds");
    let answer = app.get("/v1/events?seconds=0").by(&token).send().await;
    assert_eq!(answer.bytes, b"event: ready\ndata: {}\n\n");
}

#[actix_web::test]
async fn streams_end_when_the_process_is_told_to_end() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let token = app.log_in("acme-viewer").await;
    let mut stream = Open::start(&app, &token).await;
    app.state.events.close();
    assert_eq!(stream.next().await, None);
}
