//! The door of the console: who may knock at all, and at which host.

use actix_web::http::Method;

use super::console::{Console, PASSWORD};

#[actix_web::test]
async fn addresses_outside_the_allow_list_do_not_get_in_and_without_a_list_nobody_does() {
    for allow in ["", "10.0.0.0/8, 192.0.2.7"] {
        let console = Console::letting_in(allow).await;
        for path in ["/v1/me", "/v1/tenants", "/", "/operator"] {
            let answer = console.call(Method::GET, path, None, None).await;
            assert_eq!(answer.status, 403, "{path} with {allow:?}");
            assert_eq!(answer.json()["code"], "address_not_allowed");
        }
        assert_eq!(console.first_step("yamada", PASSWORD).await.status, 403);
        // Nobody who is not a named proxy says where they come from.
        let forged = [("X-Forwarded-For", "10.1.2.3")];
        let answer = console
            .call_with(Method::GET, "/v1/me", None, None, &forged)
            .await;
        assert_eq!(answer.status, 403);
        let health = console.call(Method::GET, "/health/live", None, None).await;
        assert_eq!(health.status, 200);
    }
}

#[actix_web::test]
async fn what_a_proxy_names_is_believed_and_what_can_not_be_read_is_nobodys_address() {
    let console = Console::behind("127.0.0.1", "127.0.0.0/8, 192.0.2.7").await;
    let me = async |forwarded: &'static str| {
        let headers = [("X-Forwarded-For", forwarded)];
        let answer = console.call_with(Method::GET, "/v1/me", None, None, &headers);
        answer.await.status.as_u16()
    };
    for inside in ["192.0.2.7", "203.0.113.7, 192.0.2.7", "::ffff:192.0.2.7"] {
        assert_eq!(me(inside).await, 401, "{inside:?} is let in");
    }
    for outside in [
        "203.0.113.7",
        "192.0.2.7, 203.0.113.7",
        "203.0.113.7:4711",
        "unknown",
        "192.0.2.7,",
        "",
    ] {
        assert_eq!(me(outside).await, 403, "{outside:?} is not");
    }
}

#[actix_web::test]
async fn a_foreign_host_is_refused_by_the_console() {
    let console = Console::new().await;
    let foreign = [("Host", "mail.example.jp")];
    let answer = console
        .call_with(Method::GET, "/v1/me", None, None, &foreign)
        .await;
    assert_eq!(answer.status, 421);
}
