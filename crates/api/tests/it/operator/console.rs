//! A console of its own for each test, beside the tenants' API on the same database.

use std::net::TcpListener;
use std::sync::{Arc, LazyLock};

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use api::operator::app::OperatorApplication;
use api::operator::config::{OperatorConfig, OperatorState};
use chrono::{TimeDelta, Utc};
use domain::clock::Clock;
use domain::operator::account;
use domain::operator::token::OperatorTokens;
use domain::secret::Keys;
use domain::testing::TestTenant;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use crate::support::{Answer, TestApp, contract};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::to_value(api::operator::openapi::document()).expect("the document as JSON")
});

pub fn document() -> &'static Value {
    &DOCUMENT
}

pub const PASSWORD: &str = "seven lamps beside the canal";

pub struct Console {
    /// The tenants' side.
    pub app: TestApp,
    pub state: OperatorState,
    url: String,
    server: ServerHandle,
}

/// A person of the staff with their app.
pub struct Staff {
    pub login_id: String,
    app: Totp,
    pub token: String,
}

impl Console {
    pub async fn new() -> Self {
        Self::letting_in("127.0.0.0/8").await
    }

    pub async fn letting_in(allow: &str) -> Self {
        Self::behind("", allow).await
    }

    /// Behind proxies of these networks.
    pub async fn behind(proxies: &str, allow: &str) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the test's clock begins now")]
        let clock = Clock::fixed(Utc::now());
        // The same master key on purpose: the two sides must differ all the same.
        let app = TestApp::with_clock(clock).await;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let config = OperatorConfig {
            operator_url: format!("http://{address}"),
            operator_listen: address,
            operator_allow: allow.to_owned(),
            operator_trusted_proxies: proxies.to_owned(),
            ..OperatorConfig::default()
        };
        let keys = Arc::new(Keys::from_master(&[42; 32]).expect("keys"));
        let state = OperatorState {
            db: app.database.operator_db(),
            tokens: Arc::new(OperatorTokens::new(&keys).expect("tokens")),
            keys,
            hasher: TestTenant::hasher(),
            config: Arc::new(config),
        };
        let application = OperatorApplication::new(state.clone()).expect("a console");
        let server = HttpServer::new(move || application.build())
            .workers(1)
            .disable_signals()
            .listen(listener)
            .expect("a listener")
            .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            url: state.config.operator_url.clone(),
            app,
            state,
            server: handle,
        }
    }

    /// Calls the console, and holds the answer against its document.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        self.call_with(method, path, token, body, &[]).await
    }

    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let client = awc::Client::builder()
            .disable_redirects()
            .timeout(std::time::Duration::from_secs(60))
            .finish();
        let mut request = client.request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.insert_header(("Authorization", format!("Bearer {token}")));
        }
        for header in headers {
            request = request.insert_header(*header);
        }
        let sent = match body {
            Some(body) => request
                .insert_header(("Content-Type", "application/json"))
                .send_body(body.to_string()),
            None => request.send(),
        };
        let mut response = sent.await.expect("an answer");
        let bytes = response.body().await.expect("a whole body").to_vec();
        let answer = Answer {
            status: response.status(),
            headers: response.headers().clone(),
            bytes,
        };
        if path.starts_with("/v1/") || path.starts_with("/health/") {
            contract::check_in(document(), &method, path, &answer);
        }
        answer
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, Some(token), None).await
    }

    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(token), Some(body)).await
    }

    pub async fn first_step(&self, login_id: &str, password: &str) -> Answer {
        let body = json!({"login_id": login_id, "password": password});
        self.call(Method::POST, "/v1/auth/login", None, Some(&body))
            .await
    }

    pub async fn second_step(&self, body: &Value) -> Answer {
        self.call(Method::POST, "/v1/auth/code", None, Some(body))
            .await
    }

    /// A person who has set their app up and is logged in.
    pub async fn staff(&self, login_id: &str) -> Staff {
        let db = &self.state.db;
        let one_time = account::add(db, &self.state.hasher, login_id, "山田 太郎")
            .await
            .expect("an account");
        let step = self
            .first_step(login_id, one_time.expose_secret())
            .await
            .expect(200);
        assert_eq!(step["step"], "setup");
        let secret = Secret::try_from_base32(step["secret"].as_str().expect("a secret"));
        let app = Builder::new()
            .with_secret(secret.expect("base32"))
            .build()
            .expect("an app");
        let code = self.shown(&app);
        let body = json!({"ticket": step["ticket"], "code": code, "new_password": PASSWORD});
        let session = self.second_step(&body).await.expect(200);
        // The next code is another one.
        self.app.database.clock.advance(TimeDelta::seconds(30));
        Staff {
            login_id: login_id.to_owned(),
            app,
            token: session["access_token"]
                .as_str()
                .expect("a token")
                .to_owned(),
        }
    }

    /// An access token of the newest session, as its renewal would give it.
    pub async fn fresh_token(&self, login_id: &str) -> String {
        let newest = format!(
            "SELECT s.id || ' ' || a.id FROM operator_session s JOIN operator_account a ON a.id = s.operator_id
             WHERE a.login_id = '{login_id}' AND s.stage = 'open' ORDER BY s.created_at DESC LIMIT 1"
        );
        let ids = self.app.database.text(&newest).await;
        let (session, person) = ids.split_once(' ').expect("two ids");
        let (session, person) = (session.parse(), person.parse());
        let tokens = &self.state.tokens;
        let token = tokens.issue(
            person.expect("an id"),
            session.expect("an id"),
            self.state.db.now(),
        );
        token.expect("a token").expose_secret().to_owned()
    }

    /// A fresh code in an open session.
    pub async fn step_up(&self, staff: &Staff, token: &str) {
        let body = json!({"code": self.code(staff)});
        let answer = self.post("/v1/auth/step-up", token, &body).await;
        assert_eq!(answer.status, 204);
        self.app.database.clock.advance(TimeDelta::seconds(30));
    }

    pub fn code(&self, staff: &Staff) -> String {
        self.shown(&staff.app)
    }

    /// What an app shows now.
    fn shown(&self, app: &Totp) -> String {
        let now = u64::try_from(self.state.db.now().timestamp()).expect("after 1970");
        app.generate(now).to_string()
    }

    /// Logs somebody in again, as at another desk.
    pub async fn log_in(&self, staff: &Staff) -> String {
        let step = self.first_step(&staff.login_id, PASSWORD).await.expect(200);
        assert_eq!(step["step"], "code");
        let body = json!({"ticket": step["ticket"], "code": self.code(staff)});
        let session = self.second_step(&body).await.expect(200);
        self.app.database.clock.advance(TimeDelta::seconds(30));
        session["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// A grant by the tenant's owner; answers its id.
    pub async fn grant(&self, tenant: &TestTenant, permissions: &[&str]) -> String {
        let owner = self.app.log_in(&tenant.login_id("owner")).await;
        let body = json!({"reason": "お問い合わせ 1234", "permissions": permissions, "hours": 24});
        let call = self.app.post("/v1/support-grants").by(&owner).json(&body);
        let grant = call.send().await.expect(201);
        grant["id"].as_str().expect("an id").to_owned()
    }

    /// Opens a support session; answers the path that its looks begin with.
    pub async fn open(&self, tenant: &TestTenant, grant: &str, token: &str) -> String {
        let path = format!("/v1/tenants/{}/support-sessions", tenant.id);
        let opened = self.post(&path, token, &json!({"grant_id": grant})).await;
        let opened = opened.expect(201);
        format!(
            "/v1/support/{}/{}",
            tenant.id,
            opened["id"].as_str().expect("an id")
        )
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}
