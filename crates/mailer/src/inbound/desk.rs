//! Whom mail is taken for, and what it does there.

use std::time::Duration;

use domain::Db;
use domain::delivery::return_path::ReturnPath;
use domain::event::Visitor;
use domain::event::bounce::{self, BounceKind, Effect, Report};
use domain::event::cancel::{self, Choice, How, Scope};
use domain::mail::render::Installation;
use domain::sender_domain::return_path;
use domain::signup::receive::{self, Mailbox, Outcome};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::mime;
use super::recipients::{Known, Recipients, Taken};
use super::report::{self, Action, Finding};
use super::signup::{self, Own};

/// Mails that are read at a time: what they may need of memory is bounded by it.
const READERS: usize = 2;
/// A report may overtake the record of the acceptance that it speaks of: how
/// often, and how long apart, it is looked for before it has to come again.
const LOOKS: usize = 20;
const APART: Duration = Duration::from_millis(250);

/// Takes mail for return paths, sign-up addresses and the mailbox of cancellations.
pub struct Desk {
    db: Db,
    installation: Installation,
    bounce_domain: Option<String>,
    cancel_mailbox: Option<String>,
    readers: Semaphore,
}

/// Somebody whom mail is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recipient {
    /// The return path of one delivery.
    Delivery(ReturnPath),
    /// A sign-up address of a tenant.
    SignUp(Mailbox),
    /// The mailbox of cancellations.
    Cancel,
}

impl Desk {
    #[must_use]
    pub fn new(
        db: Db,
        installation: Installation,
        bounce_domain: Option<String>,
        cancel_mailbox: Option<String>,
    ) -> Self {
        Self {
            db,
            installation,
            bounce_domain,
            cancel_mailbox,
            readers: Semaphore::new(READERS),
        }
    }

    async fn bounced(&self, path: ReturnPath, mail: &[u8]) -> Taken {
        let findings = self.read(mail).await;
        let Some(report) = findings.as_deref().and_then(worst) else {
            return Taken::NotNow;
        };
        for _ in 0..LOOKS {
            match bounce::take(&self.db, path, &report).await {
                Ok(Effect::NotYet) => sleep(APART).await,
                Ok(effect) => {
                    count(&report, effect);
                    return Taken::Done;
                }
                Err(error) => {
                    let error = crate::explain(error);
                    tracing::warn!(name: "inbound.failed", error = format!("{error:#}"), "the report has to come again");
                    return Taken::NotNow;
                }
            }
        }
        Taken::NotNow
    }

    /// `None` when the process is ending.
    async fn read(&self, mail: &[u8]) -> Option<Vec<Finding>> {
        let _turn = self.readers.acquire().await.ok()?;
        let mail = mail.to_vec();
        tokio::task::spawn_blocking(move || report::read(&mail))
            .await
            .ok()
    }

    /// The link's token stands in the subject (List-Unsubscribe by mailto).
    async fn cancelled(&self, mail: &[u8]) -> Taken {
        let subject = mime::subject(mail);
        let Some(token) = subject
            .split_whitespace()
            .find_map(|word| cancel::token(&self.installation.keys, word).ok())
        else {
            return Taken::Refused;
        };
        let choice = Choice {
            scope: Scope::This,
            how: How::Mail,
            why: None,
            comment: String::new(),
        };
        match cancel::cancel(&self.db, &token, Visitor::default(), choice).await {
            Ok(_) => Taken::Done,
            Err(domain::DomainError::NotFound { .. }) => Taken::Refused,
            Err(error) => {
                let error = crate::explain(error);
                tracing::warn!(name: "inbound.failed", error = format!("{error:#}"), "the cancellation has to come again");
                Taken::NotNow
            }
        }
    }
}

impl Desk {
    /// A return path of a tenant's own name: its token is looked at first, so that
    /// nobody can ask what domains there are.
    async fn under_a_senders_domain(&self, local: &str, domain: &str) -> Known<Recipient> {
        if self.bounce_domain.is_none() {
            return Known::No;
        }
        let Some(path) = ReturnPath::decode(&self.installation.keys, local) else {
            return Known::No;
        };
        match return_path::takes(&self.db, path.tenant, domain).await {
            Ok(true) => Known::Yes(Recipient::Delivery(path)),
            Ok(false) => Known::No,
            Err(error) => {
                let error = crate::explain(error);
                tracing::warn!(name: "inbound.failed", error = format!("{error:#}"), "nobody can tell whose address it is");
                Known::NotNow
            }
        }
    }

