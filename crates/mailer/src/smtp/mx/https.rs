//! One GET of a small text over HTTPS, as MTA-STS needs it (RFC 8461 §3.3): no
//! redirect is followed, no private address asked, and little is read.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// RFC 8461 §3.3 suggests 64 kB for the policy; the head comes on top.
const BODY_MAX: usize = 64 * 1024;
const ANSWER_MAX: u64 = 80 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);

/// Fetches `path` of `host` at the first of its addresses that answers.
pub(super) async fn get(
    tls: &Arc<ClientConfig>,
    (host, port): (&str, u16),
    addresses: &[IpAddr],
    path: &str,
) -> io::Result<String> {
    let fetching = async {
        let tcp = connect(addresses, port).await?;
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let mut stream = TlsConnector::from(Arc::clone(tls))
            .connect(name, tcp)
            .await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Kikubari\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        let read = stream.take(ANSWER_MAX).read_to_end(&mut answer).await;
        // Many servers end without TLS's goodbye; the length says whether all is there.
        match read {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
            _ => parse(&answer).ok_or_else(|| io::Error::other("no text/plain with status 200")),
        }
    };
    tokio::time::timeout(PATIENCE, fetching)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn connect(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::other("no address that may be asked");
    for ip in addresses {
        match TcpStream::connect(SocketAddr::new(*ip, port)).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The body of an answer 200 with `text/plain`, if it is all there.
fn parse(answer: &[u8]) -> Option<String> {
    let end = memchr::memmem::find(answer, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let rest = &answer[end + 4..];
    let mut lines = head.split("\r\n");
    let mut status = lines.next()?.split(' ');
    if !status.next()?.starts_with("HTTP/1.") || status.next()? != "200" {
        return None;
    }
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
    let kind = header("content-type")?.split(';').next()?.trim();
    if !kind.eq_ignore_ascii_case("text/plain") {
        return None;
    }
    let body = match (header("transfer-encoding"), header("content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => unchunked(rest)?,
        (Some(_), _) => return None,
        (None, Some(length)) => rest.get(..length.parse().ok()?)?.to_vec(),
        (None, None) => rest.to_vec(),
    };
    if body.len() > BODY_MAX {
        return None;
    }
    String::from_utf8(body).ok()
}

/// RFC 9112 §7.1.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = memchr::memmem::find(rest, b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_text_with_status_200_is_an_answer() {
        let good = [
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.0 200 OK\r\ncontent-type: TEXT/plain\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        ];
        for answer in good {
            assert_eq!(parse(answer.as_bytes()).as_deref(), Some("ok"), "{answer}");
        }
        let bad = [
            "",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nok",
            "HTTP/1.1 301 Moved\r\nContent-Type: text/plain\r\nLocation: /x\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: gzip\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nok",
        ];
        for answer in bad {
            assert_eq!(parse(answer.as_bytes()), None, "{answer}");
        }
    }
}
