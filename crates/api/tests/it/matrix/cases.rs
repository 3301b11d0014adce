//! What each operation needs, and a body that fits it.

use domain::Permission as P;
use serde_json::{Value, json};

use super::fixture::Fixture;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Public: no token.
    Nothing,
    /// Anybody who is logged in.
    LogIn,
    Permission(P),
}

/// One operation.
#[derive(Clone, Copy)]
pub struct Case {
    pub id: &'static str,
    pub needs: Needs,
    pub if_match: bool,
    pub body: Option<fn(&Fixture) -> Value>,
    pub raw: Option<(&'static str, &'static str)>,
    /// A body that is good but for ids of another tenant.
    pub foreign_body: Option<fn(&Fixture) -> Value>,
}

impl Case {
    fn body(self, body: fn(&Fixture) -> Value) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    fn if_match(self) -> Self {
        Self {
            if_match: true,
            ..self
        }
    }

    fn raw(self, content_type: &'static str, text: &'static str) -> Self {
        Self {
            raw: Some((content_type, text)),
            ..self
        }
    }

    fn foreign(self, body: fn(&Fixture) -> Value) -> Self {
        Self {
            foreign_body: Some(body),
            ..self
        }
    }
}

fn case(id: &'static str, needs: Needs) -> Case {
    Case {
        id,
        needs,
        if_match: false,
        body: None,
        raw: None,
        foreign_body: None,
    }
}

fn public(id: &'static str) -> Case {
    case(id, Needs::Nothing)
}

fn anybody(id: &'static str) -> Case {
    case(id, Needs::LogIn)
}

fn needs(id: &'static str, permission: P) -> Case {
    case(id, Needs::Permission(permission))
}

/// In an order in which what is deleted is not needed any more.
pub fn cases() -> Vec<Case> {
    let mut all = vec![
        public("get_liveness"),
        public("get_readiness"),
        public("create_session"),
        public("refresh_session"),
        public("delete_session"),
    ];
    all.extend(people());
    all
}

fn people() -> Vec<Case> {
    vec![
        anybody("get_me"),
        anybody("update_me").body(|_| json!({"display_name": "新しい名前"})),
        anybody("list_sessions"),
        anybody("change_password").body(|_| json!({"current_password": "not the password", "new_password": "another good one"})),
        anybody("get_tenant"),
        needs("update_tenant", P::SettingsWrite).if_match().body(|_| json!({"idle_minutes": 60})),
        needs("list_users", P::SettingsRead),
        needs("create_user", P::UsersManage).body(|_| {
            json!({"login_id": "somebody-new", "display_name": "新人", "email": "new@example.jp", "role": "viewer", "password": "correct horse battery"})
        }),
        needs("get_user", P::SettingsRead),
        needs("update_user", P::UsersManage).if_match().body(|_| json!({"display_name": "別の名前"})),
        anybody("end_session"),
    ]
}