    /// A person's mail, whatever stands in it. Whether they are known, were
    /// answered before or are blocked makes no difference to the reply.
    async fn signed_up(&self, to: Mailbox, sender: &str, mail: &[u8]) -> Taken {
        let own = Own {
            bounce_domain: self.bounce_domain.as_deref(),
            cancel_mailbox: self.cancel_mailbox.as_deref(),
        };
        let request = match signup::read(mail, sender, own) {
            Ok(request) => request,
            Err(why) => {
                count_signup(why.as_str());
                return Taken::Done;
            }
        };
        match receive::take(&self.db, &self.installation, to, &request).await {
            Ok(outcome) => {
                count_signup(outcome.as_str());
                match outcome {
                    Outcome::Closed => Taken::Refused,
                    // Nobody is lost: the relay asks again until the tenant has mended it.
                    Outcome::NotReady => Taken::NotNow,
                    _ => Taken::Done,
                }
            }
            Err(error) => {
                let error = crate::explain(error);
                tracing::warn!(name: "inbound.failed", error = format!("{error:#}"), "the sign-up has to come again");
                Taken::NotNow
            }
        }
    }
}

impl Recipients for Desk {
    type Recipient = Recipient;

    async fn find(&self, address: &str) -> Known<Recipient> {
        let is = |known: &Option<String>, given: &str| {
            known
                .as_ref()
                .is_some_and(|known| known.eq_ignore_ascii_case(given))
        };
        if is(&self.cancel_mailbox, address) {
            return Known::Yes(Recipient::Cancel);
        }
        let Some((local, domain)) = address.rsplit_once('@') else {
            return Known::No;
        };
        if !is(&self.bounce_domain, domain) {
            return self.under_a_senders_domain(local, domain).await;
        }
        if let Some(path) = ReturnPath::decode(&self.installation.keys, local) {
            return Known::Yes(Recipient::Delivery(path));
        }
        match receive::find(&self.db, local).await {
            Ok(Some(mailbox)) => Known::Yes(Recipient::SignUp(mailbox)),
            Ok(None) => Known::No,
            Err(error) => {
                let error = crate::explain(error);
                tracing::warn!(name: "inbound.failed", error = format!("{error:#}"), "nobody can tell whose address it is");
                Known::NotNow
            }
        }
    }

    async fn take(&self, recipient: &Recipient, sender: &str, mail: &[u8]) -> Taken {
        match recipient {
            Recipient::Delivery(path) => self.bounced(*path, mail).await,
            Recipient::SignUp(mailbox) => self.signed_up(*mailbox, sender, mail).await,
            Recipient::Cancel => self.cancelled(mail).await,
        }
    }
}

/// A return path belongs to one mail to one person: of what a report says, the
/// gravest is what became of it.
fn worst(findings: &[Finding]) -> Option<Report> {
    let gravity = |finding: &&Finding| match (finding.action, finding.kind) {
        (Action::Complaint, _) => 4,
        (_, BounceKind::Hard) => 3,
        (_, BounceKind::Soft) => 2,
        (Action::Delivered, BounceKind::None) => 1,
        (_, BounceKind::None) => 0,
    };
    let finding = findings.iter().max_by_key(gravity)?;
    Some(Report {
        complaint: finding.action == Action::Complaint,
        delivered: finding.action == Action::Delivered,
        kind: finding.kind,
        reason: finding.reason,
        status: finding.status,
        address: finding.address.clone(),
        text: finding.text.clone(),
    })
}

fn count(report: &Report, effect: Effect) {
    let effect = match effect {
        Effect::Counted => "counted",
        Effect::Again => "again",
        Effect::Nothing => "nothing",
        Effect::Gone => "gone",
        Effect::NotYet => "not_yet",
    };
    metrics::counter!("kikubari_reports_total", "kind" => report.kind.as_str(), "reason" => report.reason.as_str(), "effect" => effect)
        .increment(1);
}

fn count_signup(outcome: &'static str) {
    metrics::counter!("kikubari_signups_total", "outcome" => outcome).increment(1);
}
