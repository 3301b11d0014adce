//! Which servers a domain has (RFC 5321 §5.1), asked once for all mails to it
//! and kept for as long as the records say, within bounds.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::limit::exchange;
use domain::secret;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use tokio::sync::OnceCell;

use super::super::route::RouteSettings;
use super::sts::Policies;

/// Longest wait for one answer of a name server; two are asked for.
const ANSWER: Duration = Duration::from_secs(5);
/// However long or short the records say.
const KEPT_MIN: Duration = Duration::from_secs(60);
const KEPT_MAX: Duration = Duration::from_secs(3600);
/// That there is nothing, and that nobody answered.
const NOTHING_KEPT: Duration = Duration::from_secs(300);
const TROUBLE_KEPT: Duration = Duration::from_secs(30);
/// Most domains that are known at a time.
const DOMAINS: usize = 20_000;
/// Most servers of a domain and addresses of a server that are looked at.
const SERVERS: usize = 20;
const ADDRESSES: usize = 4;

/// Why no server is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// For good: there is none.
    #[error("{text}")]
    NoMail {
        status: &'static str,
        text: &'static str,
    },
    /// Not now: nobody answered.
    #[error("the domain's mail servers can't be looked up: {0}")]
    Dns(String),
    /// The domain's policy names none of its servers.
    #[error("{0}")]
    Policy(String),
}

impl Problem {
    /// RFC 3463 status, where RFC 7505 and 5321 have one.
    #[must_use]
    pub fn status(&self) -> Option<&'static str> {
        match self {
            Self::NoMail { status, .. } => Some(status),
            Self::Dns(_) => Some("4.4.3"),
            Self::Policy(_) => Some("4.7.5"),
        }
    }
}

const NULL_MX: Problem = Problem::NoMail {
    status: "5.1.10",
    text: "the domain says that it takes no mail (null MX)",
};
const NO_DOMAIN: Problem = Problem::NoMail {
    status: "5.1.2",
    text: "the domain does not exist",
};
const NO_SERVER: Problem = Problem::NoMail {
    status: "5.1.2",
    text: "the domain has neither a mail server nor an address",
};

/// The servers of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// By preference, the lowest first.
    servers: Vec<(u16, String)>,
    /// Whether they need TLS with a valid certificate.
    pub enforced: bool,
}

impl Destination {
    /// The site that they are of.
    #[must_use]
    pub fn site(&self) -> Option<&'static str> {
        exchange::of_servers(self.servers.iter().map(|(n, name)| (*n, name.as_str())))
    }

    /// In the order of preference, those of one preference at random.
    #[must_use]
    pub fn order(&self) -> Vec<&str> {
        let mut order: Vec<_> = self
            .servers
            .iter()
            .map(|(preference, name)| (*preference, secret::random::<4>(), name.as_str()))
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, _, name)| name).collect()
    }
}

type Found = (Result<Arc<Destination>, Problem>, Instant);
type Cell = Arc<OnceCell<Found>>;

/// What is known of the mail servers of the world.
pub struct Exchanges {
    resolver: TokioResolver,
    policies: Policies,
    known: Mutex<HashMap<String, Cell>>,
}

impl Exchanges {
    /// # Errors
    /// When the system names no name server.
    pub fn new(settings: &RouteSettings) -> anyhow::Result<Self> {
        let (config, mut options) = match settings.direct.dns_server {
            Some(server) => (only(server), ResolverOpts::default()),
            None => read_system_conf()?,
        };
        options.timeout = ANSWER;
        options.attempts = 2;
        options.cache_size = 20_000;
        options.positive_max_ttl = Some(KEPT_MAX);
        options.negative_max_ttl = Some(NOTHING_KEPT);
        options.edns0 = true;
        options.use_hosts_file = ResolveHosts::Never;
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        Ok(Self {
            resolver: builder.build()?,
            policies: Policies::new(settings),
            known: Mutex::default(),
        })
    }

