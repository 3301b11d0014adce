//! Sender domains over HTTP, against a name server of the test's own.

use api::state::ApiConfig;
use domain::clock::Clock;
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::zone::Zone;

struct Setting {
    app: TestApp,
    zone: Zone,
    token: String,
    path: String,
    domain: Value,
}

/// A tenant with a relay and the domain `news.example.jp`.
async fn setting() -> Setting {
    let zone = Zone::default();
    let config = ApiConfig {
        dns_server: Some(zone.serve().await),
        ..ApiConfig::default()
    };
    let app = TestApp::with_config(Clock::system(), config).await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let relay = json!({"name": "relay", "host": "smtp.example.jp", "port": 25, "security": "none", "auth": "none"});
    app.post("/v1/routes")
        .by(&token)
        .json(&relay)
        .send()
        .await
        .expect(201);
    let new = json!({"domain": "News.Example.JP"});
    let domain = app
        .post("/v1/sender-domains")
        .by(&token)
        .json(&new)
        .send()
        .await
        .expect(201);
    let path = format!("/v1/sender-domains/{}", domain["id"].as_str().unwrap());
    Setting {
        app,
        zone,
        token,
        path,
        domain,
    }
}

impl Setting {
    async fn check(&self) -> Value {
        let path = format!("{}/check", self.path);
        self.app
            .post(&path)
            .by(&self.token)
            .send()
            .await
            .expect(200)
    }

    fn publish(&self, domain: &Value) {
        for key in domain["keys"].as_array().unwrap() {
            let record = &key["record"];
            let (name, value) = (record["name"].as_str(), record["value"].as_str());
            self.zone.txt(name.unwrap(), &[value.unwrap()]);
        }
    }
}

/// States of SPF, DMARC and each key.
fn states(domain: &Value) -> Vec<&str> {
    let records = domain["records"].as_array().unwrap().iter();
    let all = records.chain(domain["keys"].as_array().unwrap());
    all.map(|r| r["checked"]["state"].as_str().unwrap())
        .collect()
}

