//! The one mailbox of a From header. Other readers of headers in this crate
//! look for whatever resembles an address; this one answers to it, and takes
//! nothing that could be read in two ways.

use std::str::Chars;

use domain::contact::EmailAddress;

/// Longest header that is read.
const MAX: usize = 1000;

/// One part between commas.
#[derive(Default)]
struct Part {
    /// What stands outside of comments and angles.
    bare: String,
    /// Whether it has an @ outside of quotes.
    at: bool,
    angles: Vec<String>,
}

/// The mailbox of a From header that names exactly one. Display names may be
/// as people's programs write them, with commas in them too.
pub(super) fn only(value: &str) -> Option<EmailAddress> {
    if value.len() > MAX {
        return None;
    }
    // Folded lines; any other control character is no name.
    let unfold = |c| {
        if matches!(c, '\r' | '\n' | '\t') {
            ' '
        } else {
            c
        }
    };
    let text: String = value.chars().map(unfold).collect();
    if text.chars().any(char::is_control) {
        return None;
    }
    let parts = parts(&text)?;
    let mut named = parts
        .into_iter()
        .filter(|part| part.at || !part.angles.is_empty());
    let (part, None) = (named.next()?, named.next()) else {
        return None;
    };
    let address = match part.angles.as_slice() {
        [] => part.bare.trim(),
        [one] => one.trim(),
        _ => return None,
    };
    EmailAddress::parse(address).ok()
}

/// `None` for a group, and for what does not end.
fn parts(text: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut part = Part::default();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => part.bare.push_str(&quoted(&mut chars)?),
            '(' => comment(&mut chars)?,
            '<' => part.angles.push(angle(&mut chars)?),
            ',' => parts.push(std::mem::take(&mut part)),
            ':' | ';' | '>' | ')' => return None,
            _ => {
                part.at |= c == '@';
                part.bare.push(c);
            }
        }
    }
    parts.push(part);
    Some(parts)
}

/// A quoted string whose first quote is read, quotes and all.
fn quoted(chars: &mut Chars<'_>) -> Option<String> {
    let mut text = String::from('"');
    while let Some(c) = chars.next() {
        text.push(c);
        match c {
            '\\' => text.push(chars.next()?),
            '"' => return Some(text),
            _ => {}
        }
    }
    None
}

fn comment(chars: &mut Chars<'_>) -> Option<()> {
    let mut depth = 1_usize;
    while depth > 0 {
        match chars.next()? {
            '\\' => {
                chars.next()?;
            }
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
    }
    Some(())
}

fn angle(chars: &mut Chars<'_>) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => text.push_str(&quoted(chars)?),
            '>' => return Some(text),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_is_found_however_programs_write_it() {
        for (value, address) in [
            ("taro@example.jp", "taro@example.jp"),
            ("<taro@example.jp>", "taro@example.jp"),
            ("山田 太郎 <taro@example.jp>", "taro@example.jp"),
            ("\"山田, 太郎\" <taro@example.jp>", "taro@example.jp"),
            ("Yamada, Taro <taro@example.jp>", "taro@example.jp"),
            ("taro@example.jp <taro@example.jp>", "taro@example.jp"),
            ("\"a@b.jp\" <taro@example.jp>", "taro@example.jp"),
            ("taro@example.jp (a@b.jp, (x))", "taro@example.jp"),
            (
                "=?ISO-2022-JP?B?GyRCOzNFRBsoQg==?=\r\n <taro@example.jp>",
                "taro@example.jp",
            ),
            ("a..b@docomo.ne.jp", "a..b@docomo.ne.jp"),
            ("ab.@ezweb.ne.jp", "ab.@ezweb.ne.jp"),
            (".ab@docomo.ne.jp", ".ab@docomo.ne.jp"),
            ("\"a..b\"@docomo.ne.jp", "a..b@docomo.ne.jp"),
            ("x <\"a..b\"@docomo.ne.jp>", "a..b@docomo.ne.jp"),
        ] {
            let found = only(value).unwrap_or_else(|| panic!("{value:?}"));
            assert_eq!(found.key(), address, "{value:?}");
        }
    }

    #[test]
    fn nobody_several_and_half_a_mailbox_are_none() {
        for value in [
            "",
            "taro",
            "taro@example.jp, jiro@example.jp",
            "<taro@example.jp>, <jiro@example.jp>",
            "<taro@example.jp> <jiro@example.jp>",
            "taro@example.jp, x <jiro@example.jp>",
            "friends: taro@example.jp;",
            "undisclosed-recipients:;",
            "<taro@example.jp",
            "\"taro <taro@example.jp>",
            "(taro <taro@example.jp>",
            "<@a.jp:taro@example.jp>",
            "taro@example.jp\0",
            "太郎@example.jp",
            "taro@localhost",
            "taro@example.jp>\r\nBcc: <x@example.jp",
        ] {
            assert_eq!(only(value), None, "{value:?}");
        }
        assert_eq!(
            only(&format!("{} <taro@example.jp>", "a".repeat(1000))),
            None
        );
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_there_is_read_without_a_panic(value in "[ -~あ\\r\\n]{0,60}") {
            if let Some(found) = only(&value) {
                proptest::prop_assert!(!found.wire().contains(['\r', '\n']));
            }
        }
    }
}
