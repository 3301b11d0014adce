//! Which of a campaign's routes a mail takes: those of the lowest position by
//! their weights, of the next while none of those answers. No mail is lost or
//! waits because one relay is down: it takes another, and only when all are
//! down it goes back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::PoolError;
use domain::ids::RouteId;
use domain::limit::admit::SessionLimits;

use super::ConnectError;
use super::mx::Direct;
use super::route::{REST_MAX, REST_MAX_ALONE, Route, Way};
use super::sessions::Held;

/// A route and its share.
#[derive(Clone)]
pub struct Member {
    pub route: Arc<Route>,
    pub position: i32,
    pub weight: u32,
}

/// The routes of a campaign.
pub struct Routes {
    /// By position, each with what it is owed (smooth weighted round-robin:
    /// shares hold over short runs too, and nobody gets his in one lump).
    members: Vec<Member>,
    owed: Mutex<Vec<i64>>,
}

/// What takes a mail.
pub enum Ready {
    /// A session of the relay.
    Relay(Arc<Route>, Box<Held>),
    /// A route on which each mail finds its own server.
    Direct(Arc<Route>, Arc<Direct>),
}

impl Ready {
    #[must_use]
    pub fn route(&self) -> &Arc<Route> {
        match self {
            Self::Relay(route, _) | Self::Direct(route, _) => route,
        }
    }
}

/// Why there is none.
pub enum NoSession {
    /// All routes are down; `error` when this call saw one refuse. Worth trying
    /// again after `rest`.
    Down {
        error: Option<ConnectError>,
        rest: Duration,
    },
    /// The routes were changed under us.
    Changed,
    /// Limits of sessions are used up.
    Full,
}

