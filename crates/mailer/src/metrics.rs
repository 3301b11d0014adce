//! Numbers for Prometheus, on a loopback listener when configured.

use std::net::SocketAddr;
use std::time::Duration;

use domain::delivery::outcome::Outcome;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Counts an outcome by its kind.
pub fn count(outcome: &Outcome) {
    let kind = match outcome {
        Outcome::Accepted(_) => "accepted",
        Outcome::Deferred(..) => "deferred",
        Outcome::Failed(..) => "failed",
        Outcome::Unknown(..) => "unknown",
        Outcome::GivenBack => "given_back",
        Outcome::HeldBack { .. } => "held_back",
    };
    metrics::counter!("kikubari_deliveries_total", "outcome" => kind).increment(1);
}

/// Whether the journal refuses to be written, so that nothing is sent.
pub fn journal_failing(failing: bool) {
    metrics::gauge!("kikubari_journal_failing").set(f64::from(u8::from(failing)));
}

/// How many deliveries are in this mailer's hands.
pub fn in_hand(n: usize) {
    #[expect(clippy::cast_precision_loss, reason = "some thousands at most")]
    metrics::gauge!("kikubari_deliveries_in_hand").set(n as f64);
}

/// Answers `GET /metrics` until the process ends.
///
/// # Errors
/// When the address is taken.
pub async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    let listener = TcpListener::bind(listen).await?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((connection, _)) => drop(tokio::spawn(answer(connection, handle.clone()))),
                // No file to be had, or one that hung up meanwhile.
                Err(error) => {
                    tracing::warn!(name: "metrics.not_accepted", %error, "tried again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    });
    Ok(())
}

/// One request, one answer, close: all that a scraper needs.
async fn answer(mut connection: TcpStream, handle: PrometheusHandle) -> std::io::Result<()> {
    let mut request = [0; 1024];
    let n = connection.read(&mut request).await?;
    let (status, body) = if request[..n].starts_with(b"GET /metrics ") {
        ("200 OK", handle.render())
    } else {
        ("404 Not Found", String::new())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body.as_bytes()).await?;
    connection.shutdown().await
}
