//! The mail that answers: one of the tenant's, which has to hold the link and
//! nothing that only a call of the API could fill in.

use serde_json::{Map, Value};

use super::CONFIRM_URL;
use crate::error::FieldError;
use crate::mail::Mail;
use crate::mail::render::{CompiledMail, Surroundings};
use crate::transactional::values;

/// A mail that can answer.
///
/// # Errors
/// What is wrong with it, at `/mail_id`.
pub(super) fn compile(mail: &Mail, around: Surroundings) -> Result<CompiledMail, FieldError> {
    let wrong = |code, detail: String| FieldError::new("/mail_id", code, detail);
    let fields = around.fields.clone();
    let compiled =
        CompiledMail::compile(&mail.content, &around.without_fields()).map_err(|problems| {
            let first = problems.first();
            let said = first.map(|p| format!("{}: {}", p.part.as_str(), p.detail));
            wrong(
                "template",
                format!("the mail has a mistake: {}", said.unwrap_or_default()),
            )
        })?;
    if !compiled.unknown_fields().contains(CONFIRM_URL) {
        return Err(wrong(
            "no_confirm_link",
            "the mail does not hold the link to confirm: put {{ confirm_url }} into it".to_owned(),
        ));
    }
    let given = Map::from_iter([(CONFIRM_URL.to_owned(), Value::Null)]);
    let missing = values::missing(compiled.required_names(), &fields, &given);
    if !missing.is_empty() {
        return Err(wrong(
            "unknown_fields",
            format!("the mail uses what no contact has: {}", missing.join(", ")),
        ));
    }
    Ok(compiled)
}
