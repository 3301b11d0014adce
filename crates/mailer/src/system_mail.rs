//! The product's own mails to its users: a lane of its own beside the engine,
//! with a relay of the installation, so that no campaign delays a link that
//! somebody waits for.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use domain::Db;
use domain::contact::EmailAddress;
use domain::route::{Auth, Security};
use domain::secret::Keys;
use domain::system_mail::{self, Due, Outcome, render};
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::config::MailerConfig;
use crate::explain;
use crate::smtp::connect::Names;
use crate::smtp::session::{Attempt, Stage};
use crate::smtp::tls::platform_tls;
use crate::smtp::{Endpoint, Session};

/// How often it looks without being called.
const POLL: Duration = Duration::from_secs(2);
/// Mails taken at a time: they go out by one session, within their lease.
const BATCH: i64 = 5;
/// As the name of who sends.
const SENDER: &str = "Kikubari";

/// Where the product's own mails go, as the settings say.
pub struct SystemMail {
    db: Db,
    keys: Arc<Keys>,
    endpoint: Endpoint,
    from: Address,
    public_url: String,
}

impl SystemMail {
    /// `None` when the installation has no relay for them.
    ///
    /// # Errors
    /// When the password's file can't be read, or the platform has no TLS roots.
    pub fn new(db: &Db, keys: &Arc<Keys>, config: &MailerConfig) -> anyhow::Result<Option<Self>> {
        let (Some(host), Some(from)) = (&config.system_mail_host, &config.system_mail_from) else {
            return Ok(None);
        };
        let password = match &config.system_mail_password_file {
            Some(file) => secret(file)?,
            None => SecretString::from(""),
        };
        let timeouts = config.timeouts();
        let endpoint = Endpoint {
            host: host.clone(),
            port: config.system_mail_port,
            names: Names::System,
            protection: config.system_mail_security.into(),
            auth: match &config.system_mail_username {
                Some(_) => Auth::Plain,
                None => Auth::None,
            },
            username: config.system_mail_username.clone().unwrap_or_default(),
            password,
            // The operator named it.
            allow_private: true,
            source: None,
            helo: config.helo_name(),
            timeouts: crate::smtp::connect::Timeouts {
                connect: timeouts.connect.min(Duration::from_secs(10)),
                command: timeouts.command.min(Duration::from_secs(20)),
                answer: timeouts.answer.min(Duration::from_secs(30)),
            },
            tls: platform_tls().context("TLS")?,
        };
        Ok(Some(Self {
            db: db.clone(),
            keys: Arc::clone(keys),
            endpoint,
            from: address(from)?,
            public_url: config.public_url.clone(),
        }))
    }

