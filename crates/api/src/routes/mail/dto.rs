//! What mails and templates look like in JSON.

use chrono::{DateTime, Utc};
use domain::ids::{FolderId, TemplateId};
use domain::mail::content::{self, Content, ContentChange};
use domain::mail::preview;
use domain::mail::version;
use domain::mail::{self, MailChange, NewMail};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::nullable;
use crate::words::{MailLocale, TextMode};

/// A mail.
#[derive(Debug, Serialize, ToSchema)]
pub struct Mail {
    pub id: Uuid,
    pub folder_id: Option<Uuid>,
    #[schema(example = "11月のニュースレター")]
    pub name: String,
    /// Number of the content's current version.
    pub number: i32,
    #[serde(flatten)]
    pub content: MailContent,
    pub archived: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// User who changed it last.
    pub updated_by: Option<Uuid>,
    pub version: i32,
}

/// What a mail says. All but `sender_address` may hold merge fields.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailContent {
    #[schema(example = "{{ name | sama }} 今月のお知らせ")]
    pub subject: String,
    /// What inboxes show after the subject.
    pub preheader: String,
    #[schema(example = "気配り商店")]
    pub sender_name: String,
    #[schema(example = "news@example.co.jp")]
    pub sender_address: String,
    pub reply_to: String,
    pub text: String,
    pub html: String,
    #[schema(value_type = TextMode)]
    pub text_mode: content::TextMode,
    #[schema(value_type = MailLocale)]
    pub locale: content::Locale,
}

impl From<Content> for MailContent {
    fn from(content: Content) -> Self {
        Self {
            subject: content.subject,
            preheader: content.preheader,
            sender_name: content.sender_name,
            sender_address: content.sender_address,
            reply_to: content.reply_to,
            text: content.text,
            html: content.html,
            text_mode: content.text_mode,
            locale: content.locale,
        }
    }
}

impl From<mail::Mail> for Mail {
    fn from(row: mail::Mail) -> Self {
        Self {
            id: row.id.0,
            folder_id: row.folder_id.map(|id| id.0),
            name: row.name,
            number: row.number,
            content: row.content.into(),
            archived: row.archived_at.is_some(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            updated_by: row.updated_by.map(|id| id.0),
            version: row.version,
        }
    }
}

/// A mail in a list: without its parts.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailItem {
    pub id: Uuid,
    pub folder_id: Option<Uuid>,
    pub name: String,
    pub subject: String,
    pub sender_name: String,
    pub sender_address: String,
    #[schema(value_type = MailLocale)]
    pub locale: content::Locale,
    pub archived: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub updated_by: Option<Uuid>,
    pub version: i32,
}

impl From<mail::MailItem> for MailItem {
    fn from(row: mail::MailItem) -> Self {
        Self {
            id: row.id.0,
            folder_id: row.folder_id.map(|id| id.0),
            name: row.name,
            subject: row.subject,
            sender_name: row.sender_name,
            sender_address: row.sender_address,
            locale: row.locale,
            archived: row.archived_at.is_some(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            updated_by: row.updated_by.map(|id| id.0),
            version: row.version,
        }
    }
}

/// A mail to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailCreate {
    #[schema(min_length = 1, max_length = 200, example = "11月のニュースレター")]
    pub name: String,
    pub folder_id: Option<Uuid>,
    /// The content begins as this template's; what stands here goes over it.
    pub from_template_id: Option<Uuid>,
    #[schema(max_length = 998)]
    pub subject: Option<String>,
    #[schema(max_length = 998)]
    pub preheader: Option<String>,
    #[schema(max_length = 200)]
    pub sender_name: Option<String>,
    #[schema(max_length = 320)]
    pub sender_address: Option<String>,
    #[schema(max_length = 320)]
    pub reply_to: Option<String>,
    #[schema(max_length = 1048576)]
    pub text: Option<String>,
    #[schema(max_length = 1048576)]
    pub html: Option<String>,
    #[schema(value_type = Option<TextMode>)]
    pub text_mode: Option<content::TextMode>,
    #[schema(value_type = Option<MailLocale>)]
    pub locale: Option<content::Locale>,
}

