//! Reads a part of a mail into text and tags, before anything is compiled:
//! puts shared blocks in, refuses tags that mails have no use for, and hides
//! the tags behind plain words while HTML is parsed around them.

use std::collections::{BTreeMap, BTreeSet};

use super::{BlockSource, Part, Problem};

/// Blocks within blocks.
const MAX_BLOCK_DEPTH: usize = 4;
/// A part with all its blocks, in bytes.
const MAX_EXPANDED: usize = 4 * 1_048_576;
/// Tags in one part.
const MAX_TAGS: usize = 20_000;
/// First words of the statements that are allowed.
const STATEMENTS: [&str; 8] = [
    "if", "elif", "else", "endif", "for", "endfor", "set", "with",
];

/// A piece of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    /// `{{ … }}`
    Value(&'a str),
    /// `{% … %}`
    Statement(&'a str),
    /// `{# … #}`
    Comment,
}

/// Cuts text into pieces; a tag's end is looked for outside its quotes.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, usize> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = next_tag(rest) {
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        let line = || text[..text.len() - rest.len() + at].matches('\n').count() + 1;
        let tag = &rest[at..];
        let (close, quoted) = match tag.as_bytes().get(1) {
            Some(b'{') => ("}}", true),
            Some(b'%') => ("%}", true),
            _ => ("#}", false),
        };
        let length = end_of_tag(tag, close, quoted).ok_or_else(line)?;
        let tag = &tag[..length];
        pieces.push(match close {
            "}}" => Piece::Value(tag),
            "%}" => Piece::Statement(tag),
            _ => Piece::Comment,
        });
        rest = &rest[at + length..];
        if pieces.len() > 2 * MAX_TAGS {
            return Err(line());
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

/// Where a tag begins. In one walk: to look for each kind by itself would read
/// the whole rest once for every tag, for the kinds that do not come.
fn next_tag(rest: &str) -> Option<usize> {
    let mut pairs = rest.as_bytes().windows(2);
    pairs.position(|pair| matches!(pair, [b'{', b'{' | b'%' | b'#']))
}

fn end_of_tag(tag: &str, close: &str, quoted: bool) -> Option<usize> {
    let bytes = tag.as_bytes();
    let mut quote = None;
    let mut at = 2;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(q), b) if q == b => quote = None,
            (None, b @ (b'"' | b'\'')) if quoted => quote = Some(b),
            (None, _) if bytes[at..].starts_with(close.as_bytes()) => return Some(at + 2),
            _ => {}
        }
        at += 1;
    }
    None
}

/// What is between the brackets, without the marks of white-space control.
fn inner(tag: &str) -> &str {
    tag.get(2..tag.len().saturating_sub(2))
        .unwrap_or_default()
        .trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace())
}

/// The key of `block("key")`.
fn block_key(tag: &str) -> Option<&str> {
    let argument = inner(tag)
        .strip_prefix("block")?
        .trim()
        .strip_prefix('(')?
        .strip_suffix(')')?
        .trim();
    let quote = argument
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\''))?;
    argument
        .strip_prefix(quote)?
        .strip_suffix(quote)
        .filter(|key| !key.contains(quote))
}

/// A part that was read: its text with each tag replaced by a word.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    /// With words for tags.
    pub(super) text: String,
    /// The tags, by the words' numbers.
    pub(super) tags: Vec<Tag>,
    /// What the words begin with; stands nowhere else in the text.
    marker: String,
}

#[derive(Debug, Clone)]
pub(super) struct Tag {
    pub(super) text: String,
    pub(super) is_statement: bool,
}

impl Source {
    /// Reads a part.
    ///
    /// # Errors
    /// Tags without end, forbidden tags, unknown or circular blocks.
    pub(super) fn read(
        part: Part,
        text: &str,
        blocks: &BTreeMap<String, BlockSource>,
    ) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader {
            part,
            blocks,
            out: Vec::new(),
            size: 0,
            problems: Vec::new(),
        };
        let text = text.replace("\r\n", "\n");
        reader.read(&text, 0, 0);
        if !reader.problems.is_empty() {
            return Err(reader.problems);
        }
        let mut marker = "kkbtag".to_owned();
        while reader
            .out
            .iter()
            .any(|(text, is_tag)| is_tag.is_none() && text.to_ascii_lowercase().contains(&marker))
        {
            marker.push('q');
        }
        let mut source = Self {
            marker,
            ..Self::default()
        };
        for (text, is_tag) in reader.out {
            match is_tag {
                None => source.text.push_str(&text),
                Some(is_statement) => {
                    let word = source.word(source.tags.len());
                    source.text.push_str(&word);
                    source.tags.push(Tag { text, is_statement });
                }
            }
        }
        Ok(source)
    }

    fn word(&self, number: usize) -> String {
        format!("{}{number}x", self.marker)
    }

    /// Puts the tags back in the place of their words.
    pub(super) fn restore(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + self.tags.len() * 16);
        let mut rest = text;
        while let Some((before, number, after)) = self.next_word(rest) {
            out.push_str(before);
            out.push_str(self.tags.get(number).map_or("", |tag| tag.text.as_str()));
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// The part as it was, with its blocks in place.
    pub(super) fn restored(&self) -> String {
        self.restore(&self.text)
    }

    /// Numbers of the tags whose words stand in `text`, in order.
    pub(super) fn words_in(&self, text: &str) -> Vec<usize> {
        let mut numbers = Vec::new();
        let mut rest = text;
        while let Some((_, number, after)) = self.next_word(rest) {
            numbers.push(number);
            rest = after;
        }
        numbers
    }

    fn next_word<'a>(&self, text: &'a str) -> Option<(&'a str, usize, &'a str)> {
        if self.tags.is_empty() {
            return None;
        }
        let (before, rest) = text.split_once(&self.marker)?;
        let (digits, after) = rest.split_once('x')?;
        Some((before, digits.parse().ok()?, after))
    }
}

