//! Addresses as reports spell them.

/// Longest address that is taken for one.
const MAX: usize = 320;

/// The value of an address-type field (`rfc822; <taro@example.jp>`), its type
/// taken off; xtext (RFC 3461 §4) decoded where the address needs it.
pub(super) fn of_field(value: &str) -> Option<String> {
    let (kind, rest) = match value.split_once(';') {
        Some((kind, rest)) if !kind.contains('@') => (kind.trim(), rest),
        _ => ("rfc822", value),
    };
    if kind.eq_ignore_ascii_case("x400") || kind.eq_ignore_ascii_case("unknown") {
        return None;
    }
    quoted_whole(rest)
        .or_else(|| first(rest))
        .or_else(|| first(&xtext(rest)))
}

/// An address whose quoted local part may hold anything (RFC 5321 §4.1.2).
fn quoted_whole(text: &str) -> Option<String> {
    let text = text.trim_start_matches([' ', '\t', '<']);
    let at = text.strip_prefix('"')?.find("\"@")? + 2;
    let end = at + 1 + domain_end(&text[at + 1..]);
    Some(text[..end].to_owned()).filter(|address| at <= 66 && is_address(address))
}

/// The first address in `text`.
pub(super) fn first(text: &str) -> Option<String> {
    all(text).next()
}

/// All addresses in `text`.
pub(super) fn all(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(at) = text.get(from..)?.find('@').map(|i| from + i) {
            let start = text[..at]
                .char_indices()
                .rev()
                .take(65)
                .take_while(|(i, _)| *i >= from)
                .take_while(|(_, c)| is_local(*c))
                .last()
                .map_or(at, |(i, _)| i);
            let start = quoted(&text[from..at]).map_or(start, |i| from + i);
            let end = at + 1 + domain_end(&text[at + 1..]);
            from = end.max(at + 1);
            let address = text[start..end].trim_matches(|c| matches!(c, '\'' | '.'));
            // Dots may end the local part of a carrier's address, never the whole.
            if is_address(address) {
                return Some(address.to_owned());
            }
        }
        None
    })
}

/// Where a quoted local part that ends here begins.
fn quoted(before: &str) -> Option<usize> {
    let inside = before.strip_suffix('"')?;
    let start = inside.rfind('"')?;
    (inside.len() - start <= 66 && inside.len() > start + 1).then_some(start)
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

/// Where the domain, or the literal, at the beginning of `text` ends.
fn domain_end(text: &str) -> usize {
    if text.starts_with('[') {
        return text
            .char_indices()
            .take(60)
            .find(|(_, c)| *c == ']')
            .map_or(0, |(i, _)| i + 1);
    }
    text.char_indices()
        .take(255)
        .find(|(_, c)| !(c.is_alphanumeric() || matches!(c, '.' | '-')))
        .map_or_else(
            || text.char_indices().nth(255).map_or(text.len(), |(i, _)| i),
            |(i, _)| i,
        )
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let literal = domain.starts_with('[') && domain.ends_with(']') && domain.len() > 3;
    text.len() <= MAX
        && !local.is_empty()
        && (literal
            || domain.starts_with(char::is_alphanumeric) && domain.ends_with(char::is_alphanumeric))
}

/// `+3D` is `=`; anything that is no xtext stays as it is.
fn xtext(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len().min(MAX * 3));
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = (*first == b'+')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_field_is_found_in_any_spelling() {
        for (value, address) in [
            ("rfc822; taro@example.jp", Some("taro@example.jp")),
            ("RFC822;<taro@example.jp>", Some("taro@example.jp")),
            ("utf-8; 太郎@例え.jp", Some("太郎@例え.jp")),
            ("rfc822; a..b.@docomo.ne.jp", Some("a..b.@docomo.ne.jp")),
            ("rfc822; \"a b@c\"@example.jp", Some("\"a b@c\"@example.jp")),
            ("rfc822;taro+40example.jp", Some("taro@example.jp")),
            ("rfc822; taro+tag@example.jp", Some("taro+tag@example.jp")),
            (
                "rfc822; taro@[IPv6:2001:db8::1]",
                Some("taro@[IPv6:2001:db8::1]"),
            ),
            (
                "rfc822; taro@example.jp (expanded from <a@b.jp>)",
                Some("taro@example.jp"),
            ),
            ("taro@example.jp", Some("taro@example.jp")),
            ("x400; /C=jp/", None),
            ("rfc822; taro", None),
            ("rfc822; @example.jp", None),
            ("rfc822; taro@", None),
            ("", None),
        ] {
            assert_eq!(of_field(value).as_deref(), address, "{value:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_found_is_an_address(text in "\\PC{0,200}") {
            for address in all(&text) {
                proptest::prop_assert!(is_address(&address));
            }
        }
    }
}
