//! One connection: SMTP (RFC 5321) or LMTP (RFC 2033), as far as a server
//! needs it that takes mail for its own few kinds of recipients only. The
//! grammar of commands is smtp-proto's.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use smtp_proto::Request;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::carrier;
use super::lines::{self, Ended};
use super::recipients::{Known, Recipients, Taken};

/// Longest command; RFC 5321 §4.5.3.1.4 says 512, extensions ask for more.
const MAX_COMMAND: usize = 2048;
/// Longest line of a mail: RFC 5321 says 1,000, real reports say more.
const MAX_LINE: usize = 64 * 1024;
const MAX_RECIPIENTS: usize = 100;
/// Refused commands after which the connection is not worth its slot.
const MAX_ERRORS: usize = 20;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Smtp,
    Lmtp,
}

/// What a session may ask for.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) name: String,
    /// Most bytes of a mail.
    pub(super) size: usize,
    /// Bytes of it that are kept: the rest is of no use.
    pub(super) kept: usize,
    /// How long the other side may be silent.
    pub(super) silence: Duration,
}

/// Serves a connection until it ends.
pub(super) async fn serve<S, R>(
    stream: &mut S,
    protocol: Protocol,
    limits: &Limits,
    recipients: &R,
) -> io::Result<()>
where
    S: AsyncBufRead + AsyncWrite + Unpin,
    R: Recipients,
{
    let mut session = Session {
        stream,
        protocol,
        limits,
        recipients,
        greeted: false,
        transaction: None,
        errors: 0,
    };
    session.run().await
}

struct Session<'a, S, R: Recipients> {
    stream: &'a mut S,
    protocol: Protocol,
    limits: &'a Limits,
    recipients: &'a R,
    greeted: bool,
    /// Since MAIL.
    transaction: Option<Transaction<R::Recipient>>,
    errors: usize,
}

struct Transaction<R> {
    sender: String,
    found: Vec<R>,
}

enum Next {
    Go,
    End,
}

