//! Every operation of the document × {nobody, each builtin role, an own role,
//! programs with each scope alone and with all others, who was let out, another
//! tenant}. An operation that stands in the document and not in `cases.rs` fails the test.

pub mod cases;
pub mod fixture;

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::Method;
use domain::Permission;
use domain::role::BuiltinRole;
use domain::testing::TEST_PASSWORD;
use serde_json::json;

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

/// Every operation by somebody who is logged in with these permissions.
async fn may_do_this_and_nothing_else(
    app: &TestApp,
    fixture: &Fixture,
    (name, token): (&str, &str),
    permissions: &BTreeSet<Permission>,
) {
    let mut wrong = Vec::new();
    for case in cases() {
        let may = match case.needs {
            Needs::Nothing => continue,
            Needs::LogIn | Needs::Person | Needs::LogInOr(_) => true,
            Needs::Permission(_) => case
                .permissions()
                .is_some_and(|needed| needed.is_subset(permissions)),
        };
        let answer = call(app, &case, fixture, Some(token)).await;
        wrong.extend(differs(name, &case, may, &answer));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is wrong with an answer, so that all of it is told at once.
fn differs(who: &str, case: &Case, may: bool, answer: &Answer) -> Option<String> {
    let status = answer.status.as_u16();
    let as_it_should_be = match may {
        true => ![401, 403].contains(&status) && status < 500,
        false => status == 403,
    };
    let word = if may { "may" } else { "may not" };
    (!as_it_should_be).then(|| format!("{who} {word} {}, and got {status}", case.id))
}

/// The builtin roles on one tenant, in this order.
async fn roles_may(roles: &[BuiltinRole]) {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let fixture = Fixture::create(&app, "acme").await;
    for role in roles {
        use BuiltinRole as R;
        if !matches!(role, R::Owner | R::Editor | R::Viewer) {
            tenant.add(&app.database.db, role.key()).await;
        }
        let token = app.log_in(&format!("acme-{}", role.key())).await;
        let permissions = role.permissions().into_iter().collect();
        may_do_this_and_nothing_else(&app, &fixture, (role.key(), &token), &permissions).await;
    }
}

#[test]
fn no_builtin_role_is_left_out() {
    let tried = [READERS, &WRITERS].concat();
    assert!(BuiltinRole::ALL.iter().all(|role| tried.contains(role)));
}

/// They change nothing, and share a server.
const READERS: &[BuiltinRole] = &[BuiltinRole::Viewer, BuiltinRole::Analyst];
const WRITERS: [BuiltinRole; 4] = [
    BuiltinRole::Approver,
    BuiltinRole::Editor,
    BuiltinRole::Admin,
    BuiltinRole::Owner,
];

#[actix_web::test]
async fn viewers_and_analysts_may_do_what_their_permissions_say_and_nothing_else() {
    roles_may(READERS).await;
}

#[actix_web::test]
async fn approvers_may_do_what_their_permissions_say_and_nothing_else() {
    roles_may(&WRITERS[..1]).await;
}

#[actix_web::test]
async fn editors_may_do_what_their_permissions_say_and_nothing_else() {
    roles_may(&WRITERS[1..2]).await;
}

#[actix_web::test]
async fn administrators_may_do_what_their_permissions_say_and_nothing_else() {
    roles_may(&WRITERS[2..3]).await;
}

#[actix_web::test]
async fn owners_may_do_what_their_permissions_say_and_nothing_else() {
    roles_may(&WRITERS[3..]).await;
}

/// "May edit but not send": the example that the screen offers.
#[actix_web::test]
async fn an_own_role_may_do_what_its_permissions_say_and_nothing_else() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let fixture = Fixture::create(&app, "acme").await;
    let editor = BuiltinRole::Editor.permissions().into_iter();
    let permissions: BTreeSet<Permission> =
        editor.filter(|p| *p != Permission::CampaignsSend).collect();
    let names: Vec<&str> = permissions.iter().map(|p| p.as_str()).collect();
    let body = json!({"name": "編集のみ", "permissions": names});
    let call = app.post("/v1/roles").by(&fixture.token).json(&body);
    let role = call.send().await.expect(201)["key"].clone();
    let body = json!({"login_id": "acme-own", "display_name": "編集", "email": "own@example.jp",
        "role": role, "password": TEST_PASSWORD});
    let call = app.post("/v1/users").by(&fixture.token).json(&body);
    call.send().await.expect(201);
    app.own_password("acme-own").await;
    let token = app.log_in("acme-own").await;
    may_do_this_and_nothing_else(&app, &fixture, ("the own role", &token), &permissions).await;
}

fn all_scopes() -> BTreeSet<Permission> {
    let all = Permission::ALL.iter().copied();
    all.filter(|scope| scope.is_for_tokens()).collect()
}

/// Programs by their scopes, each made once.
#[derive(Default)]
struct Programs(BTreeMap<BTreeSet<Permission>, String>);

impl Programs {
    async fn with(&mut self, app: &TestApp, by: &Fixture, scopes: BTreeSet<Permission>) -> String {
        if !self.0.contains_key(&scopes) {
            let program = by.program(app, &scopes).await;
            self.0.insert(scopes.clone(), program.access);
        }
        self.0[&scopes].clone()
    }
}

#[actix_web::test]
async fn a_program_may_do_what_its_scopes_say_and_nothing_else() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let fixture = Fixture::create(&app, "acme").await;
    let mut programs = Programs::default();
    let mut wrong = Vec::new();
    for case in cases() {
        let needed = match case.needs {
            Needs::Nothing => continue,
            Needs::LogIn => Some(BTreeSet::from([Permission::MailsRead])),
            Needs::Person => None,
            Needs::LogInOr(scope) => Some(BTreeSet::from([scope])),
            Needs::Permission(_) => case
                .permissions()
                .filter(|needed| needed.is_subset(&all_scopes())),
        };
        let Some(needed) = needed else {
            let every = programs.with(&app, &fixture, all_scopes()).await;
            let answer = call(&app, &case, &fixture, Some(&every)).await;
            wrong.extend(differs("a program with every scope", &case, false, &answer));
            continue;
        };
        // First those that may not, while what they ask about is there.
        for lacking in needed.iter().filter(|_| case.needs != Needs::LogIn) {
            let mut others = all_scopes();
            others.remove(lacking);
            let token = programs.with(&app, &fixture, others).await;
            let answer = call(&app, &case, &fixture, Some(&token)).await;
            let who = format!("a program without {}", lacking.as_str());
            wrong.extend(differs(&who, &case, false, &answer));
        }
        let token = programs.with(&app, &fixture, needed).await;
        let answer = call(&app, &case, &fixture, Some(&token)).await;
        let who = "a program with just the scope";
        wrong.extend(differs(who, &case, true, &answer));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whose log-in or API token is over, though their access token is not.
#[actix_web::test]
async fn who_was_let_out_is_out_of_every_operation() {
    let app = TestApp::new().await;
    let tenant = app.tenant("acme").await;
    let fixture = Fixture::create(&app, "acme").await;
    let owner = &fixture.token;
    let admin = tenant.add(&app.database.db, "admin").await;
    let disabled = app.log_in("acme-admin").await;
    let path = format!("/v1/users/{admin}");
    let call_off = app.patch(&path).by(owner).if_match(1);
    call_off
        .json(&json!({"disabled": true}))
        .send()
        .await
        .expect(200);
    let ended = app.log_in("acme-owner").await;
    let sessions = app.get("/v1/sessions").by(&ended).send().await.expect(200);
    let current = sessions["items"].as_array().unwrap().iter();
    let current = current.clone().find(|s| s["current"] == true).unwrap();
    let path = format!("/v1/sessions/{}", current["id"].as_str().unwrap());
    app.delete(&path).by(&ended).send().await.expect(204);
    let mut out = vec![("a disabled person", disabled), ("an ended session", ended)];
    let over = fixture.program(&app, &all_scopes()).await;
    app.database
        .execute_as_owner(&format!(
            "UPDATE api_token SET expires_at = now() WHERE id = '{}'",
            over.id
        ))
        .await;
    out.push(("an expired token", over.access));
    let steps = [
        ("a revoked token", "revoke", None),
        (
            "a token with a new secret",
            "rotate",
            Some(json!({"overlap_days": 0})),
        ),
    ];
    for (who, step, body) in steps {
        let program = fixture.program(&app, &all_scopes()).await;
        let path = format!("/v1/api-tokens/{}/{step}", program.id);
        let mut call = app.post(&path).by(owner);
        if let Some(body) = body {
            call = call.json(&body);
        }
        call.send().await.expect(200);
        out.push((who, program.access));
    }
    let away = fixture.program(&app, &all_scopes()).await;
    let path = format!("/v1/api-tokens/{}", away.id);
    let call_away = app.patch(&path).by(owner).if_match(1);
    let networks = json!({"allowed_ips": ["203.0.113.0/24"]});
    call_away.json(&networks).send().await.expect(200);
    out.push(("a token of another network", away.access));
    for case in cases() {
        if case.needs == Needs::Nothing {
            continue;
        }
        for (who, token) in &out {
            let answer = call(&app, &case, &fixture, Some(token)).await;
            assert_eq!(answer.status, 401, "{} with {who}", case.id);
        }
    }
}

/// What a person may do who has yet to set up a second factor.
const SET_UP: [&str; 10] = [
    "get_me",
    // A password that somebody else gave is changed before a factor is set up.
    "change_password",
    "check_password",
    "create_step_up",
    "create_step_up_challenge",
    "get_second_factors",
    "create_totp",
    "confirm_totp",
    "create_passkey_challenge",
    "create_passkey",
];

#[actix_web::test]
async fn where_a_second_factor_is_wanted_of_all_every_operation_but_the_set_up_is_refused() {
    let app = TestApp::new().await;
    app.tenant("acme").await;
    let fixture = Fixture::create(&app, "acme").await;
    let token = app.log_in("acme-owner").await;
    app.database
        .execute_as_owner("UPDATE tenant SET second_factor_required = true")
        .await;
    for case in cases() {
        if case.needs == Needs::Nothing {
            continue;
        }
        let answer = call(&app, &case, &fixture, Some(&token)).await;
        if SET_UP.contains(&case.id) {
            assert_ne!(answer.status, 403, "{}", case.id);
        } else {
            let code = answer.json()["code"].clone();
            assert_eq!(
                (answer.status.as_u16(), code),
                (403, "second_factor_required".into()),
                "{}",
                case.id
            );
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
    let rival = Fixture::of(&token);
    let program = rival.program(&app, &all_scopes()).await.access;
    for case in cases() {
        let (_, pattern) = operation(case.id);
        if case.needs == Needs::Nothing || !pattern.contains('{') {
            continue;
        }
        let answer = call(&app, &case, &theirs, Some(&token)).await;
        assert_eq!(answer.status, 404, "{} on another tenant's id", case.id);
        let is_for_programs = case
            .permissions()
            .is_some_and(|needed| needed.is_subset(&all_scopes()));
        let expected = if is_for_programs { 404 } else { 403 };
        let answer = call(&app, &case, &theirs, Some(&program)).await;
        assert_eq!(
            answer.status, expected,
            "{} by another tenant's program",
            case.id
        );
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
