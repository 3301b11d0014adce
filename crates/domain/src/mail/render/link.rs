//! Counted links: how they stand in the HTML part, and where they lead.

use chrono_tz::Tz;
use minijinja::value::Value;
use minijinja::{Error, ErrorKind, State};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::context::Context;
use super::sandbox;
use super::{Links, Recipient, Surroundings};
use crate::mail::content::Locale;

/// Templates of links are named by it, so that the sandbox knows to encode
/// values for a URL.
pub(super) const TEMPLATE_PREFIX: &str = "link:";
/// More links than this in one mail are left uncounted.
pub(super) const MAX_LINKS: usize = 1_000;
/// Longest target, merge fields and all (the column's limit).
pub(super) const MAX_TARGET: usize = 4_000;

pub(super) fn template_name(number: usize) -> String {
    format!("{TEMPLATE_PREFIX}{number}")
}

/// A field that stands at the beginning is a whole address, not a part of
/// one: it is checked instead of encoded.
pub(super) fn template(target: &str) -> String {
    match target
        .strip_prefix("{{")
        .and_then(|rest| rest.split_once("}}"))
    {
        Some((expression, rest)) => {
            let expression = expression.trim_matches(|c: char| c == '-' || c.is_whitespace());
            format!("{{{{ ({expression}) | _whole_url }}}}{rest}")
        }
        None => target.to_owned(),
    }
}

/// Characters that no URL holds as they are (RFC 3986 §2), encoded again in
/// what people typed; a percent sign is left, since it may already encode.
const NOT_IN_A_URL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A web address as it goes into a Location header: nothing but http and
/// https, ASCII only.
pub(crate) fn web_address(text: &str) -> Option<String> {
    let text = text.trim();
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let rest = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"));
    if rest.is_none() || text.len() < 8 {
        return None;
    }
    Some(utf8_percent_encode(text, NOT_IN_A_URL).to_string())
}

/// Filter of the compiler: a value that is a whole address.
pub(super) fn whole_url(value: &Value) -> Value {
    let text = value.to_string();
    Value::from_safe_string(web_address(&text).unwrap_or_default())
}

/// Function of the compiler: what stands in a rewritten `href`. The counted
/// address of the person, or in a preview the target itself.
pub(super) fn direct_or_counted(state: &State<'_, '_>, number: u16) -> Result<Value, Error> {
    let context = state
        .lookup("_self")
        .and_then(|value| value.downcast_object::<Context>())
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "link outside a mail"))?;
    if let Some(url) = context.link_url(number) {
        return Ok(Value::from_safe_string(url));
    }
    let target = state
        .env()
        .get_template(&template_name(usize::from(number)))?
        .render(Value::from_dyn_object(context))?;
    Ok(Value::from(web_address(&target).unwrap_or_default()))
}

/// Where a click on a link leads for one person: its target from table `link`,
/// filled in. `None` when it makes no web address.
#[must_use]
pub fn resolve(
    target: &str,
    recipient: &Recipient,
    around: &Surroundings,
    locale: Locale,
) -> Option<String> {
    if is_plain(target) {
        return web_address(target);
    }
    let mut env = sandbox::environment(locale, around.time_zone);
    let name = template_name(1);
    env.add_template_owned(name.clone(), template(target))
        .ok()?;
    let shared = std::sync::Arc::new(super::context::Shared::new(around, locale, 0));
    let context = Context::new(shared, recipient, Links::Direct);
    let text = env
        .get_template(&name)
        .ok()?
        .render(Value::from_object(context))
        .ok()?;
    web_address(&text)
}

/// Whether a target is the same for everybody.
#[must_use]
pub fn is_plain(target: &str) -> bool {
    !target.contains("{{") && !target.contains("{%")
}

/// Whether a target can be filled in with nothing but the person's fields:
/// inside a loop it can't, and then stays uncounted.
pub(super) fn stands_alone(target: &str, is_field: impl Fn(&str) -> bool) -> bool {
    let mut env = sandbox::environment(Locale::Ja, Tz::UTC);
    let name = template_name(1);
    if env
        .add_template_owned(name.clone(), template(target))
        .is_err()
    {
        return false;
    }
    env.get_template(&name).is_ok_and(|template| {
        template
            .undeclared_variables(false)
            .iter()
            .all(|n| is_field(n))
    })
}
