//! The listener: connections in, each a session with its limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::BufStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::desk::Desk;
use super::mime::MAX_BYTES;
use super::session::{self, Limits, Protocol};

/// Connections at a time, over both listeners of this process.
const MAX_CONNECTIONS: usize = 50;
/// Most bytes of a mail. Reports give the mail back with all its pictures;
/// only their beginning is kept.
const MAX_SIZE: usize = 32 * 1024 * 1024;
/// How long the other side may be silent (RFC 5321 §4.5.3.2.7 says 5 minutes).
const SILENCE: Duration = Duration::from_secs(300);
/// How long a connection may last in all, so that trickling bytes hold no slot for ever.
const LONGEST: Duration = Duration::from_secs(900);
/// After an error of accept, which comes of having no descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

/// A listener that has its port.
pub struct Inbound {
    listener: TcpListener,
    protocol: Protocol,
    room: Arc<Semaphore>,
    limits: Arc<Limits>,
    desk: Arc<Desk>,
}

impl Inbound {
    /// # Errors
    /// When the address is taken.
    pub async fn bind(
        listen: SocketAddr,
        protocol: Protocol,
        name: &str,
        desk: &Arc<Desk>,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("listen on {listen} for bounces"))?;
        let limits = Limits {
            name: name.to_owned(),
            size: MAX_SIZE,
            kept: MAX_BYTES,
            silence: SILENCE,
        };
        Ok(Self {
            listener,
            protocol,
            room: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            limits: Arc::new(limits),
            desk: Arc::clone(desk),
        })
    }

    /// # Errors
    /// When the socket is gone.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes mail until it is dropped, and its connections with it: a mail
    /// without its answer is sent again.
    pub async fn run(self) {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            match self.listener.accept().await {
                Ok((connection, _)) => {
                    let Ok(slot) = Arc::clone(&self.room).try_acquire_owned() else {
                        connections.spawn(turn_away(connection));
                        continue;
                    };
                    let (limits, desk) = (Arc::clone(&self.limits), Arc::clone(&self.desk));
                    let protocol = self.protocol;
                    connections.spawn(async move {
                        talk(connection, protocol, &limits, &desk).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(name: "inbound.accept_failed", %error, "trying again");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn talk(connection: TcpStream, protocol: Protocol, limits: &Limits, desk: &Desk) {
    let mut stream = BufStream::new(connection);
    let session = session::serve(&mut stream, protocol, limits, desk);
    match timeout(LONGEST, session).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(name: "inbound.cut", %error, "a connection was cut"),
        Err(_) => tracing::info!(name: "inbound.too_long", "a connection lasted too long"),
    }
}

async fn turn_away(mut connection: TcpStream) {
    use tokio::io::AsyncWriteExt;
    let words = b"421 4.3.2 too many connections, try again later\r\n";
    // Whoever does not read this finds out by the closed connection.
    let _ = timeout(Duration::from_secs(1), connection.write_all(words)).await;
}
