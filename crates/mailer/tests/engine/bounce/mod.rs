//! What comes back, over the real listener: bounces, complaints, cancellations.

mod complaints;
mod effect;
mod listener;
mod postfix;
mod refused;
mod resent;
mod return_path;
mod signup;

use std::net::SocketAddr;
use std::sync::Arc;

use domain::Db;
use domain::ids::CampaignId;
use domain::mail::render::Installation;
use mailer::config::MailerConfig;
use mailer::inbound::{Desk, Inbound, Protocol};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{Action, Fixture, Sink};

const DOMAIN: &str = "bounce.example.co.jp";
const MAILBOX: &str = "cancel@example.co.jp";
/// Begins the links of answers.
const PUBLIC_URL: &str = "https://mail.example";
const TARO: &str = "taro@example.jp";

/// A tenant that sends to a relay that takes everything, and listeners for
/// what comes back.
struct World {
    fixture: Fixture,
    sink: Sink,
    smtp: SocketAddr,
    lmtp: SocketAddr,
    _listeners: JoinSet<()>,
}

impl World {
    async fn new() -> Self {
        Self::with(Sink::scripted(|_, _| Action::Accept).await).await
    }

    async fn with(sink: Sink) -> Self {
        let fixture = Fixture::new(&sink).await;
        let mut listeners = JoinSet::new();
        let db = &fixture.database.db;
        let smtp = listen(&mut listeners, &fixture, db, Protocol::Smtp).await;
        let lmtp = listen(&mut listeners, &fixture, db, Protocol::Lmtp).await;
        Self {
            fixture,
            sink,
            smtp,
            lmtp,
            _listeners: listeners,
        }
    }

    /// Sends a campaign to Taro; answers it, and the return path of its mail.
    async fn send(&self) -> (CampaignId, String) {
        let before = self.sink.mails().len();
        let campaign = self.fixture.campaign(&[TARO.to_owned()]).await;
        self.drain().await;
        let mail = self.sink.mails().into_iter().nth(before).unwrap();
        (campaign, mail.from)
    }

    /// Sends what waits.
    async fn drain(&self) {
        let config = MailerConfig {
            bounce_domain: Some(DOMAIN.into()),
            cancel_mailbox: Some(MAILBOX.into()),
            ..MailerConfig::default()
        };
        self.fixture.mailer_with(&config).drain().await.unwrap();
    }

    /// Sends a campaign whose mail comes back with this report.
    async fn bounced(&self, report: &str) -> CampaignId {
        let (campaign, path) = self.send().await;
        assert_eq!(self.hand_over(&path, report).await, "250");
        campaign
    }

    /// Hands a mail over by SMTP; answers the code behind its final dot.
    async fn hand_over(&self, to: &str, mail: &str) -> String {
        hand_over(self.smtp, to, mail).await
    }

    async fn count(&self, sql: &str) -> i64 {
        self.fixture.database.count(sql).await
    }

    async fn text(&self, sql: &str) -> String {
        self.fixture.database.text(sql).await
    }

    /// A counter of a campaign.
    async fn counter(&self, campaign: CampaignId, name: &str) -> i64 {
        self.count(&format!(
            "SELECT coalesce(sum(value), 0)::bigint FROM campaign_counter WHERE campaign_id = '{campaign}' AND name = '{name}'"
        ))
        .await
    }

    async fn taro(&self) -> String {
        self.text("SELECT status || ' ' || soft_bounces FROM contact")
            .await
    }

    async fn events(&self, kind: &str) -> i64 {
        self.count(&format!("SELECT count(*) FROM event WHERE kind = '{kind}'"))
            .await
    }
}

async fn listen(
    listeners: &mut JoinSet<()>,
    fixture: &Fixture,
    db: &Db,
    protocol: Protocol,
) -> SocketAddr {
    let desk = Desk::new(
        db.clone(),
        Installation {
            public_url: PUBLIC_URL.to_owned(),
            keys: Arc::clone(&fixture.keys),
        },
        Some(DOMAIN.into()),
        Some(MAILBOX.into()),
    );
    let any = "127.0.0.1:0".parse().unwrap();
    let inbound = Inbound::bind(any, protocol, "bounce.test", &Arc::new(desk))
        .await
        .unwrap();
    let address = inbound.address().unwrap();
    listeners.spawn(inbound.run());
    address
}

async fn hand_over(listener: SocketAddr, to: &str, mail: &str) -> String {
    let mut client = Client::connect(listener).await;
    assert_eq!(client.greet("EHLO").await, "250");
    assert_eq!(client.ask("MAIL FROM:<>").await, "250");
    assert_eq!(client.ask(&format!("RCPT TO:<{to}>")).await, "250");
    assert_eq!(client.ask("DATA").await, "354");
    client
        .ask(&format!("{}\r\n.", mail.trim_end().replace('\n', "\r\n")))
        .await
}

/// One that speaks as badly as the test wants.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        let mut client = Self { stream };
        assert_eq!(client.reply().await, "220");
        client
    }

    async fn greet(&mut self, verb: &str) -> String {
        self.ask(&format!("{verb} relay.example.jp")).await
    }

    /// Sends a line; answers the code of the reply.
    async fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await;
        self.reply().await
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).await.unwrap();
    }

    /// The code of the next reply, all its lines read; empty at the end.
    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await.unwrap();
            if line.get(3..4) != Some("-") {
                return line.get(..3).unwrap_or_default().to_owned();
            }
        }
    }

    async fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]).await, Ok(0) | Err(_))
    }
}

/// A delivery report of RFC 3464.
fn dsn(status: &str, said: &str) -> String {
    format!(
        "From: MAILER-DAEMON@relay.example.jp\nSubject: Undelivered Mail Returned to Sender\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
         --b\nContent-Type: text/plain\n\nThe mail could not be delivered.\n\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example.jp\n\n\
         Final-Recipient: rfc822; {TARO}\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {said}\n\n--b--\n"
    )
}

fn unknown_user() -> String {
    dsn("5.1.1", "550 5.1.1 User unknown")
}

fn full() -> String {
    dsn("4.2.2", "452 4.2.2 Mailbox full")
}

fn complaint() -> String {
    format!(
        "From: loop@isp.example\nSubject: abuse\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n\
         --b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: <{TARO}>\n\n--b--\n"
    )
}