struct Reader<'a> {
    part: Part,
    blocks: &'a BTreeMap<String, BlockSource>,
    out: Vec<(String, Option<bool>)>,
    size: usize,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn read(&mut self, text: &str, depth: usize, line_of_block: usize) {
        let line_at = |line: usize| Some(if depth == 0 { line } else { line_of_block });
        self.size += text.len();
        if self.size > MAX_EXPANDED {
            return self.problem(
                line_at(1),
                "block_depth",
                "the mail is too long with its blocks",
            );
        }
        let pieces = match pieces(text) {
            Ok(pieces) => pieces,
            Err(line) => {
                return self.problem(
                    line_at(line),
                    "template_syntax",
                    "a {{ or {% without its end, or too many tags",
                );
            }
        };
        let mut line = 1;
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    line += text.matches('\n').count();
                    self.out.push((text.to_owned(), None));
                }
                Piece::Comment => {}
                Piece::Value(tag) => {
                    let decoded = self.decoded(tag);
                    match block_key(&decoded) {
                        Some(key) => self.block(key, depth, line_at(line)),
                        None => self.out.push((decoded, Some(false))),
                    }
                    line += tag.matches('\n').count();
                }
                Piece::Statement(tag) => {
                    let decoded = self.decoded(tag);
                    let word: String = inner(&decoded)
                        .chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect();
                    if STATEMENTS.contains(&word.as_str()) || word == "endwith" || word == "endset"
                    {
                        self.out.push((decoded, Some(true)));
                    } else {
                        self.problem(
                            line_at(line),
                            "forbidden_tag",
                            &format!("{{% {word} %}} is not available in mails"),
                        );
                    }
                    line += tag.matches('\n').count();
                }
            }
        }
    }

    /// Editors of HTML write quotes inside tags as entities.
    fn decoded(&self, tag: &str) -> String {
        if self.part == Part::Html && tag.contains('&') {
            html_escape::decode_html_entities(tag).replace('\u{a0}', " ")
        } else {
            tag.to_owned()
        }
    }

    fn block(&mut self, key: &str, depth: usize, line: Option<usize>) {
        let Some(block) = self.blocks.get(key) else {
            return self.problem(line, "unknown_block", &format!("there is no block {key:?}"));
        };
        if depth >= MAX_BLOCK_DEPTH {
            return self.problem(
                line,
                "block_depth",
                &format!("block {key:?}: blocks lie too deep in each other, or in a circle"),
            );
        }
        let source = match self.part {
            Part::Html if !block.html.trim().is_empty() => block.html.clone(),
            Part::Html => html_escape::encode_text(&block.text).replace('\n', "<br>\n"),
            _ if !block.text.trim().is_empty() => block.text.clone(),
            _ => super::text::from_html(&block.html),
        };
        self.read(&source.replace("\r\n", "\n"), depth + 1, line.unwrap_or(1));
    }

    fn problem(&mut self, line: Option<usize>, code: &'static str, detail: &str) {
        // One mistake in a block that stands in a loop of blocks is enough.
        if self.problems.len() < 50 {
            self.problems.push(Problem {
                part: self.part,
                line,
                code,
                detail: detail.to_owned(),
            });
        }
    }
}

/// Which names stand bare in a mail, and which behind a condition.
#[derive(Debug, Default)]
pub(super) struct Uses {
    bare: BTreeSet<String>,
    guarded: BTreeSet<String>,
}

impl Uses {
    pub(super) fn note(&mut self, source: &Source) {
        for tag in &source.tags {
            let inner = inner(&tag.text);
            let names = inner
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .filter(|word| !word.is_empty());
            if tag.is_statement {
                if inner.starts_with("if") || inner.starts_with("elif") {
                    self.guarded.extend(names.map(str::to_owned));
                }
            } else if !inner.contains("default")
                && !inner.contains("sama")
                && !inner.contains(" if ")
            {
                self.bare.extend(names.take(1).map(str::to_owned));
            }
        }
    }

    pub(super) fn unguarded(&self) -> BTreeSet<String> {
        self.bare.difference(&self.guarded).cloned().collect()
    }
}

/// What is wrong, in words for the writer of the mail.
pub(super) fn explain(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}
