//! Looks of staff among those of everybody.

use serde_json::{Value, json};

use super::access::ALL;
use super::console::Console;

#[actix_web::test]
async fn who_read_a_customer_is_one_query_for_people_programs_and_staff() {
    let console = Console::new().await;
    let app = &console.app;
    let staff = console.staff("yamada").await;
    let tenant = app.tenant("acme").await;
    let owner = app.log_in(&tenant.login_id("owner")).await;
    let person = json!({"email": "hanako@example.jp", "name": "花子"});
    let made = app.post("/v1/contacts").by(&owner).json(&person);
    let made = made.send().await.expect(201);
    let contact = made["id"].as_str().unwrap();
    let token = json!({"name": "基幹システム", "scopes": ["contacts.read"]});
    let token = app.post("/v1/api-tokens").by(&owner).json(&token);
    let token = token.send().await.expect(201);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (client, secret) = (
        text(&token["token"]["client_id"]),
        text(&token["client_secret"]),
    );
    let program = app.exchange(&client, &secret).await.expect(200);
    let program = text(&program["access_token"]);
    let path = format!("/v1/contacts/{contact}");
    for reader in [&owner, &program] {
        app.get(&path).by(reader).send().await.expect(200);
        app.state.access.flush().await;
    }
    let grant = console.grant(&tenant, &ALL).await;
    let base = console.open(&tenant, &grant, &staff.token).await;
    for inside in [
        format!("contacts/{contact}"),
        "contacts?q=%E8%8A%B1%E5%AD%90&limit=10".to_owned(),
    ] {
        let look = format!("{base}/{inside}");
        console.get(&look, &staff.token).await.expect(200);
    }
    let of_the_contact = format!("/v1/access-entries?subject_id={contact}");
    let page = app.get(&of_the_contact).by(&owner).send().await.expect(200);
    let looks: Vec<[String; 3]> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|look| ["actor_kind", "actor_name", "operation"].map(|key| text(&look[key])))
        .collect();
    let mut looks: Vec<[&str; 3]> = looks
        .iter()
        .map(|look| look.each_ref().map(String::as_str))
        .collect();
    looks.sort_unstable();
    assert_eq!(
        looks,
        [
            ["operator", "山田 太郎", "get_contact"],
            ["token", "基幹システム", "get_contact"],
            ["user", "acme owner", "get_contact"],
        ]
    );
    // What staff searched for stands in both traces, and who it was.
    let all = app.get("/v1/access-entries").by(&owner).send().await;
    let all = all.expect(200);
    let searched = |look: &&Value| look["operation"] == "list_contacts";
    let search = all["items"].as_array().unwrap().iter().find(searched);
    assert_eq!(search.unwrap()["query"], "q=花子");
    let viewed = app.get("/v1/audit-entries?action=support.viewed");
    let viewed = viewed.by(&owner).send().await.expect(200);
    let mut searches = Vec::new();
    for entry in viewed["items"].as_array().unwrap() {
        assert_eq!(entry["actor_name"], "山田 太郎");
        let whole = format!("/v1/audit-entries/{}", text(&entry["id"]));
        let whole = app.get(&whole).by(&owner).send().await.expect(200);
        if whole["after"]["operation"] == "list_contacts" {
            searches.push(whole["after"]["query"].clone());
        }
    }
    assert_eq!(searches, ["q=花子"]);
}

#[actix_web::test]
async fn a_look_that_can_not_be_noted_shows_nothing() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let tenant = console.app.tenant("acme").await;
    let grant = console.grant(&tenant, &ALL).await;
    let base = console.open(&tenant, &grant, &staff.token).await;
    let deny = "REVOKE INSERT (request_id) ON access_entry FROM kikubari_operator";
    console.app.database.execute_as_owner(deny).await;
    // Past the check against the document, which knows no answer of a fault.
    let url = format!("{}{base}/contacts", console.state.config.operator_url);
    let request = awc::Client::default().get(url);
    let mut answer = request.bearer_auth(&staff.token).send().await.unwrap();
    assert_eq!(answer.status(), 500);
    let body: Value = answer.json().await.unwrap();
    assert!(body["items"].is_null(), "{body}");
}
