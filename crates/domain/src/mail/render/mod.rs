//! From a mail with merge fields to the mail of one person.
//!
//! [`CompiledMail::compile`] does everything that is the same for all people
//! once for a campaign: shared blocks go in, the HTML is parsed, its links are
//! numbered, the text part is made, and the templates are compiled into a
//! sandbox ([`sandbox`]) that knows nothing but the recipient's values
//! (steps: [`compile`](mod@compile)).
//! [`CompiledMail::render`] then only fills in, many thousand times a second,
//! and signs the links of the person ([`context`]).
//!
//! Values are data: what stands in a contact's name is never a template, and
//! is escaped in the HTML part.

mod compile;
mod context;
mod filters;
mod html;
pub mod link;
mod problem;
mod sandbox;
mod source;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use minijinja::{Environment, Value};

use self::compile::compile;
use self::context::Context;
use crate::ids::{CampaignId, DeliveryId, TenantId};
use crate::mail::content::{Content, Locale, MAX_SUBJECT};
use crate::secret::Keys;

pub use self::context::BUILTIN_NAMES;
pub use self::problem::{Part, Problem, RenderError};

/// A shared part that `{{ block("key") }}` puts in.
#[derive(Debug, Clone, Default)]
pub struct BlockSource {
    pub text: String,
    pub html: String,
}

/// What 特定電子メール法 asks to stand in a mail, from the tenant's settings.
#[derive(Debug, Clone, Default)]
pub struct Legal {
    pub sender_name: String,
    pub postal_address: String,
    pub contact: String,
}

/// What this installation signs links with, and where they lead.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Begins every link; no slash at its end.
    pub public_url: String,
    pub keys: Arc<Keys>,
}

/// All that merge fields may name besides the recipient's own values.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// By key.
    pub blocks: BTreeMap<String, BlockSource>,
    /// Keys of the tenant's own fields.
    pub fields: BTreeSet<String>,
    pub legal: Legal,
    pub time_zone: Tz,
    /// What `{{ today }}` says.
    pub now: DateTime<Utc>,
    pub installation: Installation,
}

impl Surroundings {
    /// For a transactional mail: the call's values may stand in for a contact's
    /// fields, and are gone when somebody clicks, so that a link with a merge
    /// field in it has to be filled in at once and stays uncounted.
    #[must_use]
    pub fn without_fields(mut self) -> Self {
        self.fields.clear();
        self
    }
}

/// Whom a mail is rendered for.
#[derive(Debug, Clone, Default)]
pub struct Recipient {
    pub email: String,
    pub name: String,
    /// Own fields: an object of key to value.
    pub fields: serde_json::Value,
}

/// What the links in a rendered mail lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// Counted and signed for one delivery.
    Signed {
        tenant: TenantId,
        campaign: CampaignId,
        /// Partition of the delivery.
        period: NaiveDate,
        delivery: DeliveryId,
    },
    /// Straight to their targets, nothing counted: previews.
    Direct,
}

/// The mail of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// One line; empty when the mail has none.
    pub sender_name: String,
    /// One line.
    pub reply_to: Option<String>,
    /// Never empty; lines end in LF.
    pub text: String,
    /// `None` when the mail has a text part only.
    pub html: Option<String>,
    /// For the page (GET) and for `List-Unsubscribe` (POST, RFC 8058).
    pub cancel_url: String,
}

/// How the text part comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextPlan {
    /// Written by hand.
    Written,
    /// From the HTML, once for all.
    Once,
    /// From the HTML of each person: tags stand where a once-made text could
    /// not follow them (rows of a table in a loop).
    EachPerson,
}

/// A mail that is ready to be rendered for many people, on many threads.
#[derive(Debug)]
pub struct CompiledMail {
    env: Environment<'static>,
    shared: Arc<context::Shared>,
    text_plan: TextPlan,
    has_html: bool,
    sender_address: String,
    locale: Locale,
    links: Vec<String>,
    merge_fields: BTreeSet<String>,
    unknown_fields: BTreeSet<String>,
    unguarded_fields: BTreeSet<String>,
    required_names: BTreeSet<String>,
}

