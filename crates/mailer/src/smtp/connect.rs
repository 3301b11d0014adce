//! From a route to a session that is ready for MAIL: resolve, connect, EHLO,
//! STARTTLS, AUTH.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::route::Auth;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::reply::Reply;
use super::session::{Session, Stream};

pub use domain::route::Security;

/// How long each step may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// TCP connect, TLS handshake, each.
    pub connect: Duration,
    /// Greeting and the answer to each command.
    pub command: Duration,
    /// The answer to the final dot, when the server may be busy with the mail.
    pub answer: Duration,
}

impl Default for Timeouts {
    /// RFC 5321 §4.5.3.2 asks for 5 and 10 minutes; a relay close by that
    /// needs more than these is ill.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_secs(120),
            answer: Duration::from_secs(300),
        }
    }
}

/// A relay and how to talk to it.
#[derive(Clone)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub auth: Auth,
    pub username: String,
    pub password: SecretString,
    /// Relays on private addresses are a way into the inside network; only an
    /// operator who means it allows them.
    pub allow_private: bool,
    /// Name that EHLO says.
    pub helo: String,
    pub timeouts: Timeouts,
    pub tls: Arc<ClientConfig>,
}

/// Why there is no session. Nothing was handed over.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("no connection to {host}: {error}")]
    Unreachable { host: String, error: String },
    #[error(
        "{host} has only addresses of private networks, which this installation does not send to"
    )]
    Private { host: String },
    #[error("TLS with {host}: {error}")]
    Tls { host: String, error: String },
    /// The server said no to the greeting, EHLO or STARTTLS.
    #[error("{host} refused the session: {} {}", .reply.code, .reply.text())]
    Refused { host: String, reply: Reply },
    #[error("{host} refused the log-in: {} {}", .reply.code, .reply.text())]
    Auth { host: String, reply: Reply },
}

impl Endpoint {
    /// Opens a session.
    ///
    /// # Errors
    /// [`ConnectError`], each of which means that nothing was handed over.
    pub async fn connect(&self) -> Result<Session, ConnectError> {
        let tcp = self.connect_tcp().await?;
        let (mut session, greeting) = if self.security == Security::Tls {
            let stream = self.handshake(tcp).await?;
            self.open(stream).await?
        } else {
            self.open(Stream::Plain(tcp)).await?
        };
        self.expect(&greeting, 2)?;
        self.hello(&mut session).await?;
        if self.security == Security::StartTls {
            session = self.start_tls(session).await?;
        }
        self.log_in(&mut session).await?;
        Ok(session)
    }

