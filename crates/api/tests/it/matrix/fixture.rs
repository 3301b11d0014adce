//! One of everything in a tenant, made through the API by its owner.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::TestApp;

/// Ids (by the path's noun) and versions of what was made.
#[derive(Debug, Default)]
pub struct Fixture {
    ids: BTreeMap<&'static str, String>,
    versions: BTreeMap<&'static str, i64>,
    token: String,
}

impl Fixture {
    pub async fn create(app: &TestApp, prefix: &str) -> Self {
        let token = app.log_in(&format!("{prefix}-owner")).await;
        let mut made = Self {
            token,
            ..Self::default()
        };
        let users = app
            .get("/v1/users")
            .by(&made.token)
            .send()
            .await
            .expect(200);
        made.keep("users", &users["items"][1]);
        let sessions = app
            .get("/v1/sessions")
            .by(&made.token)
            .send()
            .await
            .expect(200);
        made.keep("sessions", &sessions["items"][0]);
        let tenant = app
            .get("/v1/tenant")
            .by(&made.token)
            .send()
            .await
            .expect(200);
        made.keep("tenant", &tenant);
        made
    }

    fn keep(&mut self, noun: &'static str, row: &Value) {
        self.ids.insert(
            noun,
            row["id"]
                .as_str()
                .unwrap_or_else(|| panic!("{noun}: no id in {row}"))
                .to_owned(),
        );
        self.versions
            .insert(noun, row["version"].as_i64().unwrap_or(1));
    }

    /// The id of the noun.
    pub fn id(&self, noun: &str) -> &str {
        self.ids
            .get(noun)
            .unwrap_or_else(|| panic!("the fixture has no {noun}"))
    }

    /// A path with its parameters filled in.
    pub fn fill(&self, pattern: &str) -> String {
        let noun = pattern.split('/').nth(2).unwrap_or("");
        let mut path = pattern.to_owned();
        if path.contains("{id}") {
            path = path.replace("{id}", self.id(noun));
        }
        if path.contains("{list_id}") {
            path = path.replace("{list_id}", self.id("lists"));
        }
        if path.contains("{contact_id}") {
            path = path.replace("{contact_id}", self.id("contacts"));
        }
        path.replace("{number}", "1")
            .replace("{token}", "bm8gc3VjaCB0b2tlbg")
    }

    /// The version of what a path names, as it was made.
    pub fn version(&self, pattern: &str) -> i64 {
        let noun = pattern.split('/').nth(2).unwrap_or("");
        self.versions.get(noun).copied().unwrap_or(1)
    }

    /// All that was made, as its owner reads it now.
    pub async fn snapshot(&self, app: &TestApp) -> Value {
        let mut all = json!({});
        for (noun, id) in &self.ids {
            let path = match *noun {
                "tenant" => "/v1/tenant".to_owned(),
                "sessions" => continue,
                noun => format!("/v1/{noun}/{id}"),
            };
            all[noun] = app.get(&path).by(&self.token).send().await.expect(200);
        }
        all
    }
}