/// A change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailUpdate {
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// null moves it to the top.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Uuid>)]
    pub folder_id: Option<Option<Uuid>>,
    pub archived: Option<bool>,
    #[schema(max_length = 998)]
    pub subject: Option<String>,
    #[schema(max_length = 998)]
    pub preheader: Option<String>,
    #[schema(max_length = 200)]
    pub sender_name: Option<String>,
    #[schema(max_length = 320)]
    pub sender_address: Option<String>,
    #[schema(max_length = 320)]
    pub reply_to: Option<String>,
    #[schema(max_length = 1048576)]
    pub text: Option<String>,
    #[schema(max_length = 1048576)]
    pub html: Option<String>,
    #[schema(value_type = Option<TextMode>)]
    pub text_mode: Option<content::TextMode>,
    #[schema(value_type = Option<MailLocale>)]
    pub locale: Option<content::Locale>,
}

/// The content of a body that has all of its fields.
macro_rules! content_change {
    ($body:ident) => {
        ContentChange {
            subject: $body.subject,
            preheader: $body.preheader,
            sender_name: $body.sender_name,
            sender_address: $body.sender_address,
            reply_to: $body.reply_to,
            text: $body.text,
            html: $body.html,
            text_mode: $body.text_mode,
            locale: $body.locale,
        }
    };
}

pub(crate) use content_change;

impl From<MailCreate> for NewMail {
    fn from(body: MailCreate) -> Self {
        Self {
            name: body.name,
            folder_id: body.folder_id.map(FolderId),
            from_template_id: body.from_template_id.map(TemplateId),
            content: content_change!(body),
        }
    }
}

impl From<MailUpdate> for MailChange {
    fn from(body: MailUpdate) -> Self {
        Self {
            name: body.name,
            folder_id: body.folder_id.map(|id| id.map(FolderId)),
            archived: body.archived,
            content: content_change!(body),
        }
    }
}

/// Where a copy goes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MailCopy {
    /// Without: the name of the mail and a word for "copy".
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// Left out: beside the mail; null: at the top.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Uuid>)]
    pub folder_id: Option<Option<Uuid>>,
}

/// A kept version.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailVersion {
    pub number: i32,
    /// Last save that went into it.
    pub at: DateTime<Utc>,
    /// User.
    pub by: Option<Uuid>,
    pub subject: String,
}

impl From<version::Version> for MailVersion {
    fn from(row: version::Version) -> Self {
        Self {
            number: row.number,
            at: row.at,
            by: row.by.map(|id| id.0),
            subject: row.subject,
        }
    }
}

/// What to preview; what is left out is as saved.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// As whom; without, as somebody made up.
    pub contact_id: Option<Uuid>,
    #[schema(max_length = 998)]
    pub subject: Option<String>,
    #[schema(max_length = 998)]
    pub preheader: Option<String>,
    #[schema(max_length = 1048576)]
    pub text: Option<String>,
    #[schema(max_length = 1048576)]
    pub html: Option<String>,
    #[schema(value_type = Option<TextMode>)]
    pub text_mode: Option<content::TextMode>,
}

/// A mail as one person would get it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    pub subject: String,
    pub sender_name: String,
    pub text: String,
    /// null when the mail has a text part only.
    pub html: Option<String>,
    /// Path of the HTML part in a sandbox, for a frame; valid for 10 minutes.
    #[schema(example = "/p/preview/AZrA…")]
    pub frame_url: Option<String>,
    pub warnings: Vec<PreviewWarning>,
}

/// What the writer should look at.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewWarning {
    /// `unknown_field`, `empty_value`, `no_subject`, `no_cancel_link`.
    #[schema(example = "empty_value")]
    pub code: &'static str,
    /// The field, where there is one.
    #[schema(example = "name")]
    pub detail: String,
}

impl From<preview::Preview> for Preview {
    fn from(preview: preview::Preview) -> Self {
        Self {
            subject: preview.subject,
            sender_name: preview.sender_name,
            text: preview.text,
            html: preview.html,
            frame_url: preview
                .frame_token
                .map(|token| format!("/p/preview/{token}")),
            warnings: preview
                .warnings
                .into_iter()
                .map(|w| PreviewWarning {
                    code: w.code,
                    detail: w.detail,
                })
                .collect(),
        }
    }
}