    async fn connect_tcp(&self) -> Result<TcpStream, ConnectError> {
        let unreachable = |error: &dyn std::fmt::Display| ConnectError::Unreachable {
            host: self.host.clone(),
            error: error.to_string(),
        };
        // The checked addresses are the ones connected to: a second look-up
        // could answer differently.
        let found: Vec<SocketAddr> = timeout(
            self.timeouts.connect,
            tokio::net::lookup_host((self.host.as_str(), self.port)),
        )
        .await
        .map_err(|_| unreachable(&"name look-up timed out"))?
        .map_err(|e| unreachable(&e))?
        .collect();
        let allowed: Vec<SocketAddr> = found
            .iter()
            .copied()
            .filter(|a| self.allow_private || !is_private(a.ip()))
            .collect();
        if allowed.is_empty() && !found.is_empty() {
            return Err(ConnectError::Private {
                host: self.host.clone(),
            });
        }
        let mut last = unreachable(&"the name has no address");
        for address in allowed {
            match timeout(self.timeouts.connect, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    // Without it Nagle and delayed ACK cost 40 ms a mail.
                    tcp.set_nodelay(true).map_err(|e| unreachable(&e))?;
                    return Ok(tcp);
                }
                Ok(Err(error)) => last = unreachable(&error),
                Err(_) => last = unreachable(&"connect timed out"),
            }
        }
        Err(last)
    }

    async fn handshake(&self, tcp: TcpStream) -> Result<Stream, ConnectError> {
        let tls = |error: &dyn std::fmt::Display| ConnectError::Tls {
            host: self.host.clone(),
            error: error.to_string(),
        };
        let name = ServerName::try_from(self.host.clone()).map_err(|e| tls(&e))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = timeout(self.timeouts.connect, connector.connect(name, tcp))
            .await
            .map_err(|_| tls(&"handshake timed out"))?
            .map_err(|e| tls(&e))?;
        Ok(Stream::Tls(Box::new(stream)))
    }

    async fn open(&self, stream: Stream) -> Result<(Session, Reply), ConnectError> {
        let mut session = Session::new(BufReader::new(stream), self.host.clone(), self.timeouts);
        let greeting = session.read_reply().await.map_err(|e| self.lost(&e))?;
        Ok((session, greeting))
    }

    async fn hello(&self, session: &mut Session) -> Result<(), ConnectError> {
        let reply = session
            .command(&format!("EHLO {}", self.helo))
            .await
            .map_err(|e| self.lost(&e))?;
        if reply.is(2) {
            session.learn(&reply);
            return Ok(());
        }
        let reply = session
            .command(&format!("HELO {}", self.helo))
            .await
            .map_err(|e| self.lost(&e))?;
        self.expect(&reply, 2)
    }

    async fn start_tls(&self, mut session: Session) -> Result<Session, ConnectError> {
        let tls = |error: &str| ConnectError::Tls {
            host: self.host.clone(),
            error: error.to_owned(),
        };
        if !session.offers("STARTTLS") {
            return Err(tls("STARTTLS is not offered"));
        }
        let reply = session
            .command("STARTTLS")
            .await
            .map_err(|e| self.lost(&e))?;
        self.expect(&reply, 2)?;
        // What came in the clear after the answer is dropped with the reader,
        // not believed (CVE-2011-0411).
        let tcp = session
            .into_plain()
            .ok_or_else(|| tls("the server spoke before the handshake"))?;
        let stream = self.handshake(tcp).await?;
        let mut session = Session::new(BufReader::new(stream), self.host.clone(), self.timeouts);
        self.hello(&mut session).await?;
        Ok(session)
    }

    async fn log_in(&self, session: &mut Session) -> Result<(), ConnectError> {
        let password = self.password.expose_secret();
        let reply = match self.auth {
            Auth::None => return Ok(()),
            // RFC 4616
            Auth::Plain => {
                let secret = STANDARD.encode(format!("\0{}\0{password}", self.username));
                session.command(&format!("AUTH PLAIN {secret}")).await
            }
            Auth::Login => self.auth_login(session, password).await,
            Auth::XOAuth2 => self.auth_xoauth2(session, password).await,
        };
        let reply = reply.map_err(|e| self.lost(&e))?;
        if reply.is(2) {
            Ok(())
        } else {
            Err(ConnectError::Auth {
                host: self.host.clone(),
                reply,
            })
        }
    }

    async fn auth_login(&self, session: &mut Session, password: &str) -> io::Result<Reply> {
        let reply = session.command("AUTH LOGIN").await?;
        if reply.code != 334 {
            return Ok(reply);
        }
        let reply = session.command(&STANDARD.encode(&self.username)).await?;
        if reply.code != 334 {
            return Ok(reply);
        }
        session.command(&STANDARD.encode(password)).await
    }

    /// <https://developers.google.com/gmail/imap/xoauth2-protocol>, as
    /// Microsoft speaks it too. A refusal comes as a challenge with the reason,
    /// which an empty answer turns into the final reply.
    async fn auth_xoauth2(&self, session: &mut Session, token: &str) -> io::Result<Reply> {
        let secret = STANDARD.encode(format!(
            "user={}\x01auth=Bearer {token}\x01\x01",
            self.username
        ));
        let reply = session.command(&format!("AUTH XOAUTH2 {secret}")).await?;
        if reply.code != 334 {
            return Ok(reply);
        }
        session.command("").await
    }

    fn expect(&self, reply: &Reply, digit: u16) -> Result<(), ConnectError> {
        if reply.is(digit) {
            return Ok(());
        }
        Err(ConnectError::Refused {
            host: self.host.clone(),
            reply: reply.clone(),
        })
    }

    fn lost(&self, error: &io::Error) -> ConnectError {
        ConnectError::Unreachable {
            host: self.host.clone(),
            error: error.to_string(),
        }
    }
}

/// The platform's roots, TLS 1.2 and 1.3.
///
/// # Errors
/// When the platform has no roots.
pub fn platform_tls() -> Result<Arc<ClientConfig>, tokio_rustls::rustls::Error> {
    use rustls_platform_verifier::BuilderVerifierExt;
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Loopback, private, link-local, shared (RFC 6598), unspecified, multicast,
/// and what leads there: v4-mapped, NAT64, 6to4.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => is_private_v6(ip),
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let low = |hi: u16, lo: u16| {
        let ([a, b], [c, d]) = (hi.to_be_bytes(), lo.to_be_bytes());
        is_private_v4(Ipv4Addr::new(a, b, c, d))
    };
    ip.is_loopback()
        || ip.is_unspecified()
        || ip.is_multicast()
        || ip.is_unique_local()
        || ip.is_unicast_link_local()
        || ip.to_ipv4_mapped().is_some_and(is_private_v4)
        || (s[0] == 0x64 && s[1] == 0xff9b && low(s[6], s[7]))
        || (s[0] == 0x2002 && low(s[1], s[2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_inside_are_told_from_those_outside() {
        let inside = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "198.18.0.1",
        ];
        for ip in inside {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "8.8.8.8",
            "203.0.113.5",
            "2001:4860:4860::8888",
            "64:ff9b::808:808",
            "100.128.0.1",
        ] {
            assert!(!is_private(ip.parse().unwrap()), "{ip}");
        }
    }
}
