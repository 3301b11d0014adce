//! Requests to addresses that somebody else names: one client for all of them
//! (webhooks, MTA-STS policies).
//!
//! A name is looked up once, by the caller, and the addresses that were judged
//! are the ones connected to: a name server that answers differently a moment
//! later changes nothing. No redirect is followed, no proxy asked, nothing read
//! beyond a limit, and all of it ends in time. What may be asked is
//! [`domain::egress`]'s to say.

mod http;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::egress::{Rules, Target};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

pub use http::Answer;

/// Beyond the body; more is no honest server's.
const HEAD: usize = 16 * 1024;
const AGENT: &str = "Kikubari";

/// How long a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For each address.
    pub connect: Duration,
    /// For everything.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(15),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    #[error("the name has no address")]
    NoAddress,
    #[error("the name leads to an address that may not be asked")]
    Inside,
    #[error("no connection: {0}")]
    Connect(io::Error),
    #[error("TLS: {0}")]
    Tls(io::Error),
    #[error("the answer did not come in time")]
    TimedOut,
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("the answer is no HTTP")]
    Malformed,
}

/// What is asked.
#[derive(Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    pub target: &'a Target,
    /// Names and values, of ours alone.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    /// Bytes of the answer's body that are read; more is left unread.
    pub most: usize,
}

/// The client.
#[derive(Clone)]
pub struct Client {
    tls: Arc<ClientConfig>,
    patience: Patience,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({:?})", self.patience)
    }
}

impl Client {
    /// `tls` judges certificates; the platform's roots
    /// ([`crate::smtp::tls::platform_tls`]) but in tests.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>, patience: Patience) -> Self {
        Self { tls, patience }
    }

    /// Asks at the first of a name's `addresses` that `rules` allow and that takes
    /// a connection.
    ///
    /// # Errors
    /// When there is no whole head of an answer.
    pub async fn ask(
        &self,
        rules: &Rules,
        addresses: &[IpAddr],
        request: &Request<'_>,
    ) -> Result<Answer, EgressError> {
        let allowed: Vec<IpAddr> = addresses
            .iter()
            .copied()
            .filter(|ip| rules.allow(request.target, *ip))
            .collect();
        if allowed.is_empty() {
            return Err(match addresses {
                [] => EgressError::NoAddress,
                _ => EgressError::Inside,
            });
        }
        let end = Instant::now() + self.patience.total;
        timeout_at(end, self.ask_at(&allowed, request))
            .await
            .unwrap_or(Err(EgressError::TimedOut))
    }

    async fn ask_at(
        &self,
        addresses: &[IpAddr],
        request: &Request<'_>,
    ) -> Result<Answer, EgressError> {
        let tcp = self
            .connect(addresses, request.target.port)
            .await
            .map_err(EgressError::Connect)?;
        if !request.target.tls {
            return exchange(tcp, request).await;
        }
        let name = ServerName::try_from(request.target.host.clone())
            .map_err(|error| EgressError::Tls(io::Error::other(error)))?;
        let stream = TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, tcp)
            .await
            .map_err(EgressError::Tls)?;
        exchange(stream, request).await
    }

    async fn connect(&self, addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
        let mut last = io::Error::other("no address");
        for ip in addresses {
            let connecting = TcpStream::connect(SocketAddr::new(*ip, port));
            match timeout(self.patience.connect, connecting).await {
                Ok(Ok(tcp)) => {
                    tcp.set_nodelay(true).ok();
                    return Ok(tcp);
                }
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }
}

/// One request, one answer, on a line of its own.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    request: &Request<'_>,
) -> Result<Answer, EgressError> {
    // Who answers before it has read all, and hangs up, has answered.
    let written = stream.write_all(&request.bytes()).await;
    let flushed = match written {
        Ok(()) => stream.flush().await,
        error => error,
    };
    let mut read = Vec::new();
    let mut buffer = [0; 8 * 1024];
    loop {
        if let Some(answer) = http::parse(&read, request.most, false)? {
            return Ok(answer);
        }
        // Chunks and interim answers can be told for ever without a body growing.
        if read.len() > 2 * HEAD + 4 * request.most {
            return Err(EgressError::Malformed);
        }
        match stream.read(&mut buffer).await {
            Ok(0) => break,
            Ok(n) => read.extend_from_slice(&buffer[..n]),
            // Many servers end without TLS's goodbye; the length says whether all is there.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) if read.is_empty() => {
                return Err(EgressError::Broken(flushed.err().unwrap_or(error)));
            }
            Err(_) => break,
        }
    }
    match http::parse(&read, request.most, true)? {
        Some(answer) => Ok(answer),
        None => Err(EgressError::Broken(
            flushed
                .err()
                .unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()),
        )),
    }
}

impl Request<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {AGENT}\r\nConnection: close\r\n",
            self.method,
            self.target.path,
            self.target.authority()
        );
        for (name, value) in self.headers {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        }
        if self.method != "GET" {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body);
        bytes
    }
}
