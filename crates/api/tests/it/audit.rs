//! The trace over HTTP and on the command line, and who looked at whom.

use std::collections::BTreeSet;
use std::path::PathBuf;

use api::middleware::access::WATCHED;
use domain::Permission;
use domain::job::worker::Worker;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::matrix::cases::{Case, cases};
use crate::support::{TestApp, contract};

/// Reads that `contacts.read` allows and that show nobody's data.
const SHOW_NOBODY: [&str; 12] = [
    "get_contact_field",
    "get_job",
    "get_list",
    "get_signup_address",
    "get_webhook",
    "list_contact_fields",
    "list_imports",
    "list_jobs",
    "list_lists",
    "list_signup_addresses",
    "list_webhook_messages",
    "list_webhooks",
];

async fn add_contact(app: &TestApp, token: &str) -> String {
    let call = app
        .post("/v1/contacts")
        .by(token)
        .json(&json!({"email": "taro@example.jp", "name": "髙橋 太郎"}));
    let contact = call.send().await.expect(201);
    contact["id"].as_str().expect("an id").to_owned()
}

#[actix_web::test]
async fn who_did_what_is_told_with_names_and_what_was_before_and_after() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let contact = add_contact(&app, &token).await;
    let patch = app
        .patch(&format!("/v1/contacts/{contact}"))
        .by(&token)
        .if_match(1);
    patch
        .json(&json!({"name": "高橋 次郎"}))
        .send()
        .await
        .expect(200);
    let path = format!("/v1/audit-entries?subject_id={contact}");
    let page = app.get(&path).by(&token).send().await.expect(200);
    let actions: Vec<&str> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|entry| entry["action"].as_str().expect("an action"))
        .collect();
    assert_eq!(actions, ["contact.updated", "contact.created"]);
    let entry = &page["items"][0];
    assert_eq!(entry["actor_name"], "acme owner");
    assert_eq!(entry["subject_name"], "高橋 次郎");
    let path = format!("/v1/audit-entries/{}", entry["id"].as_str().expect("an id"));
    let whole = app.get(&path).by(&token).send().await.expect(200);
    assert_eq!(whole["before"]["name"], "髙橋 太郎");
    assert_eq!(whole["after"]["name"], "高橋 次郎");
    assert_eq!(whole["hash"].as_str().expect("a hash").len(), 64);
    let wrong = app.get("/v1/audit-entries?q=%00").by(&token).send().await;
    assert_eq!(wrong.status, 422);
    let long = format!("/v1/audit-entries?q={}", "x".repeat(201));
    assert_eq!(app.get(&long).by(&token).send().await.status, 422);
}

#[actix_web::test]
async fn who_looked_at_a_person_is_told_however_they_were_looked_at() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    app.tenant("rival").await;
    let owner = app.log_in("acme-owner").await;
    let viewer = app.log_in("acme-viewer").await;
    let contact = add_contact(&app, &owner).await;
    let mail = json!({"name": "11月号", "subject": "お知らせ", "html": "<p>{{ name }}</p>"});
    let call = app.post("/v1/mails").by(&owner).json(&mail);
    let mail = call.send().await.expect(201);
    let mail = mail["id"].as_str().expect("an id");
    for path in ["", "/timeline", "/consents"] {
        let path = format!("/v1/contacts/{contact}{path}");
        app.get(&path).by(&viewer).send().await.expect(200);
    }
    // However its path is spelled.
    let spelled = format!("/v1/%63ontacts/{contact}/subscriptions");
    app.get(&spelled).by(&viewer).send().await.expect(200);
    let preview = app.post(&format!("/v1/mails/{mail}/preview")).by(&owner);
    let body = json!({ "contact_id": contact });
    preview.json(&body).send().await.expect(200);
    app.get("/v1/contacts?q=%E9%AB%99%E6%A9%8B&limit=10")
        .by(&viewer)
        .send()
        .await
        .expect(200);
    // What is refused shows nothing.
    let theirs = app.log_in("rival-owner").await;
    let path = format!("/v1/contacts/{contact}");
    app.get(&path).by(&theirs).send().await.expect(404);
    app.state.access.flush().await;
    let path = format!("/v1/access-entries?subject_id={contact}");
    let page = app.get(&path).by(&owner).send().await.expect(200);
    let looks: Vec<(&str, &str)> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|look| {
            let text = |key: &str| look[key].as_str().expect("a text");
            (text("actor_name"), text("operation"))
        })
        .collect();
    let expected = [
        ("acme owner", "preview_mail"),
        ("acme viewer", "list_contact_subscriptions"),
        ("acme viewer", "list_contact_consents"),
        ("acme viewer", "list_contact_timeline"),
        ("acme viewer", "get_contact"),
    ];
    assert_eq!(looks, expected);
    assert_eq!(page["items"][0]["ip"], "127.0.0.1");
    let all = app
        .get("/v1/access-entries")
        .by(&owner)
        .send()
        .await
        .expect(200);
    let searched = |look: &&Value| look["operation"] == "list_contacts";
    let items = all["items"].as_array().expect("items");
    let search = items.iter().find(searched).expect("the search");
    assert_eq!(search["query"], "q=髙橋");
    let none = app
        .get("/v1/access-entries")
        .by(&theirs)
        .send()
        .await
        .expect(200);
    assert_eq!(none["items"].as_array().expect("items").len(), 0);
}