    /// Runs until dropped: at each call, and without a pause while there is more.
    pub async fn run(self, mut calls: mpsc::Receiver<()>) {
        loop {
            match self.run_once().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(name: "system_mail.failed", error = format!("{error:#}"), "trying again");
                }
            }
            tokio::select! {
                () = sleep(POLL) => {}
                Some(()) = calls.recv() => {}
            }
        }
    }

    /// Sends what is due, up to a batch; answers whether there was any.
    ///
    /// # Errors
    /// When the database does.
    pub async fn run_once(&self) -> anyhow::Result<bool> {
        let due = system_mail::claim(&self.db, &self.keys, BATCH)
            .await
            .map_err(explain)?;
        if due.is_empty() {
            return Ok(false);
        }
        let mut session: Option<Session> = None;
        for mail in due {
            let outcome = if mail.give_up_at <= self.db.now() {
                Outcome::Refused {
                    reply: "its time was over before it could be sent".to_owned(),
                }
            } else {
                self.try_send(&mut session, &mail).await
            };
            tell(&mail, &outcome);
            system_mail::settle(&self.db, mail.tenant, mail.id, mail.attempts, &outcome)
                .await
                .map_err(explain)?;
        }
        if let Some(session) = session {
            session.quit().await;
        }
        Ok(true)
    }

    async fn try_send(&self, session: &mut Option<Session>, mail: &Due) -> Outcome {
        let later = |error: &dyn std::fmt::Display| Outcome::Later {
            reply: error.to_string(),
        };
        let (to, content) = match self.compose(mail) {
            Ok(composed) => composed,
            Err(error) => {
                return Outcome::Refused {
                    reply: format!("{error:#}"),
                };
            }
        };
        if session.as_ref().is_none_or(Session::is_broken) {
            match self.endpoint.connect().await {
                Ok(opened) => *session = Some(opened),
                Err(error) => return later(&error),
            }
        }
        let Some(open) = session else {
            return later(&"no session");
        };
        let from = self.from.to_string();
        match open.send(&from, &to, &content, &|| Ok(())).await {
            Attempt::Replied { stage, reply } if stage == Stage::Answer && reply.is(2) => {
                Outcome::Sent
            }
            Attempt::Replied { reply, .. } => {
                let text = format!("{} {}", reply.code, reply.text());
                if reply.is(5) {
                    Outcome::Refused { reply: text }
                } else {
                    Outcome::Later { reply: text }
                }
            }
            // Taken or not: a notice that comes twice is better than none.
            Attempt::Cut { error, .. } => later(&error),
        }
    }

    /// The recipient as on the wire, and headers with body.
    fn compose(&self, mail: &Due) -> anyhow::Result<(String, Vec<u8>)> {
        let to = EmailAddress::parse(&mail.address)
            .map_err(|e| anyhow::anyhow!("the address {}", e.detail))?
            .wire();
        let letter = render::render(mail, &self.public_url);
        let mailbox = address(&to)?;
        let envelope = Envelope::new(Some(self.from.clone()), vec![mailbox.clone()])?;
        let automatic = "auto-generated".to_owned();
        let message = lettre::Message::builder()
            .date(SystemTime::from(self.db.now()))
            .message_id(Some(format!("<{}@{}>", mail.id.0.simple(), self.from.domain())))
            .envelope(envelope)
            .from(Mailbox::new(Some(SENDER.to_owned()), self.from.clone()))
            .to(Mailbox::new(None, mailbox))
            .subject(letter.subject)
            // No human wrote it, and none waits for an answer (RFC 3834).
            .raw_header(HeaderValue::dangerous_new_pre_encoded(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                automatic.clone(),
                automatic,
            ))
            .multipart(
                MultiPart::alternative()
                    .singlepart(SinglePart::plain(letter.text))
                    .singlepart(SinglePart::html(letter.html)),
            )?;
        Ok((to, message.formatted()))
    }
}

/// Never an address or what it says.
fn tell(mail: &Due, outcome: &Outcome) {
    let (id, kind) = (mail.id, mail.kind.as_str());
    match outcome {
        Outcome::Sent => {
            tracing::info!(name: "system_mail.sent", mail = %id, tenant = %mail.tenant, kind, "sent");
        }
        Outcome::Later { .. } => {
            tracing::warn!(name: "system_mail.deferred", mail = %id, tenant = %mail.tenant, kind, attempts = mail.attempts, "trying again later");
        }
        Outcome::Refused { .. } => {
            tracing::warn!(name: "system_mail.given_up", mail = %id, tenant = %mail.tenant, kind, "given up");
        }
    }
}

fn address(text: &str) -> anyhow::Result<Address> {
    let (local, domain) = text
        .rsplit_once('@')
        .with_context(|| format!("{text} is no mail address"))?;
    Ok(Address::new(local, domain)?)
}

fn secret(file: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("KIKUBARI_SYSTEM_MAIL_PASSWORD_FILE {}", file.display()))?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}

/// What the settings contradict; called when the program starts.
///
/// # Errors
/// Which variable is wrong.
pub fn check(config: &MailerConfig) -> Result<(), String> {
    if config.system_mail_host.is_some() != config.system_mail_from.is_some() {
        return Err(
            "KIKUBARI_SYSTEM_MAIL_HOST and KIKUBARI_SYSTEM_MAIL_FROM belong together".to_owned(),
        );
    }
    if let Some(from) = &config.system_mail_from {
        EmailAddress::parse(from)
            .map_err(|error| format!("KIKUBARI_SYSTEM_MAIL_FROM {}", error.detail))?;
    }
    if config.system_mail_username.is_some() != config.system_mail_password_file.is_some() {
        return Err(
            "KIKUBARI_SYSTEM_MAIL_USERNAME and KIKUBARI_SYSTEM_MAIL_PASSWORD_FILE belong together"
                .to_owned(),
        );
    }
    if config.system_mail_username.is_some() && config.system_mail_security == Security::None {
        return Err("KIKUBARI_SYSTEM_MAIL_SECURITY must be starttls or tls: a password does not go over an open line".to_owned());
    }
    if let Some(name) = &config.system_mail_username
        && name.chars().any(char::is_control)
    {
        return Err("KIKUBARI_SYSTEM_MAIL_USERNAME must be one line".to_owned());
    }
    Ok(())
}
