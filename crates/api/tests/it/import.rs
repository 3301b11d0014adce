//! Import and export over HTTP, from the upload to the downloads.

use api::state::ApiConfig;
use chrono::TimeDelta;
use domain::clock::Clock;
use domain::job::worker::{ATTEMPTS, Worker};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::TestApp;

const CSV: &str = "メールアドレス,氏名\r\na..b@docomo.ne.jp,髙橋 花子\r\nbad,x\r\n";
const NAME: &str = "%E9%A1%A7%E5%AE%A2%E5%90%8D%E7%B0%BF.csv";

async fn work(app: &TestApp) {
    let (_ending, ended) = watch::channel(false);
    let worker = Worker::new(app.database.db.clone(), ended);
    while worker.run_once().await.expect("a worker") {}
}

async fn upload(app: &TestApp, token: &str, bytes: impl Into<Vec<u8>>) -> Value {
    app.post(&format!("/v1/imports?filename={NAME}"))
        .by(token)
        .raw("application/octet-stream", bytes)
        .send()
        .await
        .expect(201)
}

fn id(of: &Value) -> &str {
    of["id"].as_str().expect("an id")
}

#[actix_web::test]
async fn a_file_is_uploaded_planned_checked_and_imported() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let import = upload(&app, &token, shift_jis(CSV)).await;
    assert_eq!(import["filename"], "顧客名簿.csv");
    assert_eq!(
        import["detected"],
        json!({"encoding": "shift_jis", "delimiter": ",", "has_header": true})
    );
    assert_eq!(import["preview"][0][1], "髙橋 花子");
    let path = format!("/v1/imports/{}", id(&import));

    let mut plan = import["suggested"].clone();
    plan["mode"] = json!("overwrite");
    let put = |version: Option<i64>, plan: &Value| {
        let call = app
            .call(actix_web::http::Method::PUT, &format!("{path}/plan"))
            .by(&token)
            .json(plan);
        match version {
            Some(version) => call.if_match(version),
            None => call,
        }
    };
    put(None, &plan).send().await.expect(428);
    put(Some(9), &plan).send().await.expect(412);
    let mut wrong = plan.clone();
    wrong["mapping"][0]["target"] = json!("field:nope");
    let refused = put(Some(1), &wrong).send().await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/mapping/0/target");
    wrong["nope"] = json!(1);
    put(Some(1), &wrong).send().await.expect(422);
    let planned = put(Some(1), &plan).send().await.expect(200);
    assert_eq!(planned["plan"]["mode"], "overwrite");

    let job = app
        .post(&format!("{path}/dry-run"))
        .by(&token)
        .send()
        .await
        .expect(202);
    assert_eq!(job["kind"], "contact_import_check");
    let busy = app
        .post(&format!("{path}/run"))
        .by(&token)
        .send()
        .await
        .expect(409);
    assert_eq!(busy["code"], "import_busy");
    work(&app).await;
    let checked = app.get(&path).by(&token).send().await.expect(200);
    assert_eq!(
        (&checked["state"], &checked["counts"]["added"]),
        (&json!("checked"), &json!(1))
    );
    let job = app
        .get(&format!("/v1/jobs/{}", id(&job)))
        .by(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&job["state"], &job["progress"]),
        (&json!("succeeded"), &json!({"done": 2, "total": 2}))
    );

    let run = app
        .post(&format!("{path}/run"))
        .by(&token)
        .send()
        .await
        .expect(202);
    work(&app).await;
    let done = app.get(&path).by(&token).send().await.expect(200);
    assert_eq!(done["state"], "done");
    assert_eq!(done["rejected_sample"][0]["code"], "invalid_email");
    let ended = app
        .post(&format!("/v1/jobs/{}/cancel", id(&run)))
        .by(&token)
        .send()
        .await
        .expect(409);
    assert_eq!(ended["code"], "job_ended");
    let jobs = app
        .get("/v1/jobs?kind=contact_import&state=succeeded")
        .by(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(jobs["items"][0]["id"], run["id"]);

    let file = app.get(&format!("{path}/rejected")).by(&token).send().await;
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"____________.csv\"; filename*=UTF-8''%E9%A1%A7%E5%AE%A2%E5%90%8D%E7%B0%BF_%E5%8F%96%E3%82%8A%E8%BE%BC%E3%82%81%E3%81%AA%E3%81%84%E8%A1%8C.csv"
    );
    assert!(file.bytes.ends_with(b"bad,x\r\n"));
    app.delete(&path).by(&token).send().await.expect(204);
    app.get(&path).by(&token).send().await.expect(404);
}

fn shift_jis(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    domain::contact::import::Encoding::ShiftJis.encode(text, &mut out);
    out
}

