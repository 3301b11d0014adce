//! One SMTP session, from MAIL to the answer for the mail.
//!
//! Our own and not lettre's connection, because the ledger must know three
//! things which that one can't tell: at which command a reply came, the reply's
//! whole text, and whether the final dot had left when a line was cut. It
//! pipelines too (RFC 2920): two round trips a mail instead of four.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::connect::Timeouts;
use super::reply::{self, Reply};
use super::slots::Lease;
use super::stream::Stream;

/// The command that a reply answers or that a cut fell on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Mail,
    Rcpt,
    Data,
    /// The mail itself, up to its final dot.
    Content,
    /// After the final dot.
    Answer,
}

/// What became of one mail.
#[derive(Debug)]
pub enum Attempt {
    /// The server's word on it: acceptance only when `stage` is
    /// [`Stage::Answer`] and the code is 2xx.
    Replied { stage: Stage, reply: Reply },
    /// No word: the line was cut or the server was silent too long. Only at
    /// [`Stage::Answer`] the mail may have been taken.
    Cut { stage: Stage, error: io::Error },
}

/// Called when all but the last byte of a mail is settled: from its `Ok` on the
/// server may have the mail. With an error the mail must not go out.
pub type BeforeDot<'a> = &'a (dyn Fn() -> io::Result<()> + Send + Sync);

/// A session after EHLO (and AUTH), ready for MAIL.
#[derive(Debug)]
pub struct Session {
    stream: BufReader<Stream>,
    host: String,
    extensions: Vec<String>,
    timeouts: Timeouts,
    pipelining: bool,
    broken: bool,
    sent: u32,
    place: Option<OwnedSemaphorePermit>,
    lease: Option<Lease>,
}

impl Session {
    pub(super) fn new(stream: BufReader<Stream>, host: String, timeouts: Timeouts) -> Self {
        Self {
            stream,
            host,
            extensions: Vec::new(),
            timeouts,
            pipelining: false,
            broken: false,
            sent: 0,
            place: None,
            lease: None,
        }
    }

    /// Keeps its place, and its slot where limits count it, for as long as it lives.
    pub(super) fn hold(&mut self, place: OwnedSemaphorePermit, lease: Option<Lease>) {
        self.place = Some(place);
        self.lease = lease;
    }

