//! Previews: a mail as one contact would get it, links uncounted.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::content::{Content, ContentChange};
use super::render::{CompiledMail, Installation, Links, Problem, Recipient};
use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::error::{DomainError, FieldError, Result, Validation};
use crate::ids::{ContactId, MailId, MailPreviewId, TenantId};
use crate::schema::{contact, mail_preview};
use crate::secret::Keys;

/// How long the frame of a preview can be fetched.
const LIFE: TimeDelta = TimeDelta::minutes(10);
const MAC_LABEL: &str = "mail preview";

/// A preview.
#[derive(Debug, Clone)]
pub struct Preview {
    pub subject: String,
    pub sender_name: String,
    pub text: String,
    pub html: Option<String>,
    /// Of the page that shows the HTML part in a sandbox; `None` without one.
    pub frame_token: Option<String>,
    pub warnings: Vec<Warning>,
}

/// What the writer should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// `unknown_field`, `empty_value`, `no_subject`, `no_cancel_link`.
    pub code: &'static str,
    /// The field, where there is one.
    pub detail: String,
}

/// A mail that can't be compiled, as field errors of its parts.
pub(crate) fn as_invalid(problems: Vec<Problem>) -> DomainError {
    let field = |problem: Problem| {
        let detail = match problem.line {
            Some(line) => format!("line {line}: {}", problem.detail),
            None => problem.detail,
        };
        FieldError::new(format!("/{}", problem.part.as_str()), problem.code, detail)
    };
    DomainError::Invalid(problems.into_iter().map(field).collect())
}

/// Renders a mail, with changes that were not saved yet, as `contact_id` would
/// get it; without one as somebody made up.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::NotFound`], [`DomainError::Invalid`] for the template's mistakes and an
/// unknown contact.
pub async fn create(
    db: &Db,
    actor: &Actor,
    installation: &Installation,
    id: MailId,
    contact_id: Option<ContactId>,
    change: ContentChange,
) -> Result<Preview> {
    actor.require(Permission::MailsRead)?;
    if contact_id.is_some() {
        actor.require(Permission::ContactsRead)?;
    }
    let now = db.now();
    db.tenant(actor.tenant_id, async |tx| {
        let mail = super::find(tx, actor.tenant_id, id).await?;
        let content = change.apply(&mail.content);
        let mut v = Validation::default();
        content.check(&mut v);
        v.finish()?;
        let around = super::surroundings(tx, actor.tenant_id, installation, now).await?;
        let recipient = match contact_id {
            Some(contact) => recipient(tx, actor.tenant_id, contact).await?,
            None => sample(&content, &around.fields),
        };
        let compiled = CompiledMail::compile(&content, &around).map_err(as_invalid)?;
        let rendered = compiled
            .render(&recipient, Links::Direct)
            .map_err(|error| {
                DomainError::invalid(
                    format!("/{}", error.part.as_str()),
                    error.code,
                    error.detail,
                )
            })?;
        let warnings = warnings(&content, &compiled, &recipient);
        let frame_token = match &rendered.html {
            Some(html) => Some(store(tx, actor.tenant_id, &installation.keys, html, now).await?),
            None => None,
        };
        Ok(Preview {
            subject: rendered.subject,
            sender_name: rendered.sender_name,
            text: rendered.text,
            html: rendered.html,
            frame_token,
            warnings,
        })
    })
    .await
}