#[actix_web::test]
async fn a_new_domain_says_what_to_set_and_nothing_of_its_private_keys() {
    let s = setting().await;
    assert_eq!(s.domain["domain"], "news.example.jp");
    assert_eq!(states(&s.domain), ["unchecked"; 4]);
    assert_eq!(
        s.domain["records"][0]["value"],
        "v=spf1 a:smtp.example.jp ~all"
    );
    assert_eq!(s.domain["records"][1]["name"], "_dmarc.news.example.jp");
    let algorithms: Vec<&Value> = s.domain["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| &k["algorithm"])
        .collect();
    assert_eq!(algorithms, ["rsa-sha256", "ed25519-sha256"]);
    assert!(!s.domain.to_string().contains("private"));
    let again = json!({"domain": "news.example.jp"});
    let taken = s
        .app
        .post("/v1/sender-domains")
        .by(&s.token)
        .json(&again)
        .send()
        .await
        .expect(409);
    assert_eq!(taken["code"], "domain_taken");
    for bad in ["日本.jp", "localhost", "a.jp\r\nx.jp"] {
        let bad = json!({"domain": bad});
        s.app
            .post("/v1/sender-domains")
            .by(&s.token)
            .json(&bad)
            .send()
            .await
            .expect(422);
    }
    s.app
        .delete(&s.path)
        .by(&s.token)
        .if_match(2)
        .send()
        .await
        .expect(412);
    s.app
        .delete(&s.path)
        .by(&s.token)
        .if_match(1)
        .send()
        .await
        .expect(204);
    s.app.get(&s.path).by(&s.token).send().await.expect(404);
}

#[actix_web::test]
async fn a_check_tells_missing_from_wrong_from_right_records() {
    let s = setting().await;
    assert_eq!(states(&s.check().await), ["missing"; 4]);

    let key = |n: usize| s.domain["keys"][n]["record"]["name"].as_str().unwrap();
    s.zone.txt(
        "news.example.jp",
        &["unrelated", "v=spf1 ip4:198.51.100.1 -all"],
    );
    s.zone
        .txt("_dmarc.news.example.jp", &["v=DMARC1; p=whatever"]);
    s.zone.txt(key(0), &["v=DKIM1; k=rsa; p=AAAA"]);
    s.zone.a("smtp.example.jp", "203.0.113.5");
    let seen = s.check().await;
    assert_eq!(states(&seen), ["differs", "differs", "differs", "missing"]);
    assert_eq!(seen["records"][0]["found"], "v=spf1 ip4:198.51.100.1 -all");

    s.publish(&s.domain);
    s.zone
        .txt("news.example.jp", &["v=spf1 a:smtp.example.jp ~all"]);
    s.zone.txt("_dmarc.news.example.jp", &["v=DMARC1; p=none"]);
    let seen = s.check().await;
    assert_eq!(states(&seen), ["ok"; 4]);
    assert!(seen["records"][0]["checked"]["at"].is_string());
    assert_eq!(
        seen["records"][0]["checked"]["since"],
        seen["records"][0]["checked"]["at"]
    );
    assert_eq!(
        states(&s.app.get(&s.path).by(&s.token).send().await.expect(200)),
        ["ok"; 4]
    );
}

#[actix_web::test]
async fn the_return_path_has_a_name_of_its_own_and_is_right_when_it_leads_to_us() {
    let zone = Zone::default();
    let config = ApiConfig {
        dns_server: Some(zone.serve().await),
        bounce_domain: Some("bounce.kikubari.example".to_owned()),
        ..ApiConfig::default()
    };
    let app = TestApp::with_config(Clock::system(), config).await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let new = json!({"domain": "example.jp"});
    let made = app.post("/v1/sender-domains").by(&token).json(&new);
    let made = made.send().await.expect(201);
    let path = format!("/v1/sender-domains/{}", made["id"].as_str().unwrap());
    let record = |domain: &Value| domain["records"][2].clone();
    let wanted = record(&made);
    assert_eq!(wanted["purpose"], "return_path");
    assert_eq!(
        (&wanted["type"], &wanted["name"], &wanted["value"]),
        (
            &json!("CNAME"),
            &json!("bounce.example.jp"),
            &json!("bounce.kikubari.example")
        )
    );
    let check = async || {
        let check = format!("{path}/check");
        app.post(&check).by(&token).send().await.expect(200)
    };
    let seen = check().await;
    assert_eq!(record(&seen)["checked"]["state"], "missing");
    assert_eq!(seen["host"]["checked"]["state"], "missing");

    zone.cname("bounce.example.jp", "elsewhere.example");
    zone.mx("example.jp", "mx.example.jp");
    let seen = check().await;
    assert_eq!(record(&seen)["checked"]["state"], "differs");
    assert_eq!(record(&seen)["found"], "elsewhere.example");
    assert_eq!(seen["host"]["checked"]["state"], "ok");
    assert_eq!(seen["host"]["found"], "mx.example.jp");

    for bad in ["", "a.b", "-a", "日本"] {
        let bad = json!({"return_path_label": bad});
        let put = app.put(&path).by(&token).if_match(1).json(&bad);
        put.send().await.expect(422);
    }
    let named = json!({"return_path_label": "RP"});
    let put = app.put(&path).by(&token).if_match(1).json(&named);
    let named = put.send().await.expect(200);
    assert_eq!(record(&named)["name"], "rp.example.jp");
    assert_eq!(record(&named)["checked"]["state"], "unchecked");
    zone.cname("rp.example.jp", "Bounce.Kikubari.Example");
    assert_eq!(record(&check().await)["checked"]["state"], "ok");
    let stale = json!({"return_path_label": "bounce"});
    let put = app.put(&path).by(&token).if_match(1).json(&stale);
    put.send().await.expect(412);
}

#[actix_web::test]
async fn an_spf_record_of_other_words_is_right_when_it_lets_the_relay_send() {
    let s = setting().await;
    s.zone.a("smtp.example.jp", "203.0.113.5");
    s.zone
        .txt("news.example.jp", &["v=spf1 include:_spf.example.jp -all"]);
    s.zone
        .txt("_spf.example.jp", &["v=spf1 ip4:203.0.113.0/24 -all"]);
    s.zone.txt("_dmarc.example.jp", &["v=DMARC1; p=reject"]);
    let seen = s.check().await;
    assert_eq!(&states(&seen)[..2], ["ok", "ok"], "{}", seen["records"]);
    assert_eq!(seen["records"][1]["found"], "v=DMARC1; p=reject");

    let two = ["v=spf1 ip4:203.0.113.5 -all", "v=spf1 -all"];
    s.zone.txt("news.example.jp", &two);
    assert_eq!(states(&s.check().await)[0], "differs");
}

#[actix_web::test]
async fn rotated_keys_take_over_once_dns_has_them() {
    let s = setting().await;
    s.publish(&s.domain);
    s.check().await;
    let rotate = format!("{}/keys", s.path);
    let rotated = s.app.post(&rotate).by(&s.token).send().await.expect(200);
    let active = |domain: &Value| {
        let keys = domain["keys"].as_array().unwrap().clone();
        keys.into_iter()
            .filter(|k| k["active"] == true)
            .map(|k| k["selector"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(rotated["keys"].as_array().unwrap().len(), 4);
    assert_eq!(active(&rotated), active(&s.domain), "the old ones sign on");
    assert_eq!(
        active(&s.check().await),
        active(&s.domain),
        "not in DNS yet"
    );
    s.publish(&rotated);
    let after = s.check().await;
    assert!(
        active(&after)
            .iter()
            .all(|selector| !active(&s.domain).contains(selector))
    );
    assert_eq!(active(&after).len(), 2);
}

#[actix_web::test]
async fn name_servers_that_do_not_answer_change_nothing() {
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let config = ApiConfig {
        dns_server: silent.local_addr().ok(),
        ..ApiConfig::default()
    };
    let app = TestApp::with_config(Clock::system(), config).await;
    let tenant = app.tenant("acme").await;
    let token = app.log_in(&tenant.login_id("owner")).await;
    let new = json!({"domain": "example.jp"});
    let domain = app
        .post("/v1/sender-domains")
        .by(&token)
        .json(&new)
        .send()
        .await
        .expect(201);
    let path = format!("/v1/sender-domains/{}", domain["id"].as_str().unwrap());
    let refused = app
        .post(&format!("{path}/check"))
        .by(&token)
        .send()
        .await
        .expect(409);
    assert_eq!(refused["code"], "dns_unavailable");
    let after = app.get(&path).by(&token).send().await.expect(200);
    assert_eq!(states(&after), ["unchecked"; 4]);
}

#[actix_web::test]
async fn who_checks_and_finds_a_record_gone_needs_no_mail_and_the_others_do() {
    let s = setting().await;
    let database = &s.app.database;
    database
        .execute_as_owner(
            "UPDATE user_account u SET role_id = r.id FROM role r
             WHERE r.tenant_id = u.tenant_id AND r.key = 'admin' AND u.login_id LIKE '%-editor'",
        )
        .await;
    s.publish(&s.domain);
    s.check().await;
    let key = s.domain["keys"][0]["record"]["name"].as_str().unwrap();
    s.zone.txt(key, &["v=DKIM1; k=rsa; p=AAAA"]);
    assert_eq!(states(&s.check().await)[2], "differs");
    s.check().await;
    let told = "SELECT string_agg(r.key || ' ' || (m.params ->> 'records'), ', ' ORDER BY r.key) FROM system_mail m
        JOIN user_account u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
        JOIN role r ON r.tenant_id = u.tenant_id AND r.id = u.role_id WHERE m.kind = 'sender_domain_lost'";
    assert_eq!(database.text(told).await, "admin [\"dkim\"]");
    let seen = "SELECT string_agg((before - 'domain')::text || ' ' || (after - 'domain')::text, ', ' ORDER BY at DESC)
        FROM (SELECT * FROM audit_entry WHERE action = 'sender_domain.records_changed' ORDER BY at DESC LIMIT 1) a";
    let selector = s.domain["keys"][0]["selector"].as_str().unwrap();
    let expected = format!(r#"{{"dkim {selector}": "ok"}} {{"dkim {selector}": "differs"}}"#);
    assert_eq!(database.text(seen).await, expected);
}