impl Routes {
    #[must_use]
    pub fn new(mut members: Vec<Member>) -> Self {
        members.sort_by_key(|member| member.position);
        Self {
            owed: Mutex::new(vec![0; members.len()]),
            members,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.members.iter().map(|member| &member.route)
    }

    /// The one route, when there is but one.
    #[must_use]
    pub fn only(&self) -> Option<RouteId> {
        match self.members.as_slice() {
            [only] => Some(only.route.id),
            _ => None,
        }
    }

    /// The routes that the next mail can take: the one whose turn it is, then
    /// the others that are up. One that is down and rested comes first once, so
    /// that one mail finds out; `probed` says that this has been. `None` when
    /// all are down.
    #[must_use]
    pub fn order(&self, probed: &mut bool) -> Option<Vec<RouteId>> {
        let now = Instant::now();
        let turn = self.turn();
        let most = if turn.is_some() {
            REST_MAX
        } else {
            REST_MAX_ALONE
        };
        let rested = self.iter().find(|route| route.is_due(most, now));
        let first = match rested.filter(|_| !*probed) {
            Some(route) => {
                *probed = true;
                route.id
            }
            None => turn?,
        };
        let others = self
            .iter()
            .filter(|route| route.id != first && route.is_up())
            .map(|route| route.id);
        Some(std::iter::once(first).chain(others).collect())
    }

    /// The route whose turn it is among those of the lowest position that are up.
    fn turn(&self) -> Option<RouteId> {
        let mut rest = self.members.as_slice();
        while let Some(first) = rest.first() {
            let end = rest.partition_point(|member| member.position == first.position);
            let (tier, later) = rest.split_at(end);
            if let Some(member) = self.next_of(tier, self.members.len() - rest.len(), &[]) {
                return Some(member.route.id);
            }
            rest = later;
        }
        None
    }

    /// A session of this route and no other.
    ///
    /// # Errors
    /// [`NoSession`]; nothing was handed over. While others are up it is worth
    /// asking for one of those at once.
    pub async fn session_of(
        &self,
        id: RouteId,
        limits: &SessionLimits,
    ) -> Result<Ready, NoSession> {
        let Some(route) = self.iter().find(|route| route.id == id) else {
            return Err(NoSession::Changed);
        };
        if !route.is_up() && !route.take_try(REST_MAX_ALONE, Instant::now()) {
            return Err(NoSession::Changed);
        }
        let relay = match &route.way {
            Way::Relay(relay) => relay,
            Way::Direct(direct) => return Ok(to_all(route, direct)),
        };
        let began = Instant::now();
        match relay.session(limits).await {
            Ok(session) => {
                route.up();
                Ok(Ready::Relay(Arc::clone(route), Box::new(session)))
            }
            Err(PoolError::Backend(ConnectError::Full { .. })) => Err(NoSession::Full),
            Err(PoolError::Backend(error)) => {
                tracing::warn!(name: "route.down", route = %route.id, %error, "no session");
                route.down(&error, began, Instant::now());
                if self.iter().any(|other| other.is_up()) {
                    return Err(NoSession::Changed);
                }
                Err(NoSession::Down {
                    error: Some(error),
                    rest: self.rest(Instant::now()),
                })
            }
            Err(_) => Err(NoSession::Changed),
        }
    }

    /// A session of the route whose turn it is.
    ///
    /// # Errors
    /// [`NoSession`]; nothing was handed over.
    pub async fn session(&self, limits: &SessionLimits) -> Result<Ready, NoSession> {
        let mut tried = Vec::new();
        let mut last = None;
        while let Some(route) = self.pick(Instant::now(), &tried) {
            let relay = match &route.way {
                Way::Relay(relay) => relay,
                Way::Direct(direct) => return Ok(to_all(route, direct)),
            };
            let began = Instant::now();
            match relay.session(limits).await {
                Ok(session) => {
                    route.up();
                    return Ok(Ready::Relay(Arc::clone(route), Box::new(session)));
                }
                Err(PoolError::Backend(ConnectError::Full { .. })) => return Err(NoSession::Full),
                Err(PoolError::Backend(error)) => {
                    tracing::warn!(name: "route.down", route = %route.id, %error, "no session");
                    route.down(&error, began, Instant::now());
                    tried.push(route.id);
                    last = Some(error);
                }
                Err(_) => return Err(NoSession::Changed),
            }
        }
        Err(NoSession::Down {
            error: last,
            rest: self.rest(Instant::now()),
        })
    }

    /// The route that the next mail takes, except those in `not`; `None` when
    /// all are down and none is due to be tried.
    fn pick(&self, now: Instant, not: &[RouteId]) -> Option<&Arc<Route>> {
        let open = |member: &&Member| !not.contains(&member.route.id);
        let mut rest = self.members.as_slice();
        while let Some(first) = rest.first() {
            let end = rest.partition_point(|member| member.position == first.position);
            let (tier, later) = rest.split_at(end);
            // Who has rested comes first: one mail finds out, the others need not.
            if let Some(member) = tier
                .iter()
                .filter(open)
                .find(|member| member.route.take_try(REST_MAX, now))
            {
                return Some(&member.route);
            }
            if let Some(member) = self.next_of(tier, self.members.len() - rest.len(), not) {
                return Some(&member.route);
            }
            rest = later;
        }
        // All are down: none is left alone for long.
        self.members
            .iter()
            .filter(open)
            .find(|member| member.route.take_try(REST_MAX_ALONE, now))
            .map(|member| &member.route)
    }

    /// Smooth weighted round-robin over those of `tier` that are up.
    fn next_of<'a>(
        &self,
        tier: &'a [Member],
        offset: usize,
        not: &[RouteId],
    ) -> Option<&'a Member> {
        let up: Vec<usize> = (0..tier.len())
            .filter(|i| tier[*i].route.is_up() && !not.contains(&tier[*i].route.id))
            .collect();
        if let [only] = up[..] {
            return Some(&tier[only]);
        }
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = 0;
        for i in &up {
            owed[offset + i] += i64::from(tier[*i].weight);
            total += i64::from(tier[*i].weight);
        }
        // The first of those who are owed most.
        let next = up.into_iter().rev().max_by_key(|i| owed[offset + i])?;
        owed[offset + next] -= total;
        Some(&tier[next])
    }

    fn rest(&self, now: Instant) -> Duration {
        self.iter()
            .filter_map(|route| route.due(REST_MAX_ALONE))
            .min()
            .map_or(Duration::from_secs(1), |due| {
                due.saturating_duration_since(now)
                    .max(Duration::from_millis(100))
            })
    }
}

/// A direct route is never down: servers are, each for itself.
fn to_all(route: &Arc<Route>, direct: &Arc<Direct>) -> Ready {
    Ready::Direct(Arc::clone(route), Arc::clone(direct))
}

#[cfg(test)]
mod tests;
