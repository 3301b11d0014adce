//! A server of its own for each test.

pub mod contract;
pub mod zone;

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use actix_web::http::{Method, StatusCode, header};
use api::app::Application;
use api::background::Background;
use api::events::Events;
use api::middleware::access::AccessLog;
use api::middleware::rate_limit::Limits;
use api::state::{ApiConfig, AppState, installation};
use api::visitors::Visitors;
use awc::cookie::Cookie;
use domain::clock::Clock;
use domain::secret::Keys;
use domain::session::token::AccessTokens;
use domain::testing::{TEST_PASSWORD, TestDatabase, TestTenant};
use serde_json::{Value, json};

/// A running API on a port of its own.
pub struct TestApp {
    pub database: TestDatabase,
    pub state: AppState,
    server: ServerHandle,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("a JSON body")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("readable"))
    }

    /// The body, when the status is the expected one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{}",
            String::from_utf8_lossy(&self.bytes)
        );
        if self.bytes.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }
}

/// A request under way.
pub struct Call<'a> {
    app: &'a TestApp,
    method: Method,
    path: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<(&'static str, Vec<u8>)>,
}

impl TestApp {
    pub async fn new() -> Self {
        Self::with_clock(Clock::system()).await
    }

    pub async fn with_clock(clock: Clock) -> Self {
        Self::with_config(clock, ApiConfig::default()).await
    }

    /// As [`TestApp::with_clock`], under a name, which passkeys want.
    pub async fn with_name(clock: Clock) -> Self {
        Self::start(clock, ApiConfig::default(), "localhost").await
    }

    pub async fn with_config(clock: Clock, config: ApiConfig) -> Self {
        Self::start(clock, config, "127.0.0.1").await
    }

    async fn start(clock: Clock, config: ApiConfig, host: &str) -> Self {
        let database = TestDatabase::with_clock(clock).await;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let public_url = format!("http://{host}:{}", address.port());
        let address = address.to_string();
        let config = ApiConfig {
            public_url,
            listen: address,
            ..config
        };
        let keys = Arc::new(Keys::from_master(&[42; 32]).expect("keys"));
        let visitors = Visitors::new(database.db.clone(), installation(&config, &keys));
        visitors.tracker.start();
        let access = AccessLog::new(database.db.clone());
        access.start();
        let state = AppState {
            visitors: Arc::new(visitors),
            access: Arc::new(access),
            background: Background::default(),
            limits: Arc::new(Limits::new(config.rate_limit)),
            config: Arc::new(config),
            events: Arc::new(Events::new(database.db.clone())),
            db: database.db.clone(),
            egress: Arc::default(),
            tokens: Arc::new(AccessTokens::new(&keys).expect("tokens")),
            keys,
            hasher: TestTenant::hasher(),
        };
        let application = Application::new(state.clone());
        let server = HttpServer::new(move || application.build())
            .workers(1)
            .disable_signals()
            .listen(listener)
            .expect("a listener")
            .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            database,
            state,
            server: handle,
        }
    }

    /// A tenant with owner, editor and viewer (see [`TestTenant`]).
    pub async fn tenant(&self, prefix: &str) -> TestTenant {
        TestTenant::create(&self.database.db, prefix).await
    }

    /// As if a person had changed the password that somebody else gave them.
    pub async fn own_password(&self, login_id: &str) {
        let sql = format!(
            "UPDATE user_account SET password_temporary = false WHERE login_id = '{login_id}'"
        );
        self.database.execute_as_owner(&sql).await;
    }

    /// Logs in and answers the access token.
    pub async fn log_in(&self, login_id: &str) -> String {
        let answer = self
            .post("/v1/auth/login")
            .json(&json!({"login_id": login_id, "password": TEST_PASSWORD}))
            .send()
            .await;
        answer.expect(200)["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// A client id and its secret for an access token.
    pub async fn exchange(&self, client_id: &str, secret: &str) -> Answer {
        let form =
            format!("grant_type=client_credentials&client_id={client_id}&client_secret={secret}");
        self.post("/v1/auth/token")
            .raw("application/x-www-form-urlencoded", form)
            .send()
            .await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.state.config.listen)
    }

    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            app: self,
            method,
            path: path.to_owned(),
            token: None,
            headers: Vec::new(),
            body: None,
        }
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub fn patch(&self, path: &str) -> Call<'_> {
        self.call(Method::PATCH, path)
    }

    pub fn put(&self, path: &str) -> Call<'_> {
        self.call(Method::PUT, path)
    }

    pub fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

impl Call<'_> {
    /// As the person of this access token.
    pub fn by(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn if_match(self, version: i64) -> Self {
        self.header("If-Match", &format!("\"{version}\""))
    }

    pub fn cookie(self, cookie: &Cookie<'_>) -> Self {
        self.header("Cookie", &cookie.stripped().to_string())
    }

    pub fn json(self, body: &Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    pub fn raw(mut self, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some((content_type, body.into()));
        self
    }

    /// Sends, and holds the answer against the document.
    pub async fn send(self) -> Answer {
        let client = awc::Client::builder()
            .disable_redirects()
            .timeout(std::time::Duration::from_secs(60))
            .finish();
        let mut request = client
            .request(self.method.clone(), self.app.url(&self.path))
            .camel_case();
        if let Some(token) = &self.token {
            request = request.insert_header(("Authorization", format!("Bearer {token}")));
        }
        for (name, value) in &self.headers {
            request = request.insert_header((name.as_str(), value.as_str()));
        }
        let sent = match self.body {
            Some((content_type, body)) => request
                .insert_header(("Content-Type", content_type))
                .send_body(body),
            None => request.send(),
        };
        let mut response = sent.await.expect("an answer");
        let bytes = response
            .body()
            .limit(64 * 1024 * 1024)
            .await
            .expect("a whole body")
            .to_vec();
        let answer = Answer {
            status: response.status(),
            headers: response.headers().clone(),
            bytes,
        };
        contract::check(&self.method, &self.path, &answer);
        answer
    }
}
