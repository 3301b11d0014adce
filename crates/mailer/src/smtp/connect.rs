//! From a route to a session that is ready for MAIL: resolve, connect, EHLO,
//! STARTTLS, AUTH.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::egress::address::is_inside;
use domain::route::{Auth, Security};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::BufReader;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::mx::Exchanges;
use super::reply::Reply;
use super::session::Session;
use super::stream::Stream;

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

/// What protects a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    None,
    StartTls,
    Tls,
    /// STARTTLS where it is offered and works, else none.
    Opportunistic,
}

impl From<Security> for Protection {
    fn from(security: Security) -> Self {
        match security {
            Security::None => Self::None,
            Security::StartTls => Self::StartTls,
            Security::Tls => Self::Tls,
        }
    }
}

/// Who is asked for the addresses of a host.
#[derive(Clone)]
pub enum Names {
    /// As for every program of this machine.
    System,
    /// The name servers alone, as for mail servers of strangers.
    Dns(Arc<Exchanges>),
}

/// A server and how to talk to it.
#[derive(Clone)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
    pub names: Names,
    pub protection: Protection,
    pub auth: Auth,
    pub username: String,
    pub password: SecretString,
    /// Relays on private addresses are a way into the inside network; the
    /// operator names those that are meant ([`Inside`](super::inside::Inside)).
    pub allow_private: bool,
    /// Address of this machine that the session comes from.
    pub source: Option<IpAddr>,
    /// Name that EHLO says.
    pub helo: String,
    pub timeouts: Timeouts,
    pub tls: Arc<ClientConfig>,
}

/// Why there is no session. Nothing was handed over.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("no connection to {host}: {error}")]
    Unreachable {
        host: String,
        error: String,
        /// The line was there, and reset in the middle of the greetings.
        reset: bool,
    },
    #[error(
        "{host} has only addresses of private networks, to which this installation sends only where its operator has named host and port"
    )]
    Private { host: String },
    #[error("{host} is this machine itself: a mail to it would come back")]
    Own { host: String },
    /// It failed before and is not tried for a while.
    #[error("{host} is left alone for a while: {error}")]
    Resting { host: String, error: String },
    #[error("TLS with {host}: {error}")]
    Tls { host: String, error: String },
    /// Limits of sessions are used up. No fault of the server's: the mail waits.
    #[error("no session with {host}: the limits of sessions are used up")]
    Full { host: String },
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
        match self.connect_with(self.protection).await {
            Err(ConnectError::Tls { host, error })
                if self.protection == Protection::Opportunistic =>
            {
                tracing::info!(name: "smtp.tls_failed", host, error, "again without TLS");
                self.connect_with(Protection::None).await
            }
            done => done,
        }
    }

    async fn connect_with(&self, protection: Protection) -> Result<Session, ConnectError> {
        let tcp = self.connect_tcp().await?;
        let (mut session, greeting) = if protection == Protection::Tls {
            let stream = self.handshake(tcp).await?;
            self.open(stream).await?
        } else {
            self.open(Stream::Plain(tcp)).await?
        };
        self.expect(&greeting, 2)?;
        self.hello(&mut session).await?;
        let upgrade = match protection {
            Protection::StartTls => true,
            Protection::Opportunistic => session.offers("STARTTLS"),
            Protection::None | Protection::Tls => false,
        };
        if upgrade {
            session = self.start_tls(session).await?;
        }
        self.log_in(&mut session).await?;
        Ok(session)
    }

    async fn connect_tcp(&self) -> Result<TcpStream, ConnectError> {
        // The checked addresses are the ones connected to: a second look-up
        // could answer differently.
        let found = timeout(self.timeouts.connect, self.addresses())
            .await
            .map_err(|_| self.unreachable(&"name look-up timed out"))?
            .map_err(|e| self.unreachable(&e))?;
        let allowed: Vec<IpAddr> = found
            .iter()
            .copied()
            .filter(|ip| self.allow_private || !is_inside(*ip))
            .collect();
        if allowed.is_empty() && !found.is_empty() {
            return Err(ConnectError::Private {
                host: self.host.clone(),
            });
        }
        let mut last = self.unreachable(&"the name has no address");
        for ip in allowed {
            match timeout(self.timeouts.connect, self.connect_to(ip)).await {
                Ok(Ok(tcp)) => return self.not_to_ourselves(tcp),
                Ok(Err(error)) => last = self.unreachable(&error),
                Err(_) => last = self.unreachable(&"connect timed out"),
            }
        }
        Err(last)
    }

    async fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        match &self.names {
            Names::System => Ok(tokio::net::lookup_host((self.host.as_str(), self.port))
                .await?
                .map(|address| address.ip())
                .collect()),
            Names::Dns(exchanges) => exchanges.addresses(&self.host).await,
        }
    }

    async fn connect_to(&self, ip: IpAddr) -> io::Result<TcpStream> {
        let socket = if ip.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(source) = self.source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let tcp = socket.connect(SocketAddr::new(ip, self.port)).await?;
        // Without it Nagle and delayed ACK cost 40 ms a mail.
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }

    /// Whoever names us as their mail server would get their mails back and
    /// forth: a line to an own address has it at both ends.
    fn not_to_ourselves(&self, tcp: TcpStream) -> Result<TcpStream, ConnectError> {
        let ends = (tcp.local_addr(), tcp.peer_addr());
        let (Names::Dns(_), false, (Ok(here), Ok(there))) = (&self.names, self.allow_private, ends)
        else {
            return Ok(tcp);
        };
        if here.ip() == there.ip() {
            return Err(ConnectError::Own {
                host: self.host.clone(),
            });
        }
        Ok(tcp)
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> ConnectError {
        ConnectError::Unreachable {
            host: self.host.clone(),
            error: error.to_string(),
            reset: false,
        }
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
            .map_err(|e| tls(&e.to_string()))?;
        if !reply.is(2) {
            return Err(tls(&format!(
                "STARTTLS was refused: {} {}",
                reply.code,
                reply.text()
            )));
        }
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
            reset: error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}
