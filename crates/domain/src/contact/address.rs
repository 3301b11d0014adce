//! Mail addresses: what is accepted, and the one key of a mailbox.

use crate::error::FieldError;

/// Octets of a local part (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Octets of a domain in its ASCII form (RFC 1035, 2.3.4).
const MAX_DOMAIN: usize = 253;

/// A mail address that can be sent to.
///
/// Japanese carriers gave out addresses that RFC 5321 forbids, with dots at
/// the end or side by side (`a..b@docomo.ne.jp`, `ab.@ezweb.ne.jp`). They are
/// accepted bare and quoted, kept as they were given, sent quoted, and both
/// spellings have one [`EmailAddress::key`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress {
    given: String,
    key: String,
    /// Where the local part of `key` ends.
    at: usize,
}

impl EmailAddress {
    /// Takes `local@domain`; white space around it is dropped. The local part
    /// is ASCII (`atext` and dots in any place, or a quoted string), the
    /// domain has a dot and may be an internationalised one (RFC 5891).
    ///
    /// # Errors
    /// A field error that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let given = text.trim();
        if given.is_empty() {
            return Err(wrong("required", "must not be empty"));
        }
        if given.chars().any(char::is_control) {
            return Err(wrong(
                "malformed",
                "holds a control character, for example a line break",
            ));
        }
        let (local, domain) = split(given).ok_or_else(|| {
            wrong(
                "malformed",
                "is no mail address, for example hanako@example.co.jp",
            )
        })?;
        let local = local_key(local)?;
        let domain = domain_key(domain)?;
        let key = format!("{local}@{domain}");
        if given.chars().count() > 320 {
            return Err(wrong("too_long", "has more than 320 characters"));
        }
        Ok(Self {
            given: given.to_owned(),
            at: local.len(),
            key,
        })
    }

    /// As it was given.
    #[must_use]
    pub fn as_given(&self) -> &str {
        &self.given
    }

    /// One spelling for each mailbox: lower-case ASCII domain, local part
    /// quoted only when it can't stand bare. The case of the local part stays,
    /// since only the receiver knows whether it counts (RFC 5321, 2.4).
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Lower-case ASCII domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.key[self.at + 1..]
    }

    /// As it goes into `RCPT TO` and headers: the local part quoted where
    /// RFC 5321 wants it, the domain in ASCII.
    #[must_use]
    pub fn wire(&self) -> String {
        let local = &self.key[..self.at];
        let irregular = local.starts_with('.') || local.ends_with('.') || local.contains("..");
        if irregular && !local.starts_with('"') {
            format!("\"{local}\"@{}", self.domain())
        } else {
            self.key.clone()
        }
    }
}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.given)
    }
}

/// A domain name in its lower-case ASCII form.
///
/// # Errors
/// A field error that says what is wrong.
pub fn domain_key(domain: &str) -> Result<String, FieldError> {
    let ascii = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(domain)
            .map_err(|_| wrong("malformed_domain", "has a domain that can't exist"))?
    };
    if ascii.len() > MAX_DOMAIN {
        return Err(wrong(
            "too_long",
            "has a domain of more than 253 characters",
        ));
    }
    let label_is_good = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let top = ascii.rsplit('.').next().unwrap_or_default();
    if !ascii.contains('.')
        || !ascii.split('.').all(label_is_good)
        || top.bytes().all(|b| b.is_ascii_digit())
    {
        return Err(wrong("malformed_domain", "has a domain that can't exist"));
    }
    Ok(ascii)
}

fn wrong(code: &'static str, detail: &'static str) -> FieldError {
    FieldError::new("", code, detail)
}

/// Splits at the `@` that ends the local part; one inside quotes does not.
fn split(text: &str) -> Option<(&str, &str)> {
    if !text.starts_with('"') {
        return text.split_once('@');
    }
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((&text[..=i], text[i + 1..].strip_prefix('@')?)),
            _ => {}
        }
    }
    None
}

/// `atext` of RFC 5322, 3.2.3, and the dot.
fn stands_bare(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b)
}

fn local_key(local: &str) -> Result<String, FieldError> {
    if !local.is_ascii() {
        return Err(wrong(
            "not_ascii",
            "has letters before the @ that mail servers don't take: use half-width a-z and 0-9",
        ));
    }
    let quoted = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let content = match quoted {
        Some(inner) => unescape(inner),
        None => local.to_owned(),
    };
    if content.is_empty() {
        return Err(wrong("malformed", "has nothing before the @"));
    }
    let bare = content.bytes().all(stands_bare);
    if !bare && quoted.is_none() {
        return Err(wrong(
            "malformed",
            "has a character before the @ that may not stand there",
        ));
    }
    let key = if bare {
        content
    } else {
        format!("\"{}\"", content.replace('\\', "\\\\").replace('"', "\\\""))
    };
    // Irregular dots go out in quotes, which count.
    if key.len() > MAX_LOCAL {
        return Err(wrong(
            "too_long",
            "has more than 64 characters before the @",
        ));
    }
    Ok(key)
}

