//! Every operation of the document × {nobody, each role, another tenant}. An
//! operation that stands in the document and not in `cases.rs` fails the test.

mod cases;
pub mod fixture;

use std::collections::BTreeSet;

use actix_web::http::Method;
use domain::role::BuiltinRole;

use crate::support::{Answer, TestApp, contract};
use cases::{Case, Needs, cases};
use fixture::Fixture;

/// Method and path pattern of an operation.
fn operation(id: &str) -> (Method, String) {
    let paths = contract::document()["paths"].as_object().expect("paths");
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            if operation["operationId"] == id {
                return (
                    method.to_ascii_uppercase().parse().expect("a method"),
                    path.clone(),
                );
            }
        }
    }
    panic!("the document has no operation {id}");
}

fn documented() -> BTreeSet<String> {
    let paths = contract::document()["paths"].as_object().expect("paths");
    let operations = paths
        .values()
        .flat_map(|item| item.as_object().expect("operations").values());
    operations
        .map(|o| {
            o["operationId"]
                .as_str()
                .expect("an operation id")
                .to_owned()
        })
        .collect()
}

/// Calls an operation on what the fixture holds.
async fn call(app: &TestApp, case: &Case, on: &Fixture, token: Option<&str>) -> Answer {
    let (method, pattern) = operation(case.id);
    let path = format!("{}?{}", on.fill(&pattern), case.query);
    let mut call = app.call(method, path.trim_end_matches('?'));
    if let Some(token) = token {
        call = call.by(token);
    }
    if case.if_match {
        call = call.if_match(on.version(&pattern));
    }
    if let Some(body) = case.body {
        call = call.json(&body(on));
    }
    if let Some((content_type, bytes)) = case.raw {
        call = call.raw(content_type, bytes);
    }
    call.send().await
}

#[actix_web::test]
async fn every_operation_of_the_document_is_a_case() {
    let named: BTreeSet<String> = cases().iter().map(|case| case.id.to_owned()).collect();
    assert_eq!(documented(), named);
    assert!(named.len() >= 40, "{} operations", named.len());
}

#[actix_web::test]
async fn nobody_gets_in_without_a_token() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let fixture = Fixture::create(&app, "acme").await;
    for case in cases() {
        if case.needs == Needs::Nothing {
            continue;
        }
        for token in [None, Some("no.such.token")] {
            let answer = call(&app, &case, &fixture, token).await;
            assert_eq!(answer.status, 401, "{} with {token:?}", case.id);
        }
    }
}

#[actix_web::test]
async fn each_role_may_do_what_its_permissions_say_and_nothing_else() {
    for role in BuiltinRole::ALL {
        let app = TestApp::new().await;
        app.tenant("acme").await;
        let fixture = Fixture::create(&app, "acme").await;
        let token = app.log_in(&format!("acme-{}", role.key())).await;
        for case in cases() {
            let may = match case.needs {
                Needs::Nothing => continue,
                Needs::LogIn => true,
                Needs::Permission(permission) => role.permissions().contains(&permission),
            };
            let status = call(&app, &case, &fixture, Some(&token))
                .await
                .status
                .as_u16();
            if may {
                assert!(
                    ![401, 403].contains(&status),
                    "{} may {}, and got {status}",
                    role.key(),
                    case.id
                );
                assert!(status < 500, "{} by {}: {status}", case.id, role.key());
            } else {
                assert_eq!(status, 403, "{} may not {}", role.key(), case.id);
            }
        }
    }
}

#[actix_web::test]
async fn another_tenants_ids_are_not_there_in_the_path() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    app.tenant("rival").await;
    let theirs = Fixture::create(&app, "acme").await;
    let before = theirs.snapshot(&app).await;
    let token = app.log_in("rival-owner").await;
    for case in cases() {
        let (_, pattern) = operation(case.id);
        if case.needs == Needs::Nothing || !pattern.contains('{') {
            continue;
        }
        let answer = call(&app, &case, &theirs, Some(&token)).await;
        assert_eq!(answer.status, 404, "{} on another tenant's id", case.id);
    }
    assert_eq!(
        theirs.snapshot(&app).await,
        before,
        "nothing of theirs was changed"
    );
}

#[actix_web::test]
async fn another_tenants_ids_are_not_there_in_a_body() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    app.tenant("rival").await;
    let theirs = Fixture::create(&app, "acme").await;
    let own = Fixture::create(&app, "rival").await;
    let before = theirs.snapshot(&app).await;
    let token = app.log_in("rival-owner").await;
    for case in cases() {
        let Some(foreign) = case.foreign_body else {
            continue;
        };
        let (method, pattern) = operation(case.id);
        let mut call = app
            .call(method, &own.fill(&pattern))
            .by(&token)
            .json(&foreign(&theirs));
        if case.if_match {
            call = call.if_match(own.version(&pattern));
        }
        let status = call.send().await.status.as_u16();
        assert!(
            [404, 422].contains(&status),
            "{} with another tenant's id in its body: {status}",
            case.id
        );
    }
    assert_eq!(
        theirs.snapshot(&app).await,
        before,
        "nothing of theirs was changed"
    );
}
