//! An SMTP server to send to in tests and benches: does what its script says
//! for each recipient and attempt, and counts what it took.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter, ReadHalf,
    WriteHalf, split,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// What happens to one attempt at one recipient.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Accept,
    /// This reply to RCPT.
    Refuse(&'static str),
    /// This reply after the final dot; the mail is not taken.
    RefuseMail(&'static str),
    /// The line is cut instead of an answer to RCPT.
    CutBeforeData,
    /// The line is cut instead of an answer to DATA.
    CutAtData,
    /// The mail is taken, and the line cut instead of the answer.
    CutAfterDot,
    /// The mail is taken, and the answer never comes.
    HangAfterDot,
    /// No answer to RCPT ever comes.
    HangBeforeData,
    /// The mail is taken and answered once the gate opens.
    Wait,
}

type Script = dyn Fn(&str, u32) -> Action + Send + Sync;

/// How the sink behaves.
pub(crate) struct Options {
    pub(crate) pipelining: bool,
    /// Before each flush of answers.
    pub(crate) latency: Duration,
    /// Whether mails are kept, or only counted.
    pub(crate) keep: bool,
    /// `AUTH PLAIN` with this user and password is wanted before MAIL.
    pub(crate) login: Option<(&'static str, &'static str)>,
    pub(crate) script: Box<Script>,
    /// Where it listens; port 0: any.
    pub(crate) at: SocketAddr,
    /// Whether STARTTLS is offered, and what comes of it.
    pub(crate) tls: Tls,
    /// Whether lines are ended by a TCP reset.
    pub(crate) resets: bool,
}

/// What comes of STARTTLS.
#[derive(Clone, Default)]
pub(crate) enum Tls {
    #[default]
    NotOffered,
    With(TlsAcceptor),
    /// The handshake fails.
    Broken,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pipelining: true,
            latency: Duration::ZERO,
            keep: true,
            login: None,
            script: Box::new(|_, _| Action::Accept),
            at: ([127, 0, 0, 1], 0).into(),
            tls: Tls::NotOffered,
            resets: false,
        }
    }
}

/// A line, in the clear or not.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

type Line = Box<dyn Duplex>;

/// A mail that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Dots unstuffed, CRLF as it came.
    pub(crate) content: Vec<u8>,
}

impl Mail {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }

    /// Unfolded values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let head = text
            .split("\r\n\r\n")
            .next()
            .unwrap()
            .replace("\r\n ", " ")
            .replace("\r\n\t", " ");
        head.split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
            .collect()
    }
}

#[derive(Default)]
struct Counts {
    attempts: HashMap<String, u32>,
    taken: BTreeMap<String, u32>,
    mails: Vec<Mail>,
    sessions: u32,
    /// Sessions that are open, and most that ever were.
    open: usize,
    most_open: usize,
    encrypted: usize,
    helos: Vec<String>,
}

struct Shared {
    options: Options,
    counts: Mutex<Counts>,
    total: watch::Sender<usize>,
    gate: watch::Sender<bool>,
    away: watch::Sender<bool>,
}

/// A running sink; ends with the test's runtime.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Sink {
    pub(crate) async fn start(options: Options) -> Self {
        let listener = TcpListener::bind(options.at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            options,
            counts: Mutex::default(),
            total: watch::Sender::new(0),
            gate: watch::Sender::new(false),
            away: watch::Sender::new(false),
        });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                if *accepting.away.borrow() {
                    continue;
                }
                connection.set_nodelay(true).unwrap();
                if accepting.options.resets {
                    connection.set_zero_linger().unwrap();
                }
                tokio::spawn(serve(connection, Open::begin(&accepting)));
            }
        });
        Self { address, shared }
    }

    /// A sink that does for each recipient and attempt (from 1) as told.
    pub(crate) async fn scripted(
        script: impl Fn(&str, u32) -> Action + Send + Sync + 'static,
    ) -> Self {
        Self::start(Options {
            script: Box::new(script),
            ..Options::default()
        })
        .await
    }

    /// How often each recipient's mail was taken.
    pub(crate) fn taken(&self) -> BTreeMap<String, u32> {
        self.shared.counts.lock().unwrap().taken.clone()
    }

    /// How many mails were taken.
    pub(crate) fn total(&self) -> usize {
        *self.shared.total.borrow()
    }

    /// Recipients whose mail was taken more than once.
    pub(crate) fn duplicates(&self) -> Vec<String> {
        self.taken()
            .into_iter()
            .filter(|(_, n)| *n > 1)
            .map(|(to, _)| to)
            .collect()
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.shared.counts.lock().unwrap().mails.clone()
    }

    pub(crate) fn sessions(&self) -> u32 {
        self.shared.counts.lock().unwrap().sessions
    }

    /// Most sessions that were open at a time.
    pub(crate) fn most_open(&self) -> usize {
        self.shared.counts.lock().unwrap().most_open
    }

    /// How many of the mails came over TLS.
    pub(crate) fn encrypted(&self) -> usize {
        self.shared.counts.lock().unwrap().encrypted
    }

    /// What each EHLO said.
    pub(crate) fn helos(&self) -> Vec<String> {
        self.shared.counts.lock().unwrap().helos.clone()
    }

    /// Ends when that many mails were taken.
    pub(crate) async fn until(&self, total: usize) {
        self.shared
            .total
            .subscribe()
            .wait_for(|n| *n >= total)
            .await
            .unwrap();
    }

    /// Cuts all lines, and every new one at once, until it is back.
    pub(crate) fn leave(&self) {
        self.shared.away.send_replace(true);
    }

    pub(crate) fn come_back(&self) {
        self.shared.away.send_replace(false);
    }

    /// Lets what waits ([`Action::Wait`]) go on, now and from now on.
    pub(crate) fn open_gate(&self) {
        self.shared.gate.send_replace(true);
    }
}

impl Shared {
    fn action(&self, to: &str) -> Action {
        let mut counts = self.counts.lock().unwrap();
        let attempt = counts.attempts.entry(to.to_owned()).or_default();
        *attempt += 1;
        (self.options.script)(to, *attempt)
    }

    fn take(&self, mail: Mail) {
        let mut counts = self.counts.lock().unwrap();
        *counts.taken.entry(mail.to.clone()).or_default() += 1;
        if self.options.keep {
            counts.mails.push(mail);
        }
        self.total.send_modify(|n| *n += 1);
    }
}

/// An open session, counted until it is dropped.
struct Open(Arc<Shared>);

impl Open {
    fn begin(shared: &Arc<Shared>) -> Self {
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

async fn serve(connection: TcpStream, open: Open) -> std::io::Result<()> {
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
