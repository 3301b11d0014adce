//! The operator's side: staff, their log-in, what they do with tenants. Runs
//! as a program of its own (`kikubari operator serve`) under a database role
//! of its own, which sees of the tenants' tables what the migrations give it.

pub mod account;
pub mod certificate;
pub mod erasure;
pub mod installation;
pub mod journal;
pub mod log_in;
mod refused;
pub mod reseal;
pub mod session;
pub mod step_up;
pub mod support;
pub mod tenants;
pub mod token;

use std::net::IpAddr;

use crate::actor::{Actor, ActorKind};
use crate::error::DomainError;
use crate::ids::{OperatorId, OperatorSessionId, TenantId, UserId};

/// A person of the staff, or the command line.
#[derive(Debug, Clone)]
pub struct Operator {
    /// `None` for the command line: whoever may use it has the machine.
    pub id: Option<OperatorId>,
    pub session: Option<OperatorSessionId>,
    pub name: String,
    pub ip: Option<IpAddr>,
    pub request_id: Option<String>,
}

impl Operator {
    #[must_use]
    pub fn command_line() -> Self {
        Self {
            id: None,
            session: None,
            name: "command line".to_owned(),
            ip: None,
            request_id: None,
        }
    }

    /// As the tenant's own audit log names them; without any permission.
    pub(crate) fn actor(&self, tenant: TenantId) -> Actor {
        Actor {
            kind: ActorKind::Operator,
            user_id: self.id.map(|id| UserId(id.0)),
            ip: self.ip,
            request_id: self.request_id.clone(),
            ..Actor::public(tenant)
        }
    }
}

fn wrong_credentials() -> DomainError {
    DomainError::Unauthenticated {
        code: "wrong_credentials",
        detail: "login id or password is wrong",
    }
}

fn ended() -> DomainError {
    DomainError::Unauthenticated {
        code: "session_ended",
        detail: "the session has ended: log in again",
    }
}