    /// Whether others are to have its slot.
    pub(super) fn is_over(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_over)
    }

    pub(super) fn learn(&mut self, ehlo: &Reply) {
        self.extensions = ehlo
            .lines
            .iter()
            .skip(1)
            .map(|line| line.to_ascii_uppercase())
            .collect();
        self.pipelining = self.offers("PIPELINING");
    }

    /// Whether the server announced an extension.
    #[must_use]
    pub fn offers(&self, keyword: &str) -> bool {
        self.extensions
            .iter()
            .any(|line| line.split_ascii_whitespace().next() == Some(keyword))
    }

    /// Name of the server.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the session can't be used for another mail.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// How many mails went through it.
    #[must_use]
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// The TCP stream below, unless TLS is on or the server has spoken ahead.
    pub(super) fn into_plain(self) -> Option<TcpStream> {
        let ahead = !self.stream.buffer().is_empty();
        match self.stream.into_inner() {
            Stream::Plain(tcp) if !ahead => Some(tcp),
            _ => None,
        }
    }

    pub(super) async fn read_reply(&mut self) -> io::Result<Reply> {
        within(self.timeouts.command, reply::read(&mut self.stream)).await
    }

    pub(super) async fn command(&mut self, line: &str) -> io::Result<Reply> {
        self.write(format!("{line}\r\n").as_bytes(), self.timeouts.command)
            .await?;
        self.read_reply().await
    }

    async fn write(&mut self, bytes: &[u8], limit: Duration) -> io::Result<()> {
        within(limit, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        })
        .await
    }

    /// Sends one mail to one recipient. `from` and `to` are addresses as they
    /// go on the wire (an empty `from` is the null sender); `content` has CRLF
    /// line ends throughout and is dot-stuffed here.
    pub async fn send(
        &mut self,
        from: &str,
        to: &str,
        content: &[u8],
        before_dot: BeforeDot<'_>,
    ) -> Attempt {
        let attempt = if self.pipelining {
            self.send_pipelined(from, to, content, before_dot).await
        } else {
            self.send_stepwise(from, to, content, before_dot).await
        };
        match &attempt {
            Attempt::Cut { .. } => self.broken = true,
            // 421: the server closes (RFC 5321 §3.8).
            Attempt::Replied { reply, .. } if reply.code == 421 => self.broken = true,
            Attempt::Replied { .. } => {}
        }
        self.sent += 1;
        attempt
    }

    async fn send_pipelined(
        &mut self,
        from: &str,
        to: &str,
        content: &[u8],
        before_dot: BeforeDot<'_>,
    ) -> Attempt {
        let commands = format!(
            "{}\r\nRCPT TO:<{to}>\r\nDATA\r\n",
            self.mail_from(from, content)
        );
        if let Err(error) = self.write(commands.as_bytes(), self.timeouts.command).await {
            return Attempt::Cut {
                stage: Stage::Mail,
                error,
            };
        }
        let mut refused: Option<(Stage, Reply)> = None;
        for stage in [Stage::Mail, Stage::Rcpt, Stage::Data] {
            let reply = match self.read_reply().await {
                Ok(reply) => reply,
                // A server that says 421 and closes has said all.
                Err(error) => {
                    return refused_or_cut(
                        refused,
                        Attempt::Cut { stage, error },
                        &mut self.broken,
                    );
                }
            };
            let good = if stage == Stage::Data {
                reply.code == 354
            } else {
                reply.is(2)
            };
            if !good && refused.is_none() {
                refused = Some((stage, reply));
            } else if good && stage == Stage::Data && refused.is_some() {
                // It waits for a mail in spite of its refusal (RFC 2920 §3.1): an empty one, to nobody.
                let ended = self.write(b".\r\n", self.timeouts.command).await;
                if ended.is_err() || self.read_reply().await.is_err() {
                    self.broken = true;
                }
            }
        }
        match refused {
            Some((stage, reply)) => self.reset_after(stage, reply).await,
            None => self.send_content(content, before_dot).await,
        }
    }

    async fn send_stepwise(
        &mut self,
        from: &str,
        to: &str,
        content: &[u8],
        before_dot: BeforeDot<'_>,
    ) -> Attempt {
        let steps = [
            (Stage::Mail, self.mail_from(from, content)),
            (Stage::Rcpt, format!("RCPT TO:<{to}>")),
            (Stage::Data, "DATA".to_owned()),
        ];
        for (stage, line) in steps {
            let reply = match self.command(&line).await {
                Ok(reply) => reply,
                Err(error) => return Attempt::Cut { stage, error },
            };
            let good = if stage == Stage::Data {
                reply.code == 354
            } else {
                reply.is(2)
            };
            if !good {
                return self.reset_after(stage, reply).await;
            }
        }
        self.send_content(content, before_dot).await
    }

    fn mail_from(&self, from: &str, content: &[u8]) -> String {
        let body = if !content.is_ascii() && self.offers("8BITMIME") {
            " BODY=8BITMIME"
        } else {
            ""
        };
        format!("MAIL FROM:<{from}>{body}")
    }

    async fn send_content(&mut self, content: &[u8], before_dot: BeforeDot<'_>) -> Attempt {
        let wire = dot_stuffed(content);
        if let Err(error) = before_dot() {
            return Attempt::Cut {
                stage: Stage::Content,
                error,
            };
        }
        // The dot is the very end of what is written: a write that fails has
        // not sent it, so the server can't have taken the mail.
        if let Err(error) = self.write(&wire, self.timeouts.command).await {
            return Attempt::Cut {
                stage: Stage::Content,
                error,
            };
        }
        match within(self.timeouts.answer, reply::read(&mut self.stream)).await {
            Ok(reply) => Attempt::Replied {
                stage: Stage::Answer,
                reply,
            },
            Err(error) => Attempt::Cut {
                stage: Stage::Answer,
                error,
            },
        }
    }

    /// Ends the transaction of a refused mail, so that the next MAIL is no
    /// second one. A server that answers that with anything else is left.
    async fn reset_after(&mut self, stage: Stage, reply: Reply) -> Attempt {
        if !self.broken && reply.code != 421 && stage != Stage::Mail {
            self.broken = !matches!(self.command("RSET").await, Ok(answer) if answer.is(2));
        }
        Attempt::Replied { stage, reply }
    }

    /// Says goodbye; whether the server hears it does not matter.
    pub async fn quit(mut self) {
        self.part().await;
    }

    /// The same, of one that is dropped afterwards. Where limits count it the
    /// server's answer is awaited: only then it is over on the other side too.
    pub(super) async fn part(&mut self) {
        if std::mem::replace(&mut self.broken, true) {
            return;
        }
        let goodbye = async {
            self.stream.write_all(b"QUIT\r\n").await?;
            self.stream.flush().await?;
            if self.lease.is_some() {
                reply::read(&mut self.stream).await?;
            }
            self.stream.shutdown().await
        };
        drop(within(Duration::from_secs(2), goodbye).await);
    }
}

fn refused_or_cut(refused: Option<(Stage, Reply)>, cut: Attempt, broken: &mut bool) -> Attempt {
    *broken = true;
    match refused {
        Some((stage, reply)) => Attempt::Replied { stage, reply },
        None => cut,
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))
}

/// The content with its dots doubled at line starts (RFC 5321 §4.5.2) and the
/// end mark; adds a last line end only where it is missing.
fn dot_stuffed(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(content.len() + 64);
    let mut rest = content;
    if rest.first() == Some(&b'.') {
        wire.push(b'.');
    }
    while let Some(i) = memchr::memmem::find(rest, b"\n.") {
        wire.extend_from_slice(&rest[..=i]);
        wire.push(b'.');
        rest = &rest[i + 1..];
    }
    wire.extend_from_slice(rest);
    if !wire.is_empty() && !wire.ends_with(b"\r\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b".\r\n");
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_at_line_starts_are_doubled_and_the_end_is_marked_once() {
        let table: [(&[u8], &[u8]); 6] = [
            (b"a\r\n", b"a\r\n.\r\n"),
            (b"a", b"a\r\n.\r\n"),
            (b".a\r\n.\r\n..b\r\n", b"..a\r\n..\r\n...b\r\n.\r\n"),
            (b"", b".\r\n"),
            (b"a.b\r\nc.\r\n", b"a.b\r\nc.\r\n.\r\n"),
            (b".", b"..\r\n.\r\n"),
        ];
        for (content, wire) in table {
            assert_eq!(dot_stuffed(content), wire, "{content:?}");
        }
    }
}
