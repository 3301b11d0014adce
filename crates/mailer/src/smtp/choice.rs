//! Which of a campaign's routes a mail takes: those of the lowest position by
//! their weights, of the next while none of those answers. No mail is lost or
//! waits because one relay is down: it takes another, and only when all are
//! down it goes back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::{Object, PoolError};
use domain::ids::RouteId;

use super::ConnectError;
use super::mx::Direct;
use super::pool::Manager;
use super::route::{REST_MAX, REST_MAX_ALONE, Route, Way};

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
    Relay(Arc<Route>, Box<Object<Manager>>),
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
    pub async fn session_of(&self, id: RouteId) -> Result<Ready, NoSession> {
        let Some(route) = self.iter().find(|route| route.id == id) else {
            return Err(NoSession::Changed);
        };
        if !route.is_up() && !route.take_try(REST_MAX_ALONE, Instant::now()) {
            return Err(NoSession::Changed);
        }
        let pool = match &route.way {
            Way::Relay(pool) => pool,
            Way::Direct(direct) => return Ok(to_all(route, direct)),
        };
        match pool.get().await {
            Ok(session) => {
                route.up();
                Ok(Ready::Relay(Arc::clone(route), Box::new(session)))
            }
            Err(PoolError::Backend(error)) => {
                tracing::warn!(name: "route.down", route = %route.id, %error, "no session");
                route.down(&error, Instant::now());
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
    pub async fn session(&self) -> Result<Ready, NoSession> {
        let mut tried = Vec::new();
        let mut last = None;
        while let Some(route) = self.pick(Instant::now(), &tried) {
            let pool = match &route.way {
                Way::Relay(pool) => pool,
                Way::Direct(direct) => return Ok(to_all(route, direct)),
            };
            match pool.get().await {
                Ok(session) => {
                    route.up();
                    return Ok(Ready::Relay(Arc::clone(route), Box::new(session)));
                }
                Err(PoolError::Backend(error)) => {
                    tracing::warn!(name: "route.down", route = %route.id, %error, "no session");
                    route.down(&error, Instant::now());
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
mod tests {
    use domain::ids::TenantId;
    use domain::route::{Auth, OpenRoute, Relay, Security, Via};
    use secrecy::SecretString;

    use super::super::connect::Timeouts;
    use super::super::mx::DirectSettings;
    use super::super::route::RouteSettings;
    use super::super::tls::platform_tls;
    use super::*;

    fn member(position: i32, weight: u32) -> Member {
        let settings = RouteSettings {
            allow_private: true,
            helo: "test".into(),
            timeouts: Timeouts::default(),
            tls: platform_tls().unwrap(),
            direct: DirectSettings::default(),
            exchanges: Arc::default(),
        };
        let open = OpenRoute {
            id: RouteId::new(),
            version: 1,
            via: Via::Relay(Relay {
                host: "127.0.0.1".into(),
                port: 1,
                security: Security::None,
                auth: Auth::None,
                username: String::new(),
                password: SecretString::from(""),
            }),
            source_address: None,
            helo: None,
            max_sessions: 1,
            sign: true,
            position,
            weight,
        };
        Member {
            route: Arc::new(Route::new(TenantId::new(), &open, &settings).unwrap()),
            position,
            weight,
        }
    }

    fn fail(member: &Member, at: Instant) {
        let error = ConnectError::Private {
            host: "relay".into(),
        };
        member.route.down(&error, at);
    }

    /// How often each is picked in `n` picks at `now`.
    fn shares(routes: &Routes, n: usize, now: Instant) -> Vec<usize> {
        let mut counts = vec![0; routes.members.len()];
        for _ in 0..n {
            if let Some(picked) = routes.pick(now, &[]) {
                let i = routes.iter().position(|route| Arc::ptr_eq(route, picked));
                counts[i.unwrap()] += 1;
            }
        }
        counts
    }

    #[test]
    fn routes_of_a_position_share_by_their_weights_and_later_ones_wait() {
        let routes = Routes::new(vec![member(2, 100), member(1, 300), member(1, 100)]);
        assert_eq!(shares(&routes, 8, Instant::now()), [6, 2, 0]);
    }

    #[test]
    fn the_share_of_a_dead_route_goes_to_the_others_of_its_position_first() {
        let routes = Routes::new(vec![
            member(1, 300),
            member(1, 100),
            member(1, 100),
            member(2, 100),
        ]);
        let now = Instant::now();
        fail(&routes.members[0], now);
        assert_eq!(shares(&routes, 8, now), [0, 4, 4, 0]);
        fail(&routes.members[1], now);
        fail(&routes.members[2], now);
        assert_eq!(shares(&routes, 8, now), [0, 0, 0, 8]);
    }

    #[test]
    fn a_dead_route_is_tried_by_one_mail_after_a_rest_that_doubles_up_to_a_minute() {
        let routes = Routes::new(vec![member(1, 100), member(1, 100)]);
        let mut now = Instant::now();
        for rest in [1, 2, 4, 8, 16, 32, 60, 60] {
            fail(&routes.members[0], now);
            now += Duration::from_secs(rest) - Duration::from_millis(1);
            assert_eq!(shares(&routes, 4, now), [0, 4], "before {rest} s");
            now += Duration::from_millis(1);
            assert_eq!(shares(&routes, 4, now), [1, 3], "after {rest} s");
        }
        routes.members[0].route.up();
        assert_eq!(shares(&routes, 4, now), [2, 2]);
    }

    #[test]
    fn when_all_are_dead_one_is_tried_every_five_seconds_at_the_latest() {
        let routes = Routes::new(vec![member(1, 100), member(2, 100)]);
        let now = Instant::now();
        for _ in 0..10 {
            for member in &routes.members {
                fail(member, now);
            }
        }
        assert_eq!(routes.rest(now), REST_MAX_ALONE);
        let before = now + REST_MAX_ALONE - Duration::from_millis(1);
        assert_eq!(shares(&routes, 3, before), [0, 0]);
        assert_eq!(shares(&routes, 3, now + REST_MAX_ALONE), [1, 1]);
    }

    #[test]
    fn a_mail_can_take_the_route_whose_turn_it_is_then_the_others_that_are_up() {
        let routes = Routes::new(vec![member(1, 100), member(1, 100), member(2, 100)]);
        let ids: Vec<RouteId> = routes.iter().map(|route| route.id).collect();
        let order = |mut probed: bool| routes.order(&mut probed);
        assert_eq!(order(false), Some(vec![ids[0], ids[1], ids[2]]));
        assert_eq!(order(false), Some(vec![ids[1], ids[0], ids[2]]));
        let long_ago = Instant::now() - REST_MAX;
        fail(&routes.members[0], long_ago);
        assert_eq!(order(true), Some(vec![ids[1], ids[2]]));
        let mut probed = false;
        let first = routes.order(&mut probed);
        assert_eq!(first, Some(vec![ids[0], ids[1], ids[2]]), "one finds out");
        assert!(probed);
        for member in &routes.members {
            fail(member, Instant::now());
        }
        assert_eq!(order(false), None);
    }
}