fn unescape(quoted: &str) -> String {
    let mut out = String::with_capacity(quoted.len());
    let mut escaped = false;
    for c in quoted.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            out.push(c);
            escaped = false;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(text: &str) -> String {
        EmailAddress::parse(text)
            .unwrap_or_else(|e| panic!("{text}: {e:?}"))
            .key()
            .to_owned()
    }

    fn code(text: &str) -> &'static str {
        EmailAddress::parse(text).expect_err(text).code
    }

    #[test]
    fn carrier_addresses_are_kept_as_given_and_quoted_on_the_wire() {
        for bare in [
            "a..b@docomo.ne.jp",
            "ab.@ezweb.ne.jp",
            ".a@docomo.ne.jp",
            "a-_.-.@softbank.ne.jp",
        ] {
            let address = EmailAddress::parse(bare).expect(bare);
            assert_eq!(address.as_given(), bare);
            assert_eq!(address.key(), bare);
            let (local, domain) = bare.split_once('@').expect("an at");
            assert_eq!(address.wire(), format!("\"{local}\"@{domain}"));
            assert_eq!(key(&address.wire()), bare, "both spellings are one mailbox");
        }
        assert_eq!(
            EmailAddress::parse("a.b@docomo.ne.jp")
                .expect("regular")
                .wire(),
            "a.b@docomo.ne.jp"
        );
    }

    #[test]
    fn the_domain_is_folded_and_the_local_part_is_not() {
        assert_eq!(key(" Taro@EXAMPLE.co.JP\u{3000}"), "Taro@example.co.jp");
        assert_eq!(key("taro@日本語.jp"), "taro@xn--wgv71a119e.jp");
        assert_eq!(key("taro@XN--WGV71A119E.jp"), "taro@xn--wgv71a119e.jp");
        assert_eq!(key(r#""a b\"c"@example.jp"#), r#""a b\"c"@example.jp"#);
        assert_eq!(key(r#""\t\a"@example.jp"#), "ta@example.jp");
        assert_eq!(
            EmailAddress::parse(r#""a@b"@example.jp"#)
                .expect("quoted at")
                .domain(),
            "example.jp"
        );
    }

    #[test]
    fn what_can_not_be_sent_to_is_refused_with_a_word() {
        for (text, expected) in [
            ("", "required"),
            ("taro", "malformed"),
            ("@example.jp", "malformed"),
            ("\"\"@example.jp", "malformed"),
            ("taro@", "malformed_domain"),
            ("taro@localhost", "malformed_domain"),
            ("taro@example", "malformed_domain"),
            ("taro@-a.jp", "malformed_domain"),
            ("taro@a..jp", "malformed_domain"),
            ("taro@192.168.0.1", "malformed_domain"),
            ("taro@[192.168.0.1]", "malformed_domain"),
            ("taro@exa mple.jp", "malformed_domain"),
            ("ta ro@example.jp", "malformed"),
            ("taro@example.jp@example.jp", "malformed_domain"),
            ("太郎@example.jp", "not_ascii"),
            ("ｔａｒｏ@example.jp", "not_ascii"),
            ("taro@example.jp\r\nBcc: x@example.jp", "malformed"),
            ("Taro <taro@example.jp>", "malformed"),
        ] {
            assert_eq!(code(text), expected, "{text:?}");
        }
        assert_eq!(code(&format!("{}@example.jp", "a".repeat(65))), "too_long");
        assert_eq!(
            code(&format!("a@{}.jp", "a".repeat(64))),
            "malformed_domain"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
            let _ = EmailAddress::parse(&text);
        }

        #[test]
        fn quoted_and_bare_spelling_have_one_key_and_it_is_stable(local in "[a-zA-Z0-9._+-]{1,30}", domain in "[a-z]{1,10}\\.[A-Za-z]{2,8}") {
            let bare = EmailAddress::parse(&format!("{local}@{domain}")).expect("bare");
            let quoted = EmailAddress::parse(&format!("\"{local}\"@{domain}")).expect("quoted");
            prop_assert_eq!(bare.key(), quoted.key());
            prop_assert_eq!(key(bare.key()), bare.key());
            prop_assert_eq!(key(&bare.wire()), bare.key());
        }

        #[test]
        fn any_quoted_local_part_comes_back_from_its_wire_form(content in "[ -~]{1,20}", upper in any::<bool>()) {
            let escaped = content.replace('\\', "\\\\").replace('"', "\\\"");
            let domain = if upper { "EXAMPLE.JP" } else { "example.jp" };
            let address = EmailAddress::parse(&format!("\"{escaped}\"@{domain}")).expect("quoted");
            prop_assert_eq!(key(&address.wire()), address.key());
            prop_assert_eq!(address.domain(), "example.jp");
        }

        #[test]
        fn nothing_that_passes_can_break_a_header(text in "[ -~\\r\\n\\t]{1,40}@[ -~\\r\\n]{1,40}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(!address.wire().contains(['\r', '\n', '\0']));
                prop_assert!(address.wire().is_ascii());
            }
        }
    }
}