impl CompiledMail {
    /// Compiles a mail. A field that nobody knows is no error here (it renders
    /// as nothing): [`CompiledMail::unknown_fields`] names it, and pre-flight
    /// blocks on it.
    ///
    /// # Errors
    /// Everything that the writer has to mend.
    pub fn compile(content: &Content, around: &Surroundings) -> Result<Self, Vec<Problem>> {
        compile(content, around, 0)
    }

    /// As [`CompiledMail::compile`], of a variant whose links are numbered
    /// after those of others.
    ///
    /// # Errors
    /// As [`CompiledMail::compile`].
    pub fn compile_after(
        content: &Content,
        around: &Surroundings,
        links_after: u16,
    ) -> Result<Self, Vec<Problem>> {
        compile(content, around, links_after)
    }

    /// Fills the mail in for one person.
    ///
    /// # Errors
    /// When the person's values make no mail: a line break in the subject, a
    /// template that does not end.
    pub fn render(&self, recipient: &Recipient, links: Links) -> Result<Rendered, RenderError> {
        let context = Arc::new(Context::new(Arc::clone(&self.shared), recipient, links));
        let cancel_url = context.cancel_url();
        let root = Value::from_dyn_object(Arc::clone(&context));
        let subject = self.header(Part::Subject, &root)?;
        let sender_name = self.header(Part::SenderName, &root)?;
        let reply_to =
            Some(self.header(Part::ReplyTo, &root)?).filter(|text| !text.trim().is_empty());
        let html = match self.has_html {
            true => Some(self.part(Part::Html, "html", &root)?),
            false => None,
        };
        let mut text = match self.text_plan {
            TextPlan::Written => self.part(Part::Text, "text", &root)?,
            TextPlan::Once => text::tidy(&self.part(Part::Text, "text", &root)?),
            TextPlan::EachPerson => text::from_html(&self.part(Part::Text, "plain.html", &root)?),
        };
        if text.trim().is_empty() {
            text = format!("{subject}\n\n{cancel_url}\n");
        }
        Ok(Rendered {
            subject,
            sender_name,
            reply_to,
            text,
            html,
            cancel_url,
        })
    }

    fn part(&self, part: Part, template: &str, root: &Value) -> Result<String, RenderError> {
        self.env
            .get_template(template)
            .and_then(|template| template.render(root.clone()))
            .map_err(|error| RenderError {
                part,
                code: "template",
                detail: source::explain(&error),
            })
    }

    /// A header takes neither line breaks nor other control characters: with
    /// one, a person's name could add headers of its own (RFC 5322 §2.2).
    fn header(&self, part: Part, root: &Value) -> Result<String, RenderError> {
        let text = self.part(part, part.as_str(), root)?;
        if text
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            let detail = "a merged value holds a line break or control character".to_owned();
            return Err(RenderError {
                part,
                code: "line_break_in_header",
                detail,
            });
        }
        if text.chars().count() > MAX_SUBJECT {
            return Err(RenderError {
                part,
                code: "too_long",
                detail: format!("over {MAX_SUBJECT} characters"),
            });
        }
        Ok(text)
    }

    /// Targets of the counted links, number 1 first; they may hold merge
    /// fields ([`link::resolve`] fills them in when somebody clicks).
    #[must_use]
    pub fn links(&self) -> &[String] {
        &self.links
    }

    /// The address in From.
    #[must_use]
    pub fn sender_address(&self) -> &str {
        &self.sender_address
    }

    #[must_use]
    pub fn locale(&self) -> Locale {
        self.locale
    }

    /// Contact fields (`name`, `email`, own ones) that the mail uses.
    #[must_use]
    pub fn merge_fields(&self) -> &BTreeSet<String> {
        &self.merge_fields
    }

    /// Names in the mail that mean nothing.
    #[must_use]
    pub fn unknown_fields(&self) -> &BTreeSet<String> {
        &self.unknown_fields
    }

    /// Contact fields that leave a hole where a person has no value: used
    /// without `default`, `sama` or a condition.
    #[must_use]
    pub fn unguarded_fields(&self) -> &BTreeSet<String> {
        &self.unguarded_fields
    }

    /// Those of [`CompiledMail::unknown_fields`] that would leave a hole.
    #[must_use]
    pub fn required_names(&self) -> &BTreeSet<String> {
        &self.required_names
    }
}

/// What a reader sees of an HTML part, as text.
#[must_use]
pub fn readable(html: &str) -> String {
    text::from_html(html)
}

#[cfg(test)]
mod tests;
