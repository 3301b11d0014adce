//! Events: what came back of a delivery. Opens and clicks arrive in batches
//! ([`track`]), cancellations ([`cancel`]), bounces and complaints ([`bounce`])
//! one by one.

pub mod bounce;
mod burst;
pub mod cancel;
pub mod machine;
pub mod target;
pub mod track;

use std::net::IpAddr;

use chrono::{DateTime, Datelike, NaiveDate, Utc};

/// Longest user agent that is kept.
const MAX_USER_AGENT: usize = 300;

/// Who came by a link of a mail, as far as a request tells.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    pub ip: Option<IpAddr>,
    /// Cut, and cleaned of control characters: hostile input.
    pub user_agent: String,
    pub request_id: Option<String>,
}

impl Visitor {
    #[must_use]
    pub fn new(ip: Option<IpAddr>, user_agent: &str, request_id: Option<String>) -> Self {
        let clean = user_agent.chars().take(MAX_USER_AGENT);
        Self {
            ip,
            user_agent: clean.filter(|c| !c.is_control()).collect(),
            request_id,
        }
    }
}

/// First day of the month, the partition of an event.
fn month(at: DateTime<Utc>) -> NaiveDate {
    let day = at.date_naive();
    day.with_day(1).unwrap_or(day)
}
