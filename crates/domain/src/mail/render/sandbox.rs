//! The sandbox that templates run in: no files, no environment, no network,
//! no other template, no macros (they are not even compiled in), and a budget.
//!
//! Fuel bounds both time and memory of one rendering (minijinja charges each
//! instruction and every 64 bytes made), so that neither a loop in a loop nor
//! `"x" * 1000000000` hurts anybody.

use chrono_tz::Tz;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, escape_formatter, filters, tests,
};

use super::{filters as ours, link};
use crate::mail::content::Locale;

/// About 100,000 instructions, or 6 MB of data.
const FUEL: u64 = 100_000;
/// Conditions and loops within each other.
const DEPTH: usize = 64;

/// An environment without any template yet.
pub(super) fn environment(locale: Locale, zone: Tz) -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(DEPTH);
    env.set_undefined_behavior(UndefinedBehavior::Chainable);
    // A line that holds nothing but a statement leaves no empty line behind.
    if let Ok(syntax) = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
    {
        env.set_syntax(syntax);
    }
    env.set_auto_escape_callback(|name| {
        if name.ends_with("html") {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    env.set_formatter(move |out, state, value| write(out, state, value, locale));

    env.add_filter("abs", filters::abs);
    env.add_filter("first", filters::first);
    env.add_filter("float", filters::float);
    env.add_filter("int", filters::int);
    env.add_filter("join", filters::join);
    env.add_filter("last", filters::last);
    env.add_filter("length", filters::length);
    env.add_filter("lower", filters::lower);
    env.add_filter("replace", filters::replace);
    env.add_filter("round", filters::round);
    env.add_filter("sort", filters::sort);
    env.add_filter("split", filters::split);
    env.add_filter("title", filters::title);
    env.add_filter("trim", filters::trim);
    env.add_filter("unique", filters::unique);
    env.add_filter("upper", filters::upper);
    env.add_test("defined", tests::is_defined);
    env.add_test("even", tests::is_even);
    env.add_test("in", tests::is_in);
    env.add_test("odd", tests::is_odd);
    env.add_test("undefined", tests::is_undefined);

    env.add_filter("default", ours::default);
    env.add_filter("sama", ours::sama);
    env.add_filter("urlencode", ours::urlencode);
    env.add_filter("number", ours::number);
    env.add_filter("weekday", move |value: &Value| {
        ours::weekday(value, locale, zone)
    });
    env.add_filter("date", move |value: &Value, form: Option<&str>| {
        ours::date(value, form, locale, zone)
    });
    env.add_filter("_whole_url", link::whole_url);
    env.add_function("_link", link::direct_or_counted);
    env
}

/// How a value looks in a mail: nothing for nothing, a list with the commas of
/// the language; in a link percent-encoded, so that a value can't add
/// parameters of its own.
fn write(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
    locale: Locale,
) -> Result<(), minijinja::Error> {
    let joined = match value.kind() {
        ValueKind::Undefined | ValueKind::None => return Ok(()),
        ValueKind::Seq | ValueKind::Iterable => {
            let comma = match locale {
                Locale::Ja => "、",
                Locale::En => ", ",
            };
            let items: Vec<String> = value.try_iter()?.map(|item| item.to_string()).collect();
            Some(Value::from(items.join(comma)))
        }
        _ => None,
    };
    let value = joined.as_ref().unwrap_or(value);
    if state.name().starts_with(link::TEMPLATE_PREFIX) && !value.is_safe() {
        return escape_formatter(out, state, &ours::urlencode(value));
    }
    if matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe() {
        // minijinja's own escapes slashes too, which makes addresses and dates
        // in mails unreadable for nothing.
        let text = value.to_string();
        return Ok(out.write_str(&html_escape::encode_quoted_attribute(&text))?);
    }
    escape_formatter(out, state, value)
}
