//! What the operator's own trace holds of refusals.

use chrono::TimeDelta;
use domain::operator::account;
use serde_json::json;

use super::console::{Console, PASSWORD};
use super::log_in::{cookie_of, refresh, with_cookie};

/// Action, what it says, and from where, the newest first.
async fn journal(console: &Console) -> Vec<String> {
    let sql = "SELECT coalesce(json_agg(action || ' ' || coalesce(detail ->> 'reason', '-') || ' ' || coalesce(host(ip), '-') ORDER BY at DESC, id DESC), '[]')
               FROM operator_audit WHERE action <> 'operator.added'";
    serde_json::from_str(&console.app.database.text(sql).await).unwrap()
}

#[actix_web::test]
async fn what_is_refused_to_staff_stands_in_the_trace_and_fills_it_with_nothing() {
    let console = Console::new().await;
    let staff = console.staff("yamada").await;
    let cookie = cookie_of(&console, &staff).await;
    let before = journal(&console).await.len();
    assert_eq!(console.first_step("yamada", "wrong").await.status, 401);
    assert_eq!(console.first_step("nobody", "wrong").await.status, 401);
    let step = console.first_step("yamada", PASSWORD).await.expect(200);
    let wrong = json!({"ticket": step["ticket"], "code": "000000"});
    assert_eq!(console.second_step(&wrong).await.status, 401);
    let wrong = json!({"code": "000000"});
    let refused = console.post("/v1/auth/step-up", &staff.token, &wrong).await;
    assert_eq!(refused.expect(403)["code"], "wrong_code");
    let expected = [
        "operator.code_refused wrong_code 127.0.0.1",
        "operator.code_refused wrong_code 127.0.0.1",
        "operator.log_in_refused wrong_password 127.0.0.1",
    ];
    let seen = journal(&console).await;
    assert_eq!(seen[..seen.len() - before], expected);
    // A token that comes back, and who logs out, from where.
    refresh(&console, &cookie).await;
    console.app.database.clock.advance(TimeDelta::seconds(11));
    assert_eq!(refresh(&console, &cookie).await.status, 401);
    let other = cookie_of(&console, &staff).await;
    assert_eq!(
        with_cookie(&console, "/v1/auth/logout", &other)
            .await
            .status,
        204
    );
    account::disable(&console.state.db, "yamada").await.unwrap();
    assert_eq!(console.first_step("yamada", PASSWORD).await.status, 401);
    let expected = [
        "operator.log_in_refused disabled 127.0.0.1",
        "operator.disabled - -",
        "operator.logged_out - 127.0.0.1",
        "operator.logged_in - 127.0.0.1",
        "operator.refresh_token_reused - 127.0.0.1",
    ];
    assert_eq!(journal(&console).await[..5], expected);
    // However many come, an hour holds sixty of a person.
    console
        .app
        .database
        .execute_as_owner(
            "INSERT INTO operator_audit (id, operator_id, operator_name, action)
             SELECT gen_random_uuid(), a.id, a.name, 'operator.log_in_refused' FROM operator_account a, generate_series(1, 56)",
        )
        .await;
    let full = journal(&console).await.len();
    console.app.database.clock.advance(TimeDelta::hours(25));
    assert_eq!(console.first_step("yamada", "wrong").await.status, 401);
    assert_eq!(journal(&console).await.len(), full);
}

#[actix_web::test]
async fn a_refusal_of_either_step_is_found_by_the_id_of_its_answer() {
    let console = Console::new().await;
    console.staff("yamada").await;
    let first = console.first_step("yamada", "wrong").await;
    let step = console.first_step("yamada", PASSWORD).await.expect(200);
    let wrong = json!({"ticket": step["ticket"], "code": "000000"});
    let second = console.second_step(&wrong).await;
    for (answer, action) in [
        (first, "operator.log_in_refused"),
        (second, "operator.code_refused"),
    ] {
        assert_eq!(answer.status, 401, "{action}");
        let id = answer.header("x-request-id");
        assert_eq!(id.len(), 36, "{action}");
        let sql = format!(
            "SELECT count(*) FROM operator_audit WHERE action = '{action}' AND request_id = '{id}'"
        );
        assert_eq!(console.app.database.count(&sql).await, 1, "{action}");
    }
}
