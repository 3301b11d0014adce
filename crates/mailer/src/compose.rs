//! From a claimed delivery to the mail on the wire (RFC 5322, 2045, 2047,
//! 8058, 2919), signed. CPU-bound: call it off the reactor.

use std::time::SystemTime;

use domain::campaign::kind::Kind;
use domain::contact::EmailAddress;
use domain::delivery::claim::Claimed;
use domain::delivery::return_path::ReturnPath;
use domain::ids::{CampaignId, TenantId};
use domain::mail::content::Locale;
use domain::mail::render::{CompiledMail, Links, Recipient, RenderError, Rendered};
use domain::secret::Keys;
use domain::transactional;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, SinglePart};

use crate::sign::{SignError, Signer};

/// What all mails of a campaign share.
pub struct Letterhead {
    pub tenant: TenantId,
    pub campaign: CampaignId,
    pub period: chrono::NaiveDate,
    /// A test is marked in subject and header.
    pub kind: Kind,
    /// Of whom a test send speaks when nobody was chosen.
    pub sample: Recipient,
    pub mail: CompiledMail,
    pub sender: EmailAddress,
    /// Of the sender's address, in lower case.
    pub sender_domain: String,
    pub signer: Signer,
    pub keys: std::sync::Arc<Keys>,
    /// Where bounces come back to, under the sender's own domain where that is verified;
    /// the sender's address without.
    pub bounce_domain: Option<String>,
    pub cancel_mailbox: Option<String>,
}

/// A mail ready to be handed over.
#[derive(Debug)]
pub struct Composed {
    /// Return path, as in MAIL FROM.
    pub from: String,
    /// As in RCPT TO.
    pub to: String,
    /// Without angle brackets.
    pub message_id: String,
    /// Headers and body, CRLF throughout.
    pub content: Vec<u8>,
}

/// Why there is no mail for this person.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("the address {0}")]
    Address(String),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("a header would hold a line break or control character: {0}")]
    Header(&'static str),
    #[error("message: {0}")]
    Message(String),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error("a fault of the mailer, which its log has more of")]
    Panicked,
}

impl Letterhead {
    /// Makes the mail of one person, dated `now`. The same delivery gets the
    /// same Message-ID at each attempt, so that a mail taken twice shows once.
    ///
    /// # Errors
    /// [`ComposeError`]: sending it again would not help.
    pub fn compose(&self, delivery: &Claimed, now: SystemTime) -> Result<Composed, ComposeError> {
        let to = EmailAddress::parse(&delivery.address)
            .map_err(|e| ComposeError::Address(e.detail))?
            .wire();
        let recipient = self.recipient(delivery);
        let links = Links::Signed {
            tenant: self.tenant,
            campaign: self.campaign,
            period: self.period,
            delivery: delivery.id,
        };
        let rendered = self.mail.render(&recipient, links)?;
        let message_id = format!("{}@{}", delivery.id.0.simple(), self.sender.domain());
        let builder = self.headers(&rendered, &to, &message_id, now)?;
        let message = body(builder, rendered)?.formatted();
        Ok(Composed {
            from: self.return_path(delivery),
            to,
            message_id,
            content: self.signer.sign(message)?,
        })
    }

    fn recipient(&self, delivery: &Claimed) -> Recipient {
        let person = delivery.person.as_ref().map(|person| Recipient {
            email: person.email.clone(),
            name: person.name.clone(),
            fields: person.fields.clone(),
        });
        match &delivery.values {
            Some(values) => transactional::recipient(person, &delivery.address, values),
            None => person.unwrap_or_else(|| self.sample.clone()),
        }
    }

    fn return_path(&self, delivery: &Claimed) -> String {
        match &self.bounce_domain {
            Some(domain) => {
                let path = ReturnPath {
                    tenant: self.tenant,
                    period: self.period,
                    delivery: delivery.id,
                };
                format!("{}@{domain}", path.encode(&self.keys))
            }
            None => self.sender.wire(),
        }
    }