/// What takes the right to read people, alone or besides, and what shows the
/// product's own words to others: the messages of webhooks.
fn may_show_people(case: &Case) -> bool {
    let reads = [Permission::ContactsRead, Permission::WebhooksManage];
    let needed = case.permissions().unwrap_or_default();
    reads.iter().any(|permission| needed.contains(permission))
}

#[actix_web::test]
async fn every_operation_that_shows_people_is_watched() {
    let document = contract::document();
    for watched in WATCHED {
        let method = watched.method.as_str().to_lowercase();
        let operation = &document["paths"][watched.path][&method]["operationId"];
        assert_eq!(operation, watched.operation, "{}", watched.path);
    }
    let known: BTreeSet<&str> = WATCHED.iter().map(|watched| watched.operation).collect();
    let reads: BTreeSet<String> = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .filter_map(|item| item["get"]["operationId"].as_str())
        .map(str::to_owned)
        .collect();
    let open: Vec<&str> = cases()
        .iter()
        .filter(|case| may_show_people(case))
        .map(|case| case.id)
        .filter(|id| reads.contains(*id) && !known.contains(id) && !SHOW_NOBODY.contains(id))
        .collect();
    assert!(
        open.is_empty(),
        "watch these (middleware/access.rs), or say here that they show nobody: {open:?}"
    );
}

async fn work(app: &TestApp) {
    let (_ending, ended) = watch::channel(false);
    let worker = Worker::new(app.database.db.clone(), ended);
    while worker.run_once().await.expect("a worker") {}
}

#[actix_web::test]
async fn the_button_says_whether_the_chain_is_whole_and_where_it_is_broken() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let editor = app.log_in("acme-editor").await;
    let verify = async || {
        let call = app.post("/v1/audit-verifications").by(&token);
        let job = call.send().await.expect(202);
        work(&app).await;
        let path = format!("/v1/jobs/{}", job["id"].as_str().expect("an id"));
        (app.get(&path).by(&token).send().await.expect(200), path)
    };
    let (job, path) = verify().await;
    assert_eq!(job["state"], "succeeded");
    assert_eq!(job["result"]["faults"], json!([]));
    assert_eq!(app.get(&path).by(&editor).send().await.status, 403);
    let jobs = app.get("/v1/jobs").by(&editor).send().await.expect(200);
    assert_eq!(jobs["items"], json!([]));
    app.database
        .execute_as_owner(
            "UPDATE audit_entry SET action = 'user.updated' WHERE action = 'tenant.created'",
        )
        .await;
    let (job, _) = verify().await;
    let faults = job["result"]["faults"].as_array().expect("faults");
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0]["kind"], "changed");
    let path = "/v1/audit-entries?action=audit.verified";
    let noted = app.get(path).by(&token).send().await.expect(200);
    assert_eq!(noted["items"].as_array().expect("items").len(), 2);
    assert_eq!(noted["items"][0]["actor_name"], "acme owner");
}

