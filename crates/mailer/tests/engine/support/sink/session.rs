//! One line to the sink: the talk of SMTP, as the script wants it.

use std::sync::Arc;

use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter, ReadHalf,
    WriteHalf, split,
};
use tokio::net::TcpStream;

use super::{Action, Mail, Shared, Tls};

/// A line, in the clear or not.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

type Line = Box<dyn Duplex>;

/// An open session, counted until it is dropped.
pub(super) struct Open(Arc<Shared>);

impl Open {
    pub(super) fn begin(shared: &Arc<Shared>) -> Self {
        let mut counts = shared.counts.lock().unwrap();
        counts.sessions += 1;
        counts.open += 1;
        counts.most_open = counts.most_open.max(counts.open);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counts.lock().unwrap().open -= 1;
    }
}

struct Session {
    /// Over with the client's QUIT.
    open: Option<Open>,
    reader: BufReader<ReadHalf<Line>>,
    writer: BufWriter<WriteHalf<Line>>,
    shared: Arc<Shared>,
    logged_in: bool,
    encrypted: bool,
}

pub(super) async fn serve(connection: TcpStream, open: Open) -> std::io::Result<()> {
    let shared = Arc::clone(&open.0);
    let (read, write) = split(Box::new(connection) as Line);
    let logged_in = shared.options.login.is_none();
    let session = Session {
        open: Some(open),
        reader: BufReader::new(read),
        writer: BufWriter::new(write),
        shared: Arc::clone(&shared),
        logged_in,
        encrypted: false,
    };
    let mut away = shared.away.subscribe();
    tokio::select! {
        talked = session.talk() => talked,
        _ = away.wait_for(|away| *away) => Ok(()),
    }
}