#[actix_web::test]
async fn files_that_can_not_be_imported_are_refused_with_what_to_do() {
    let config = ApiConfig {
        upload_limit: 1000,
        ..ApiConfig::default()
    };
    let app = TestApp::with_config(Clock::system(), config).await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let send = |content_type: &'static str, bytes: Vec<u8>| {
        app.post("/v1/imports")
            .by(&token)
            .raw(content_type, bytes)
            .send()
    };
    let sheet = send("application/octet-stream", b"PK\x03\x04abc".to_vec())
        .await
        .expect(422);
    assert_eq!(sheet["errors"][0]["code"], "spreadsheet");
    send("text/csv", Vec::new()).await.expect(422);
    send("image/png", b"x".to_vec()).await.expect(415);
    let large = send("text/csv", vec![b'x'; 1001]).await.expect(413);
    assert_eq!(large["code"], "too_large");
    let long = "x".repeat(300);
    let name = app
        .post(&format!("/v1/imports?filename={long}"))
        .by(&token)
        .raw("text/csv", CSV)
        .send()
        .await
        .expect(422);
    assert_eq!(name["errors"][0]["pointer"], "/filename");
    assert_eq!(
        app.database.count("SELECT count(*) FROM file").await,
        0,
        "nothing is left of them"
    );
}

#[actix_web::test]
async fn contacts_are_exported_into_a_file_with_a_japanese_name() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    app.post("/v1/contacts")
        .by(&token)
        .json(&json!({"email": "hanako@example.jp", "name": "=山田"}))
        .send()
        .await
        .expect(201);
    let body = json!({"encoding": "utf-8-bom", "columns": ["email", "name"]});
    let job = app
        .post("/v1/exports")
        .by(&token)
        .json(&body)
        .send()
        .await
        .expect(202);
    let path = format!(
        "/v1/exports/{}/file",
        job["subject_id"].as_str().expect("an id")
    );
    app.get(&path).by(&token).send().await.expect(404);
    work(&app).await;
    let exports = app.get("/v1/exports").by(&token).send().await.expect(200);
    assert_eq!(
        (&exports["items"][0]["state"], &exports["items"][0]["rows"]),
        (&json!("succeeded"), &json!(1))
    );
    let file = app.get(&path).by(&token).send().await;
    assert_eq!(file.header("content-type"), "text/csv");
    assert!(
        file.header("content-disposition")
            .contains("filename*=UTF-8''%E9%80%A3%E7%B5%A1%E5%85%88_")
    );
    let text = String::from_utf8(file.bytes).expect("UTF-8");
    assert_eq!(
        text,
        "\u{FEFF}メールアドレス,氏名\r\nhanako@example.jp,'=山田\r\n"
    );
    let wrong = json!({"encoding": "utf-8", "columns": ["nope"]});
    let refused = app
        .post("/v1/exports")
        .by(&token)
        .json(&wrong)
        .send()
        .await
        .expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/columns/0");
}

#[actix_web::test]
async fn an_upload_that_breaks_off_leaves_no_file_behind() {
    use std::io::Write;
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let host = app.state.config.public_host().to_owned();
    let mut stream = std::net::TcpStream::connect(&host).expect("a connection");
    write!(
        stream,
        "POST /v1/imports HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: text/csv\r\nContent-Length: 5000000\r\n\r\nemail\r\n"
    )
    .expect("sent");
    let files = async || app.database.count("SELECT count(*) FROM file").await;
    while files().await == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    while files().await > 0 {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn an_import_waits_for_a_database_that_cannot_however_often_it_asks() {
    let clock = Clock::fixed(Clock::system().now());
    let app = TestApp::with_clock(clock.clone()).await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let import = upload(&app, &token, "email\r\na@example.jp\r\n").await;
    let path = format!("/v1/imports/{}", id(&import));
    app.put(&format!("{path}/plan"))
        .by(&token)
        .if_match(1)
        .json(&import["suggested"])
        .send()
        .await
        .expect(200);
    let run = app.post(&format!("{path}/run")).by(&token);
    run.send().await.expect(202);
    // New connections give up on a lock soon; the import takes one of its own.
    app.database
        .execute_as_owner(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET lock_timeout = 50', current_database()); END $$",
        )
        .await;
    let held = app.database.hold("LOCK TABLE contact IN SHARE MODE").await;
    for _ in 0..ATTEMPTS + 2 {
        work(&app).await;
        // Anew, because the access token ends meanwhile.
        let token = app.log_in(&tenant.login_id("owner")).await;
        let import = app.get(&path).by(&token).send().await.expect(200);
        assert_eq!(import["state"], "running", "{import}");
        clock.advance(TimeDelta::minutes(4));
    }
    held.release().await;
    work(&app).await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let done = app.get(&path).by(&token).send().await.expect(200);
    assert_eq!(
        (&done["state"], &done["counts"]["added"]),
        (&json!("done"), &json!(1))
    );
}