fn warnings(content: &Content, compiled: &CompiledMail, recipient: &Recipient) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if content.subject.trim().is_empty() {
        warnings.push(Warning {
            code: "no_subject",
            detail: String::new(),
        });
    }
    for name in compiled.unknown_fields() {
        warnings.push(Warning {
            code: "unknown_field",
            detail: name.clone(),
        });
    }
    for name in compiled.unguarded_fields() {
        let is_empty = match name.as_str() {
            "name" => recipient.name.trim().is_empty(),
            "email" => recipient.email.is_empty(),
            key => match recipient.fields.get(key) {
                None | Some(serde_json::Value::Null) => true,
                Some(serde_json::Value::String(text)) => text.trim().is_empty(),
                Some(_) => false,
            },
        };
        if is_empty {
            warnings.push(Warning {
                code: "empty_value",
                detail: name.clone(),
            });
        }
    }
    if !content.html.contains("cancel_url") && !content.text.contains("cancel_url") {
        warnings.push(Warning {
            code: "no_cancel_link",
            detail: String::new(),
        });
    }
    warnings
}

/// The values of one contact, for ids in bodies.
pub(crate) async fn recipient(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    id: ContactId,
) -> Result<Recipient> {
    let row: Option<(String, String, serde_json::Value)> = contact::table
        .find((tenant, id))
        .select((contact::email, contact::name, contact::fields))
        .first(tx)
        .await
        .optional()?;
    let (email, name, fields) = row.ok_or_else(|| {
        DomainError::invalid("/contact_id", "unknown", "there is no such contact")
    })?;
    Ok(Recipient {
        email,
        name,
        fields,
    })
}

/// Somebody made up, for a tenant without contacts.
pub(crate) fn sample(content: &Content, fields: &BTreeSet<String>) -> Recipient {
    let (name, value) = match content.locale {
        super::content::Locale::Ja => ("髙橋 花子", "（サンプル）"),
        super::content::Locale::En => ("Hanako Takahashi", "(sample)"),
    };
    Recipient {
        email: "hanako@example.co.jp".to_owned(),
        name: name.to_owned(),
        fields: fields
            .iter()
            .map(|key| (key.clone(), serde_json::Value::from(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// Keeps the HTML for the frame; answers the token that fetches it.
async fn store(
    tx: &mut AsyncPgConnection,
    tenant: TenantId,
    keys: &Keys,
    html: &str,
    now: chrono::DateTime<Utc>,
) -> Result<String> {
    diesel::delete(mail_preview::table.filter(mail_preview::tenant_id.eq(tenant)))
        .filter(mail_preview::expires_at.lt(now))
        .execute(tx)
        .await?;
    let id = MailPreviewId(Uuid::from_bytes(crate::secret::random()));
    diesel::insert_into(mail_preview::table)
        .values((
            mail_preview::tenant_id.eq(tenant),
            mail_preview::id.eq(id),
            mail_preview::html.eq(html),
            mail_preview::expires_at.eq(now + LIFE),
        ))
        .execute(tx)
        .await?;
    let mut bytes = [tenant.0.as_bytes().as_slice(), id.0.as_bytes()].concat();
    let mac = keys.mac(MAC_LABEL, &bytes);
    bytes.extend_from_slice(&mac);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The HTML of a preview that has not expired.
///
/// # Errors
/// [`DomainError::NotFound`] for every token that is not ours, not yet gone included.
pub async fn html(db: &Db, keys: &Keys, token: &str) -> Result<String> {
    let not_found = || DomainError::not_found("preview");
    let bytes = (token.len() == 64)
        .then(|| URL_SAFE_NO_PAD.decode(token).ok())
        .flatten()
        .ok_or_else(not_found)?;
    let (body, mac) = bytes.split_at_checked(32).ok_or_else(not_found)?;
    if !keys.verify(MAC_LABEL, body, mac) {
        return Err(not_found());
    }
    let tenant = TenantId(Uuid::from_slice(&body[..16]).map_err(|_| not_found())?);
    let id = MailPreviewId(Uuid::from_slice(&body[16..]).map_err(|_| not_found())?);
    let now = db.now();
    db.tenant(tenant, async |tx| {
        mail_preview::table
            .find((tenant, id))
            .filter(mail_preview::expires_at.gt(now))
            .select(mail_preview::html)
            .first(tx)
            .await
            .optional()?
            .ok_or_else(not_found)
    })
    .await
}