impl Session {
    async fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.writer.write_all(line.as_bytes()).await?;
        self.writer.write_all(b"\r\n").await?;
        // A pipelining client gets its answers in one go.
        if self.reader.buffer().is_empty() {
            if !self.shared.options.latency.is_zero() {
                tokio::time::sleep(self.shared.options.latency).await;
            }
            self.writer.flush().await?;
        }
        Ok(())
    }

    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).await?;
        Ok(line
            .strip_suffix(b"\r\n")
            .map(|line| String::from_utf8_lossy(line).into_owned()))
    }

    /// On over TLS.
    async fn encrypt(mut self, tls: &Tls) -> std::io::Result<Self> {
        let (read, write) = (self.reader.into_inner(), self.writer.into_inner());
        let mut line = read.unsplit(write);
        let Tls::With(acceptor) = tls else {
            line.write_all(b"no TLS at all\r\n").await?;
            return Err(std::io::ErrorKind::InvalidData.into());
        };
        let line = acceptor.accept(line).await?;
        let (read, write) = split(Box::new(line) as Line);
        self.reader = BufReader::new(read);
        self.writer = BufWriter::new(write);
        self.encrypted = true;
        Ok(self)
    }

    async fn talk(mut self) -> std::io::Result<()> {
        self.say("220 sink ESMTP").await?;
        let mut from: Option<String> = None;
        let mut to: Option<(String, Action)> = None;
        while let Some(line) = self.line().await? {
            let upper = line.to_ascii_uppercase();
            if upper.starts_with("EHLO") {
                let helo = line.get(5..).unwrap_or_default().to_owned();
                self.shared.counts.lock().unwrap().helos.push(helo);
                let mut lines = vec!["250-sink"];
                if !self.encrypted && !matches!(self.shared.options.tls, Tls::NotOffered) {
                    lines.push("250-STARTTLS");
                }
                if self.shared.options.pipelining {
                    lines.push("250-PIPELINING");
                }
                if self.shared.options.login.is_some() {
                    lines.push("250-AUTH PLAIN LOGIN XOAUTH2");
                }
                lines.push("250 8BITMIME");
                self.say(&lines.join("\r\n")).await?;
            } else if upper == "STARTTLS" {
                self.say("220 2.0.0 go").await?;
                let tls = self.shared.options.tls.clone();
                self = self.encrypt(&tls).await?;
            } else if let Some(secret) = line.strip_prefix("AUTH PLAIN ") {
                self.log_in(secret).await?;
            } else if let Some(secret) = line.strip_prefix("AUTH XOAUTH2 ") {
                self.log_in_by_token(secret).await?;
            } else if upper.starts_with("MAIL FROM:") {
                if !self.logged_in {
                    self.say("530 5.7.0 log in first").await?;
                } else if from.is_some() {
                    self.say("503 5.5.1 second MAIL").await?;
                } else {
                    from = Some(path(&line));
                    self.say("250 2.1.0 ok").await?;
                }
            } else if upper.starts_with("RCPT TO:") {
                let recipient = path(&line);
                if from.is_none() {
                    self.say("503 5.5.1 no MAIL").await?;
                    continue;
                }
                match self.shared.action(&recipient) {
                    Action::CutBeforeData => return Ok(()),
                    Action::HangBeforeData => std::future::pending().await,
                    Action::Refuse(reply) => self.say(reply).await?,
                    action => {
                        to = Some((recipient, action));
                        self.say("250 2.1.5 ok").await?;
                    }
                }
            } else if upper == "DATA" {
                let (Some(sender), Some((recipient, action))) = (&from, to.take()) else {
                    self.say("503 5.5.1 no recipient").await?;
                    continue;
                };
                let mail = (sender.clone(), recipient);
                from = None;
                if !self.data(mail, action).await? {
                    return Ok(());
                }
            } else if upper == "RSET" {
                (from, to) = (None, None);
                self.say("250 2.0.0 ok").await?;
            } else if upper == "QUIT" {
                self.open = None;
                self.say("221 2.0.0 bye").await?;
                return self.writer.flush().await;
            } else {
                self.say("500 5.5.2 what").await?;
            }
        }
        Ok(())
    }

    async fn log_in(&mut self, secret: &str) -> std::io::Result<()> {
        use base64::Engine;
        let given = base64::engine::general_purpose::STANDARD
            .decode(secret)
            .unwrap_or_default();
        let (user, password) = self.shared.options.login.unwrap();
        self.logged_in = given == format!("\0{user}\0{password}").into_bytes();
        self.say(if self.logged_in {
            "235 2.7.0 welcome"
        } else {
            "535 5.7.8 no"
        })
        .await
    }

    /// A refusal is a challenge first, as Google and Microsoft do it.
    async fn log_in_by_token(&mut self, secret: &str) -> std::io::Result<()> {
        use base64::Engine;
        let given = base64::engine::general_purpose::STANDARD
            .decode(secret)
            .unwrap_or_default();
        let (user, token) = self.shared.options.login.unwrap();
        self.logged_in =
            given == format!("user={user}\x01auth=Bearer {token}\x01\x01").into_bytes();
        if self.logged_in {
            return self.say("235 2.7.0 welcome").await;
        }
        self.say("334 eyJzdGF0dXMiOiI0MDEifQ==").await?;
        assert_eq!(self.line().await?.as_deref(), Some(""));
        self.say("535 5.7.8 token expired").await
    }

    /// False when the line is to be cut.
    async fn data(
        &mut self,
        (from, to): (String, String),
        action: Action,
    ) -> std::io::Result<bool> {
        if matches!(action, Action::CutAtData) {
            return Ok(false);
        }
        self.say("354 go").await?;
        self.writer.flush().await?;
        let mut content = Vec::new();
        loop {
            let before = content.len();
            if self.reader.read_until(b'\n', &mut content).await? == 0 {
                return Ok(false);
            }
            // Only CRLF.CRLF ends a mail.
            if &content[before..] == b".\r\n"
                && (before == 0 || content[..before].ends_with(b"\r\n"))
            {
                content.truncate(before);
                break;
            }
            if content[before..].starts_with(b".") {
                content.remove(before);
            }
        }
        if let Action::RefuseMail(reply) = action {
            self.say(reply).await?;
            return Ok(true);
        }
        self.shared.counts.lock().unwrap().encrypted += usize::from(self.encrypted);
        self.shared.take(Mail { from, to, content });
        match action {
            Action::CutAfterDot => return Ok(false),
            Action::HangAfterDot => std::future::pending().await,
            Action::Wait => {
                self.shared
                    .gate
                    .subscribe()
                    .wait_for(|open| *open)
                    .await
                    .unwrap();
            }
            _ => {}
        }
        self.say("250 2.0.0 taken").await?;
        Ok(true)
    }
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    let start = line.find('<').map_or(line.len(), |i| i + 1);
    let end = line.rfind('>').unwrap_or(line.len());
    line.get(start..end).unwrap_or_default().to_owned()
}
