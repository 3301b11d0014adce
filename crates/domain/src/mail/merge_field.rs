//! What a writer may put into a mail, for the editor's menu.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::actor::{Actor, Permission};
use crate::db::Db;
use crate::error::Result;
use crate::schema::contact_field;

/// An entry of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeField {
    /// What is put in, for example `{{ name | sama }}`.
    pub token: String,
    pub label: String,
    pub group: Group,
    /// What it may look like in a mail.
    pub sample: String,
}

crate::text_enum::text_enum! {
    /// Part of the menu.
    pub enum Group {
        Contact = "contact",
        OwnField = "own_field",
        Company = "company",
        Mail = "mail",
    }
}

/// Everything that can be put in: builtin ones and the tenant's own fields.
///
/// # Errors
/// Forbidden without the permission to read mails.
pub async fn list(db: &Db, actor: &Actor) -> Result<Vec<MergeField>> {
    actor.require(Permission::MailsRead)?;
    let (settings, fields) = db
        .tenant(actor.tenant_id, async |tx| {
            let settings = crate::tenant::find(tx, actor.tenant_id).await?;
            let fields: Vec<(String, String, String)> = contact_field::table
                .filter(contact_field::tenant_id.eq(actor.tenant_id))
                .order((contact_field::position, contact_field::key))
                .select((
                    contact_field::key,
                    contact_field::label,
                    contact_field::type_,
                ))
                .load(tx)
                .await?;
            Ok((settings, fields))
        })
        .await?;
    let field = |token: &str, label: &str, group, sample: &str| MergeField {
        token: token.to_owned(),
        label: label.to_owned(),
        group,
        sample: sample.to_owned(),
    };
    let ja = settings.locale == "ja";
    let word = |japanese: &'static str, english: &'static str| if ja { japanese } else { english };
    let name = word("髙橋 花子", "Hanako Takahashi");
    let mut all = vec![
        field(
            "{{ name | sama }}",
            word("宛名（○○ 様）", "Name with 様"),
            Group::Contact,
            word("髙橋 花子 様", "Hanako Takahashi 様"),
        ),
        field("{{ name }}", word("お名前", "Name"), Group::Contact, name),
        field(
            word(
                "{{ name | default(\"お客様\") }}",
                "{{ name | default(\"customer\") }}",
            ),
            word(
                "お名前（空欄なら「お客様」）",
                "Name, or “customer” when empty",
            ),
            Group::Contact,
            name,
        ),
        field(
            "{{ email }}",
            word("メールアドレス", "Mail address"),
            Group::Contact,
            "hanako@example.co.jp",
        ),
    ];
    for (key, label, kind) in fields {
        let (filter, sample) = match kind.as_str() {
            "number" => (" | number", "1,234"),
            "date" | "datetime" => (" | date", word("2026年4月1日", "April 1, 2026")),
            "boolean" => ("", "true"),
            "url" => ("", "https://example.com/"),
            "phone" => ("", "03-1234-5678"),
            _ => ("", "…"),
        };
        all.push(field(
            &format!("{{{{ {key}{filter} }}}}"),
            &label,
            Group::OwnField,
            sample,
        ));
    }
    all.extend([
        field(
            "{{ company_name }}",
            word("送信者名（会社名）", "Sender (company)"),
            Group::Company,
            &settings.legal_sender_name,
        ),
        field(
            "{{ company_address }}",
            word("住所", "Postal address"),
            Group::Company,
            &settings.legal_postal_address,
        ),
        field(
            "{{ company_contact }}",
            word("問い合わせ先", "Contact"),
            Group::Company,
            &settings.legal_contact,
        ),
        field(
            "{{ cancel_url }}",
            word("配信停止ページのURL", "Address of the unsubscribe page"),
            Group::Mail,
            "https://…",
        ),
        field(
            "{{ today | date }}",
            word("配信日", "Date of sending"),
            Group::Mail,
            word("2026年11月22日", "November 22, 2026"),
        ),
    ]);
    Ok(all)
}
