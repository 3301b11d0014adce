//! Senders that RFC 5321 forbids and Japanese carriers have: `a..b.@docomo.ne.jp`,
//! bare in MAIL FROM. The grammar of commands takes them quoted only.

/// The command with its sender's local part in quotes; `None` when that is no
/// such sender.
pub(super) fn quoted(line: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(line).ok()?;
    let verb = "MAIL FROM:<";
    let head = text
        .get(..verb.len())
        .filter(|head| head.eq_ignore_ascii_case(verb))?;
    let (address, rest) = text[head.len()..].split_once('>')?;
    let (local, domain) = address.split_once('@')?;
    let bare = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let irregular = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    if !irregular || !local.chars().all(bare) {
        return None;
    }
    Some(format!("{head}\"{local}\"@{domain}>{rest}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_senders_with_irregular_dots_are_quoted() {
        for (line, quoted_line) in [
            (
                "MAIL FROM:<a..b.@docomo.ne.jp>\r\n",
                Some("MAIL FROM:<\"a..b.\"@docomo.ne.jp>\r\n"),
            ),
            (
                "mail from:<.a@ezweb.ne.jp> SIZE=9\r\n",
                Some("mail from:<\".a\"@ezweb.ne.jp> SIZE=9\r\n"),
            ),
            ("MAIL FROM:<a.b@example.jp>\r\n", None),
            ("MAIL FROM:<\"a..b\"@docomo.ne.jp>\r\n", None),
            ("MAIL FROM:<a..\"b@docomo.ne.jp>\r\n", None),
            ("MAIL FROM:<>\r\n", None),
            ("RCPT TO:<a..b@docomo.ne.jp>\r\n", None),
        ] {
            let made = quoted(line.as_bytes());
            assert_eq!(made.as_deref(), quoted_line.map(str::as_bytes), "{line:?}");
        }
    }
}
