//! The HTML part: links numbered, pixel and preheader put in. Parsed once for
//! a campaign with its tags hidden behind words; what is spliced in is again a
//! tag, so that each person costs a look-up and a signature only.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use lol_html::html_content::ContentType;
use lol_html::{RewriteStrSettings, element, end_tag, rewrite_str};

use super::link::{self, MAX_LINKS, MAX_TARGET};
use super::source::Source;

/// The HTML template, and the targets of its links from number 1 on.
pub(super) struct Rewritten {
    pub(super) template: String,
    pub(super) targets: Vec<String>,
}

/// An image of one pixel, last in the body; in a preview its address is empty.
const PIXEL: &str = r#"{% if _open_url %}<img src="{{ _open_url }}" width="1" height="1" alt="" style="display:block;border:0">{% endif %}"#;

/// Rewrites the HTML part.
///
/// # Errors
/// When the HTML can't be parsed, in words.
pub(super) fn rewrite(
    source: &Source,
    preheader: &Source,
    fields: &BTreeSet<String>,
) -> Result<Rewritten, String> {
    let is_field =
        |name: &str| name == "name" || name == "email" || name == "today" || fields.contains(name);
    let targets = RefCell::new(Vec::<String>::new());
    let has_body = Cell::new(false);
    let body_ends = Rc::new(Cell::new(false));
    let opening = opening(preheader);
    // Words of tags survive the parser; brackets in an attribute would too,
    // but a quote inside them would end it.
    let links = element!("a[href], area[href]", |el| {
        let href = html_escape::decode_html_entities(&el.get_attribute("href").unwrap_or_default())
            .trim()
            .to_owned();
        let target = source.restore(&href);
        let mut targets = targets.borrow_mut();
        if is_counted(&target) && targets.len() < MAX_LINKS && link::stands_alone(&target, is_field)
        {
            targets.push(target);
            el.set_attribute("href", &format!("{{{{ _link({}) }}}}", targets.len()))?;
        }
        Ok(())
    });
    let body = element!("body", |el| {
        if !has_body.replace(true) {
            el.prepend(&opening, ContentType::Html);
            if let Some(handlers) = el.end_tag_handlers() {
                let body_ends = Rc::clone(&body_ends);
                handlers.push(end_tag!(move |end| {
                    end.before(PIXEL, ContentType::Html);
                    body_ends.set(true);
                    Ok(())
                }));
            }
        }
        Ok(())
    });
    // Words of tags survive the parser; brackets in an attribute would too,
    // but a quote inside them would end it.
    let settings = RewriteStrSettings::new()
        .append_element_content_handler(links)
        .append_element_content_handler(body)
        .with_strict(false);
    let mut template = rewrite_str(&source.text, settings).map_err(|error| error.to_string())?;
    if !has_body.get() {
        template.insert_str(0, &opening);
    }
    if !body_ends.get() {
        template.push_str(PIXEL);
    }
    Ok(Rewritten {
        template: source.restore(&template),
        targets: targets.into_inner(),
    })
}

/// Web addresses, and fields that may hold one; never the cancel link (its
/// page has to open even when counting fails), mailto, tel or anchors.
fn is_counted(target: &str) -> bool {
    let lower = target.get(..8).unwrap_or(target).to_ascii_lowercase();
    let is_web =
        lower.starts_with("http://") || lower.starts_with("https://") || lower.starts_with("{{");
    is_web && target.chars().count() <= MAX_TARGET && !target.contains("cancel_url")
}

/// The preheader, hidden where inboxes look for it. Its own text is escaped
/// here, its merged values when they are filled in.
fn opening(preheader: &Source) -> String {
    if preheader.text.trim().is_empty() {
        return String::new();
    }
    let text = preheader.restore(&html_escape::encode_text(&preheader.text));
    format!(
        r#"<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px;color:transparent">{text}</div>"#
    )
}