#[actix_web::test]
async fn the_file_is_a_download_in_both_formats() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let token = app.log_in("acme-owner").await;
    let csv = app.get("/v1/audit-export").by(&token).send().await;
    assert_eq!(csv.status, 200);
    assert!(csv.header("content-disposition").ends_with(".csv\""));
    assert!(csv.bytes.starts_with("\u{feff}number,at,".as_bytes()));
    let path = "/v1/audit-export?format=jsonl&action=audit.exported";
    let lines = app.get(path).by(&token).send().await;
    let text = String::from_utf8(lines.bytes).expect("text");
    assert_eq!(text.lines().count(), 2, "both takings stand in it");
    let path = "/v1/audit-export?format=xml";
    assert_eq!(app.get(path).by(&token).send().await.status, 422);
}

/// Runs the program as an operator does.
#[expect(clippy::disallowed_methods, reason = "the program itself is tested")]
fn kikubari(app: &TestApp, arguments: &[&str]) -> (bool, String, String) {
    let key = scratch("key");
    std::fs::write(&key, "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=").expect("a key");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_kikubari"))
        .args(arguments)
        .env("KIKUBARI_DATABASE_URL", app.database.app_url())
        .env("KIKUBARI_SECRET_KEY_FILE", &key)
        .output()
        .expect("the program");
    std::fs::remove_file(key).ok();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("kikubari-{}-{name}", uuid::Uuid::now_v7()))
}

#[actix_web::test]
async fn the_command_line_verifies_notes_heads_searches_and_exports() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await.id.to_string();
    let rival = app.tenant("rival").await.id.to_string();
    let (ok, heads, _) = kikubari(&app, &["audit", "heads"]);
    assert!(ok && heads.lines().count() == 2, "{heads}");
    let anchor = scratch("anchor");
    std::fs::write(&anchor, &heads).expect("an anchor");
    let anchor = anchor.to_str().expect("a path");
    let all = ["audit", "verify", "--all", "--anchor", anchor];
    let (ok, out, _) = kikubari(&app, &all);
    assert!(
        ok && out.lines().all(|line| line.starts_with("ok ")),
        "{out}"
    );

    let (ok, found, _) = kikubari(
        &app,
        &[
            "audit",
            "search",
            "--tenant",
            &tenant,
            "--action",
            "user.created",
        ],
    );
    assert!(ok && found.lines().count() == 3, "{found}");
    let (_, found, _) = kikubari(&app, &["audit", "search", "--text", "rival-owner"]);
    assert_eq!(found.lines().count(), 1, "{found}");
    let line: Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(line["tenant"], rival.as_str());
    let (ok, file, _) = kikubari(
        &app,
        &["audit", "export", "--tenant", &tenant, "--format", "csv"],
    );
    assert!(ok && file.contains("audit.exported"), "{file}");
    let token = app.log_in("acme-owner").await;
    let looks = app
        .get("/v1/access-entries")
        .by(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(
        looks["items"][0]["actor_kind"], "operator",
        "the tenant sees it"
    );

    // The last entry goes, and the head with it.
    app.database
        .execute_as_owner(&format!(
            "DELETE FROM audit_entry WHERE tenant_id = '{rival}';
             DELETE FROM audit_link WHERE tenant_id = '{rival}';
             DELETE FROM audit_head WHERE tenant_id = '{rival}'"
        ))
        .await;
    let (ok, _, _) = kikubari(&app, &["audit", "verify", "--tenant", &rival]);
    assert!(ok, "nothing inside tells");
    let (ok, out, err) = kikubari(&app, &all);
    assert!(!ok && err.contains("1 chain(s) are broken"), "{err}");
    assert!(
        out.contains(&format!(
            "BROKEN  {rival} the end is missing: entries 1 to "
        )),
        "{out}"
    );
    std::fs::remove_file(anchor).ok();
}
