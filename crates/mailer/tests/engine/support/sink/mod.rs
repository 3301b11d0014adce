//! An SMTP server to send to in tests and benches: does what its script says
//! for each recipient and attempt, and counts what it took.

mod session;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use self::session::{Open, serve};

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
