//! The text part made from the HTML part.

use html2text::config;
use html2text::render::{TaggedLine, TextDecorator};

use super::source::Source;

/// Mail programs wrap lines themselves, and Japanese has no spaces to wrap at.
const WIDTH: usize = 4_000;

/// The text of a piece of HTML.
pub(super) fn from_html(html: &str) -> String {
    let text = config::with_decorator(Plain::default())
        .no_table_borders()
        .raw_mode(true)
        .allow_width_overflow()
        .string_from_read(html.as_bytes(), WIDTH)
        .unwrap_or_default();
    tidy(
        &text
            .lines()
            .map(without_repeated_url)
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

/// Without spaces at the ends of lines, and with one empty line at most: a
/// condition that did not hold leaves the empty lines around it.
pub(super) fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut is_blank = true;
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && is_blank) {
            out.push_str(line);
            out.push('\n');
        }
        is_blank = line.is_empty();
    }
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The template of the text part, made once from the HTML with its tags
/// hidden. `None` when a tag got lost or changed its place against the
/// statements around it, as in a table's rows: then each person's HTML has to
/// be turned into text.
pub(super) fn template(html: &Source) -> Option<String> {
    let text = from_html(&html.text);
    let is_statement = |number: &usize| html.tags.get(*number).is_some_and(|tag| tag.is_statement);
    let found = html.words_in(&text);
    let statements: Vec<usize> = found.iter().copied().filter(is_statement).collect();
    let expected: Vec<usize> = (0..html.tags.len()).filter(is_statement).collect();
    if statements != expected {
        return None;
    }
    let mut last_statement = None;
    for number in &found {
        if is_statement(number) {
            last_statement = Some(*number);
        } else if expected.iter().rev().find(|s| *s < number).copied() != last_statement {
            return None;
        }
    }
    Some(html.restore(&text))
}

/// A link whose text is its address needs it once only.
fn without_repeated_url(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(" ( ") {
        out.push_str(before);
        match after.split_once(" )") {
            Some((url, tail)) if !url.contains(' ') => {
                if !before.ends_with(url) {
                    out.push_str(" ( ");
                    out.push_str(url);
                    out.push_str(" )");
                }
                rest = tail;
            }
            _ => {
                out.push_str(" ( ");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Plain words: no marks for emphasis, a link's address behind it.
#[derive(Debug, Clone, Default)]
struct Plain {
    urls: Vec<String>,
}

impl TextDecorator for Plain {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
        self.urls.push(url.to_owned());
        (String::new(), ())
    }

    fn decorate_link_end(&mut self) -> String {
        match self.urls.pop() {
            Some(url) if !url.is_empty() && !url.starts_with('#') => {
                format!(
                    " ( {} )",
                    url.strip_prefix("mailto:")
                        .or_else(|| url.strip_prefix("tel:"))
                        .unwrap_or(&url)
                )
            }
            _ => String::new(),
        }
    }

    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _src: &str, title: &str) -> (String, ()) {
        (title.to_owned(), ())
    }

    fn header_prefix(&self, level: usize) -> String {
        if level <= 2 {
            "■ ".to_owned()
        } else {
            "◆ ".to_owned()
        }
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "・".to_owned()
    }

    fn ordered_item_prefix(&self, i: i64) -> String {
        format!("{i}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        Self::default()
    }

    fn decorate_superscript_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_superscript_end(&self) -> String {
        String::new()
    }

    fn finalise(&mut self, _urls: Vec<String>) -> Vec<TaggedLine<()>> {
        Vec::new()
    }
}