    fn headers(
        &self,
        rendered: &Rendered,
        to: &str,
        message_id: &str,
        now: SystemTime,
    ) -> Result<MessageBuilder, ComposeError> {
        let subject = if self.kind == Kind::Test {
            let mark = match self.mail.locale() {
                Locale::Ja => "【テスト】",
                Locale::En => "[Test] ",
            };
            format!("{mark}{}", rendered.subject)
        } else {
            rendered.subject.clone()
        };
        one_line("Subject", &subject)?;
        one_line("From", &rendered.sender_name)?;
        let (from, to) = (address(&self.sender.wire())?, address(to)?);
        // Given rather than read back from the headers, whose parser refuses
        // quoted local parts; the session has its own copy.
        let envelope = Envelope::new(Some(from.clone()), vec![to.clone()])
            .map_err(|e| ComposeError::Message(e.to_string()))?;
        let name = Some(rendered.sender_name.trim().to_owned()).filter(|name| !name.is_empty());
        let mut builder = lettre::Message::builder()
            .date(now)
            .message_id(Some(format!("<{message_id}>")))
            .envelope(envelope)
            .from(Mailbox::new(name, from))
            .to(Mailbox::new(None, to))
            .subject(subject);
        if let Some(reply_to) = &rendered.reply_to {
            let reply_to = EmailAddress::parse(reply_to)
                .map_err(|e| ComposeError::Address(format!("in Reply-To {}", e.detail)))?;
            builder = builder.reply_to(Mailbox::new(None, address(&reply_to.wire())?));
        }
        for (name, value) in self.own_headers(&rendered.cancel_url)? {
            builder = builder.raw_header(HeaderValue::dangerous_new_pre_encoded(
                HeaderName::new_from_ascii_str(name),
                value.clone(),
                value,
            ));
        }
        Ok(builder)
    }

    /// Ours alone, ASCII: nothing to encode or fold. A transactional mail is
    /// the answer to what the person did: it belongs to no list that could be
    /// left (RFC 8058 is for bulk mail), and says that no human wrote it (RFC 3834).
    fn own_headers(&self, cancel_url: &str) -> Result<Vec<(&'static str, String)>, ComposeError> {
        let (tenant, campaign) = (self.tenant.0.simple(), self.campaign.0.simple());
        let kind = self.kind.as_str();
        let mut headers = vec![(
            "Feedback-ID",
            format!("{campaign}:{tenant}:{kind}:kikubari"),
        )];
        match self.kind {
            Kind::Transactional => headers.push(("Auto-Submitted", "auto-generated".to_owned())),
            Kind::Campaign | Kind::Sequence => headers.extend(self.list_headers(cancel_url)?),
            Kind::Test => {
                headers.extend(self.list_headers(cancel_url)?);
                headers.push(("X-Kikubari-Test", "yes".to_owned()));
            }
        }
        Ok(headers)
    }

    fn list_headers(&self, cancel_url: &str) -> Result<Vec<(&'static str, String)>, ComposeError> {
        one_line("List-Unsubscribe", cancel_url)?;
        let unsubscribe = match &self.cancel_mailbox {
            Some(mailbox) => {
                // The token says who; the mailbox needs no more than the subject.
                let token = cancel_url.rsplit('/').next().unwrap_or_default();
                format!("<{cancel_url}>, <mailto:{mailbox}?subject={token}>")
            }
            None => format!("<{cancel_url}>"),
        };
        let tenant = self.tenant.0.simple();
        Ok(vec![
            ("List-Unsubscribe", unsubscribe),
            (
                "List-Unsubscribe-Post",
                "List-Unsubscribe=One-Click".to_owned(),
            ),
            ("List-Id", format!("<{tenant}.{}>", self.sender.domain())),
        ])
    }
}

/// lettre encodes a line break in a header instead of refusing it.
fn one_line(header: &'static str, text: &str) -> Result<(), ComposeError> {
    if text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
    {
        return Err(ComposeError::Header(header));
    }
    Ok(())
}

/// Of an address that [`EmailAddress`] has checked.
fn address(wire: &str) -> Result<Address, ComposeError> {
    let (local, domain) = wire
        .rsplit_once('@')
        .ok_or_else(|| ComposeError::Address(wire.to_owned()))?;
    Address::new(local, domain).map_err(|e| ComposeError::Address(e.to_string()))
}

fn body(builder: MessageBuilder, rendered: Rendered) -> Result<lettre::Message, ComposeError> {
    let text = SinglePart::plain(rendered.text);
    match rendered.html {
        Some(html) => builder.multipart(
            MultiPart::alternative()
                .singlepart(text)
                .singlepart(SinglePart::html(html)),
        ),
        None => builder.singlepart(text),
    }
    .map_err(|e| ComposeError::Message(e.to_string()))
}