    /// The servers of a domain; mails to one domain ask together.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn destination(&self, domain: &str) -> Result<Arc<Destination>, Problem> {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        let cell = self.cell(&domain);
        let (found, _) = cell.get_or_init(|| self.find(&domain)).await;
        found.clone()
    }

    fn cell(&self, domain: &str) -> Cell {
        let now = Instant::now();
        let is_good = |cell: &Cell| cell.get().is_none_or(|(_, until)| now < *until);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = known.get(domain).filter(|cell| is_good(cell)) {
            return Arc::clone(cell);
        }
        if known.len() >= DOMAINS {
            known.retain(|_, cell| is_good(cell));
            if known.len() >= DOMAINS {
                known.clear();
            }
        }
        let cell = Cell::default();
        known.insert(domain.to_owned(), Arc::clone(&cell));
        cell
    }

    async fn find(&self, domain: &str) -> Found {
        let ((servers, kept), policy) =
            tokio::join!(self.servers(domain), self.policies.of(self, domain));
        let until = Instant::now() + kept;
        let mut servers = match servers {
            Ok(servers) => servers,
            Err(problem) => return (Err(problem), until),
        };
        let Some(policy) = policy.filter(|policy| policy.is_enforced()) else {
            return (Ok(destination(servers, false)), until);
        };
        servers.retain(|(_, name)| policy.names(name));
        if servers.is_empty() {
            let text = "none of the domain's mail servers is one that its MTA-STS policy names";
            return (Err(Problem::Policy(text.to_owned())), until);
        }
        (Ok(destination(servers, true)), until)
    }

    /// What the domain's MX records say, the lowest preference first, and for how long.
    pub(crate) async fn servers(
        &self,
        domain: &str,
    ) -> (Result<Vec<(u16, String)>, Problem>, Duration) {
        let lookup = match self.resolver.lookup(absolute(domain), RecordType::MX).await {
            Ok(lookup) => lookup,
            Err(error) if error.is_nx_domain() => return (Err(NO_DOMAIN), NOTHING_KEPT),
            Err(error) if error.is_no_records_found() => return self.itself(domain).await,
            Err(error) => return (Err(Problem::Dns(error.to_string())), TROUBLE_KEPT),
        };
        let mut servers: Vec<(u16, String)> = lookup
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::MX(mx) => Some((mx.preference, plain(&mx.exchange.to_ascii()))),
                _ => None,
            })
            .collect();
        let kept = lookup
            .valid_until()
            .saturating_duration_since(Instant::now())
            .clamp(KEPT_MIN, KEPT_MAX);
        if servers.is_empty() {
            return self.itself(domain).await;
        }
        servers.retain(|(_, name)| !name.is_empty());
        if servers.is_empty() {
            return (Err(NULL_MX), kept);
        }
        servers.sort_unstable();
        servers.truncate(SERVERS);
        (Ok(servers), kept)
    }

    /// A domain without MX is its own server, if it has an address.
    async fn itself(&self, domain: &str) -> (Result<Vec<(u16, String)>, Problem>, Duration) {
        match self.addresses(domain).await {
            Ok(found) if found.is_empty() => (Err(NO_SERVER), NOTHING_KEPT),
            Ok(_) => (Ok(vec![(0, domain.to_owned())]), NOTHING_KEPT),
            Err(error) => (Err(Problem::Dns(error.to_string())), TROUBLE_KEPT),
        }
    }

    /// The addresses of a server.
    ///
    /// # Errors
    /// When no name server answers.
    pub async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        match self.resolver.lookup_ip(absolute(host)).await {
            Ok(found) => Ok(found.iter().take(ADDRESSES).collect()),
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }

    /// The TXT records of a name; `None` when nobody answers.
    pub(super) async fn texts(&self, name: &str) -> Option<Vec<String>> {
        let lookup = match self.resolver.lookup(absolute(name), RecordType::TXT).await {
            Ok(lookup) => lookup,
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => {
                return Some(Vec::new());
            }
            Err(_) => return None,
        };
        let texts = lookup.answers().iter().filter_map(|record| {
            let RData::TXT(txt) = &record.data else {
                return None;
            };
            Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned())
        });
        Some(texts.collect())
    }
}

fn destination(servers: Vec<(u16, String)>, enforced: bool) -> Arc<Destination> {
    Arc::new(Destination { servers, enforced })
}

fn only(server: std::net::SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.to_vec());
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

/// With its dot at the end, so that no search list is tried.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn servers_come_by_preference_and_equals_in_any_order() {
        let servers = [(10, "a"), (10, "b"), (20, "c")];
        let servers = servers.map(|(preference, name)| (preference, name.to_owned()));
        let destination = destination(servers.to_vec(), false);
        let firsts: BTreeSet<String> = (0..200)
            .map(|_| {
                let order = destination.order();
                assert_eq!(order[2], "c");
                order[0].to_owned()
            })
            .collect();
        assert_eq!(firsts.len(), 2);
    }
}