impl<S, R> Session<'_, S, R>
where
    S: AsyncBufRead + AsyncWrite + Unpin,
    R: Recipients,
{
    async fn run(&mut self) -> io::Result<()> {
        let kind = match self.protocol {
            Protocol::Smtp => "ESMTP",
            Protocol::Lmtp => "LMTP",
        };
        self.say(&format!("220 {} {kind}", self.limits.name))
            .await?;
        let mut line = Vec::new();
        loop {
            let read = lines::command(self.stream, &mut line, MAX_COMMAND);
            let Ok(ended) = timeout(self.limits.silence, read).await else {
                return self.say("421 4.4.2 silent too long").await;
            };
            let next = match ended? {
                Ended::Closed => return Ok(()),
                // Whoever means another end of line might mean another end of mail.
                Ended::BareLf => {
                    return self.say("500 5.5.2 lines end in CR LF").await;
                }
                Ended::TooLong => self.refuse("500 5.5.2 line too long").await?,
                Ended::Line => self.command(&line).await?,
            };
            if matches!(next, Next::End) {
                return Ok(());
            }
        }
    }

    async fn command(&mut self, line: &[u8]) -> io::Result<Next> {
        let bare = memchr::memchr(b'\r', line) != Some(line.len() - 2) || line.contains(&0);
        let carrier = carrier::quoted(line);
        let line = carrier.as_deref().unwrap_or(line);
        let request = (!bare)
            .then(|| Request::parse(&mut line.iter()).ok())
            .flatten();
        let Some(request) = request else {
            return self.refuse("500 5.5.2 syntax error").await;
        };
        match request {
            Request::Ehlo { .. } if self.protocol == Protocol::Smtp => self.greet(true).await,
            Request::Helo { .. } if self.protocol == Protocol::Smtp => self.greet(false).await,
            Request::Lhlo { .. } if self.protocol == Protocol::Lmtp => self.greet(true).await,
            Request::Ehlo { .. } | Request::Helo { .. } | Request::Lhlo { .. } => {
                self.refuse("500 5.5.1 not spoken here").await
            }
            Request::Mail { from } => self.mail(&from.address, from.size).await,
            Request::Rcpt { to } => self.rcpt(&to.address).await,
            Request::Data => self.data().await,
            Request::Rset => {
                self.transaction = None;
                self.go("250 2.0.0 ok").await
            }
            Request::Noop { .. } => self.go("250 2.0.0 ok").await,
            Request::Vrfy { .. } => self.go("252 2.5.0 try and see").await,
            Request::Quit => {
                self.say("221 2.0.0 bye").await?;
                Ok(Next::End)
            }
            _ => self.refuse("502 5.5.1 not offered").await,
        }
    }

    async fn greet(&mut self, extended: bool) -> io::Result<Next> {
        self.greeted = true;
        self.transaction = None;
        let name = &self.limits.name;
        let answer = if extended {
            format!(
                "250-{name}\r\n250-PIPELINING\r\n250-SIZE {}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES",
                self.limits.size
            )
        } else {
            format!("250 {name}")
        };
        self.go(&answer).await
    }

    async fn mail(&mut self, sender: &str, size: usize) -> io::Result<Next> {
        if !self.greeted {
            return self.refuse("503 5.5.1 say hello first").await;
        }
        if self.transaction.is_some() {
            return self.refuse("503 5.5.1 one mail at a time").await;
        }
        if size > self.limits.size {
            return self.refuse("552 5.3.4 mail too big").await;
        }
        self.transaction = Some(Transaction {
            sender: sender.to_owned(),
            found: Vec::new(),
        });
        self.go("250 2.1.0 ok").await
    }

    async fn rcpt(&mut self, address: &str) -> io::Result<Next> {
        let Some(Transaction { found, .. }) = &mut self.transaction else {
            return self.refuse("503 5.5.1 MAIL first").await;
        };
        if found.len() >= MAX_RECIPIENTS {
            return self.refuse("452 4.5.3 too many recipients").await;
        }
        match self.recipients.find(address).await {
            Known::Yes(recipient) => {
                // LMTP answers for each RCPT, so each counts, also twice.
                found.push(recipient);
                self.go("250 2.1.5 ok").await
            }
            Known::No => self.refuse("550 5.1.1 no such mailbox").await,
            Known::NotNow => self.go("451 4.3.0 not now, try again later").await,
        }
    }

    async fn data(&mut self) -> io::Result<Next> {
        match &self.transaction {
            None => return self.refuse("503 5.5.1 MAIL first").await,
            Some(transaction) if transaction.found.is_empty() => {
                return self.refuse("554 5.5.1 no valid recipients").await;
            }
            Some(_) => {}
        }
        self.say("354 end with CR LF . CR LF").await?;
        let mail = match self.content().await? {
            Content::Mail(mail) => mail,
            Content::Refused(why) => {
                let n = self.transaction.take().map_or(1, |t| t.found.len());
                for _ in 0..self.answers(n) {
                    self.say(why).await?;
                }
                return Ok(Next::Go);
            }
            Content::Cut => return Ok(Next::End),
        };
        match self.transaction.take() {
            Some(transaction) => self.hand_over(&transaction, &mail).await,
            None => Ok(Next::Go),
        }
    }

    /// SMTP answers once for all recipients, LMTP once for each.
    fn answers(&self, recipients: usize) -> usize {
        match self.protocol {
            Protocol::Smtp => 1,
            Protocol::Lmtp => recipients,
        }
    }

    async fn hand_over(
        &mut self,
        transaction: &Transaction<R::Recipient>,
        mail: &[u8],
    ) -> io::Result<Next> {
        let Transaction { sender, found } = transaction;
        let answer = |taken| match taken {
            Taken::Done => "250 2.0.0 taken",
            Taken::Refused => "554 5.6.0 there is nothing in it for us",
            Taken::NotNow => "451 4.3.0 not now, try again later",
        };
        let mut worst = Taken::Done;
        let mut results: Vec<Taken> = Vec::with_capacity(found.len());
        for recipient in found {
            // Named a hundred times, the mail is still read once.
            let before = found[..results.len()].iter().position(|r| r == recipient);
            let taken = match before {
                Some(before) => results[before],
                None => self.recipients.take(recipient, sender, mail).await,
            };
            results.push(taken);
            if self.protocol == Protocol::Lmtp {
                self.say(answer(taken)).await?;
            }
            // Sent again as a whole; what has been counted does not count twice.
            if taken == Taken::NotNow || worst == Taken::Done {
                worst = taken;
            }
        }
        if self.protocol == Protocol::Smtp {
            self.say(answer(worst)).await?;
        }
        Ok(Next::Go)
    }

    /// The mail up to CRLF . CRLF; its end is read even when it is refused.
    async fn content(&mut self) -> io::Result<Content> {
        let (mut mail, mut line) = (Vec::new(), Vec::new());
        let mut size = 0;
        let mut refused = None;
        loop {
            let read = lines::content(self.stream, &mut line, MAX_LINE);
            let Ok(ended) = timeout(self.limits.silence, read).await else {
                self.say("421 4.4.2 silent too long").await?;
                return Ok(Content::Cut);
            };
            match ended? {
                Ended::Closed => return Ok(Content::Cut),
                Ended::TooLong | Ended::BareLf => {
                    refused = Some("554 5.6.0 a line is too long");
                    continue;
                }
                Ended::Line if line == b".\r\n" => break,
                Ended::Line => {}
            }
            let text = line.strip_prefix(b".").unwrap_or(&line);
            size += text.len();
            if size > self.limits.size {
                refused = Some("552 5.3.4 mail too big");
            }
            let room = self.limits.kept.saturating_sub(mail.len());
            mail.extend_from_slice(&text[..text.len().min(room)]);
        }
        Ok(refused.map_or(Content::Mail(mail), Content::Refused))
    }

    async fn go(&mut self, answer: &str) -> io::Result<Next> {
        self.say(answer).await?;
        Ok(Next::Go)
    }

    async fn refuse(&mut self, answer: &'static str) -> io::Result<Next> {
        self.errors += 1;
        if self.errors > MAX_ERRORS {
            self.say("421 4.7.0 too many errors").await?;
            return Ok(Next::End);
        }
        self.go(answer).await
    }

    async fn say(&mut self, answer: &str) -> io::Result<()> {
        let answer: Cow<'_, str> = format!("{answer}\r\n").into();
        let write = async {
            self.stream.write_all(answer.as_bytes()).await?;
            self.stream.flush().await
        };
        timeout(self.limits.silence, write)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

enum Content {
    Mail(Vec<u8>),
    Refused(&'static str),
    /// The connection is over before the mail is.
    Cut,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, BufStream};

    use super::*;

    /// Takes mail for everybody, and counts how often.
    #[derive(Default)]
    struct Everybody(AtomicUsize);

    impl Recipients for Everybody {
        type Recipient = String;

        async fn find(&self, address: &str) -> Known<String> {
            Known::Yes(address.to_owned())
        }

        async fn take(&self, _: &String, _: &str, _: &[u8]) -> Taken {
            self.0.fetch_add(1, Ordering::Relaxed);
            Taken::Done
        }
    }

    #[tokio::test]
    async fn a_recipient_named_twice_is_answered_twice_and_takes_the_mail_once() {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        let limits = Limits {
            name: "mx.example.jp".into(),
            size: 1000,
            kept: 1000,
            silence: Duration::from_secs(60),
        };
        let everybody = Everybody::default();
        let names = ["a", "b", "a"].map(|name| format!("RCPT TO:<{name}@example.jp>\r\n"));
        let said = format!(
            "LHLO x\r\nMAIL FROM:<>\r\n{}DATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n",
            names.concat()
        );
        client.write_all(said.as_bytes()).await.unwrap();
        let mut stream = BufStream::new(server);
        serve(&mut stream, Protocol::Lmtp, &limits, &everybody)
            .await
            .unwrap();
        drop(stream);
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard.matches("250 2.0.0 taken").count(), 3, "{heard}");
        assert_eq!(everybody.0.load(Ordering::Relaxed), 2);
    }
}
