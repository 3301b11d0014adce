//! Questions to the domain name system: bounded in time, never cached, since
//! whoever asks has just changed a record.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{MessageAuthenticator, SpfResult};

/// Longest wait for one answer of a name server.
const ANSWER: Duration = Duration::from_secs(2);

/// Most addresses of one relay that are looked at.
const ADDRESSES: usize = 4;

/// The name servers don't answer, or answer nonsense: nothing is known.
#[derive(Debug, thiserror::Error)]
#[error("DNS: {0}")]
pub struct DnsError(String);

impl DnsError {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Whether a domain's SPF record lets an address send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spf {
    /// There is no record.
    None,
    Pass,
    /// Not named, refused, or the record can't be evaluated.
    NoPass,
}

/// A resolver.
pub struct Dns(MessageAuthenticator);

impl Dns {
    /// Asks `server`, or those that the system names.
    ///
    /// # Errors
    /// When the system names none.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, DnsError> {
        let (config, mut options) = match server {
            Some(server) => (only(server), ResolverOpts::default()),
            None => read_system_conf().map_err(DnsError::of)?,
        };
        options.timeout = ANSWER;
        options.attempts = 1;
        options.cache_size = 0;
        options.edns0 = true;
        options.use_hosts_file = ResolveHosts::Never;
        MessageAuthenticator::new(config, options)
            .map(Self)
            .map_err(DnsError::of)
    }

    fn resolver(&self) -> &TokioResolver {
        self.0.resolver()
    }

    /// The TXT records of a name, each joined from its strings; empty when there are none.
    ///
    /// # Errors
    /// When no server answers: that there is no record is an answer.
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let lookup = match self.resolver().txt_lookup(absolute(name)).await {
            Ok(lookup) => lookup,
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(DnsError::of(error)),
        };
        let texts = lookup.answers().iter().filter_map(|record| {
            let RData::TXT(txt) = &record.data else {
                return None;
            };
            Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned())
        });
        Ok(texts.collect())
    }

    /// What a name is another name for (CNAME); empty when it is none.
    ///
    /// # Errors
    /// When no server answers.
    pub async fn aliases(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let targets = self.records(name, RecordType::CNAME).await?;
        let targets = targets.iter().filter_map(|data| match data {
            RData::CNAME(target) => Some(plain(&target.0.to_ascii())),
            _ => None,
        });
        Ok(targets.collect())
    }

    /// The mail servers that a domain names (MX); a null MX names none.
    ///
    /// # Errors
    /// When no server answers.
    pub async fn mail_servers(&self, domain: &str) -> Result<Vec<String>, DnsError> {
        let servers = self.records(domain, RecordType::MX).await?;
        let servers = servers.iter().filter_map(|data| match data {
            RData::MX(mx) => Some(plain(&mx.exchange.to_ascii())),
            _ => None,
        });
        Ok(servers.filter(|server| !server.is_empty()).collect())
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        match self.resolver().lookup(absolute(name), kind).await {
            Ok(lookup) => Ok(lookup
                .answers()
                .iter()
                .map(|record| record.data.clone())
                .collect()),
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
            Err(error) => Err(DnsError::of(error)),
        }
    }

    /// The addresses of a host, at most four; an address is its own.
    ///
    /// # Errors
    /// When no server answers.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        if let Ok(ip) = host.parse() {
            return Ok(vec![ip]);
        }
        match self.resolver().lookup_ip(absolute(host)).await {
            Ok(found) => Ok(found.iter().take(ADDRESSES).collect()),
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
            Err(error) => Err(DnsError::of(error)),
        }
    }

    /// Evaluates the SPF record of `domain` for a mail that comes from `ip` (RFC 7208).
    ///
    /// # Errors
    /// When a server does not answer meanwhile.
    pub async fn spf(&self, domain: &str, ip: IpAddr) -> Result<Spf, DnsError> {
        let sender = format!("postmaster@{domain}");
        let asked = SpfParameters::verify_mail_from(ip, domain, domain, &sender);
        match self.0.verify_spf(asked).await.result() {
            SpfResult::Pass => Ok(Spf::Pass),
            SpfResult::None => Ok(Spf::None),
            SpfResult::Fail | SpfResult::SoftFail | SpfResult::Neutral | SpfResult::PermError => {
                Ok(Spf::NoPass)
            }
            SpfResult::TempError => Err(DnsError::of("no answer while evaluating SPF")),
        }
    }
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn only(server: SocketAddr) -> ResolverConfig {
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
