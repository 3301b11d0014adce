//! What is the same for all people of a campaign, done once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{CompiledMail, Part, Problem, Surroundings, TextPlan};
use super::{context, html, link, sandbox, source, text};
use crate::mail::content::Content;

pub(super) fn compile(
    content: &Content,
    around: &Surroundings,
    links_after: u16,
) -> Result<CompiledMail, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut uses = source::Uses::default();
    let mut read = |part: Part, text: &str| -> source::Source {
        match source::Source::read(part, text, &around.blocks) {
            Ok(source) => {
                uses.note(&source);
                source
            }
            Err(found) => {
                problems.extend(found);
                source::Source::default()
            }
        }
    };
    let has_html = !content.html.trim().is_empty();
    let headers = [
        (Part::Subject, &content.subject),
        (Part::SenderName, &content.sender_name),
        (Part::ReplyTo, &content.reply_to),
    ]
    .map(|(part, text)| (part, read(part, text)));
    let preheader = read(Part::Preheader, &content.preheader);
    let html_source = read(Part::Html, if has_html { &content.html } else { "" });
    let from_html = has_html && content.text_mode == crate::mail::content::TextMode::Auto;
    let written = read(Part::Text, if from_html { "" } else { &content.text });
    if !problems.is_empty() {
        return Err(problems);
    }

    let mut env = sandbox::environment(content.locale, around.time_zone);
    let mut refused = Vec::new();
    let mut add = |part: Part, name: String, template: String| {
        if let Err(error) = env.add_template_owned(name, template) {
            refused.push(Problem {
                part,
                line: error.line(),
                code: "template_syntax",
                detail: source::explain(&error),
            });
        }
    };
    for (part, source) in headers {
        add(part, part.as_str().to_owned(), source.restored());
    }
    add(
        Part::Preheader,
        "preheader".to_owned(),
        preheader.restored(),
    );
    let mut text_plan = TextPlan::Written;
    if from_html {
        match text::template(&html_source) {
            Some(template) => {
                text_plan = TextPlan::Once;
                add(Part::Html, "text".to_owned(), template);
            }
            None => {
                text_plan = TextPlan::EachPerson;
                add(Part::Html, "plain.html".to_owned(), html_source.restored());
            }
        }
    } else {
        add(Part::Text, "text".to_owned(), written.restored());
    }
    let mut targets = Vec::new();
    if has_html {
        match html::rewrite(&html_source, &preheader, &around.fields) {
            Ok(rewritten) => {
                add(Part::Html, "html".to_owned(), rewritten.template);
                targets = rewritten.targets;
            }
            Err(detail) => problems.push(Problem {
                part: Part::Html,
                line: None,
                code: "malformed_html",
                detail,
            }),
        }
    }
    for (index, target) in targets.iter().enumerate() {
        add(
            Part::Html,
            link::template_name(index + 1),
            link::template(target),
        );
    }
    problems.append(&mut refused);
    if !problems.is_empty() {
        return Err(problems);
    }

    let mut merge_fields = BTreeSet::new();
    let mut unknown_fields = BTreeSet::new();
    for (_, template) in env.templates() {
        for name in template.undeclared_variables(false) {
            if name == "email" || name == "name" || around.fields.contains(&name) {
                merge_fields.insert(name);
            } else if !context::is_known(&name) {
                unknown_fields.insert(name);
            }
        }
    }
    let unguarded_fields = uses
        .unguarded()
        .intersection(&merge_fields)
        .cloned()
        .collect();
    let required_names = uses
        .unguarded()
        .intersection(&unknown_fields)
        .cloned()
        .collect();
    let shared = Arc::new(context::Shared::new(around, content.locale, links_after));
    Ok(CompiledMail {
        env,
        shared,
        text_plan,
        has_html,
        sender_address: content.sender_address.trim().to_owned(),
        locale: content.locale,
        links: targets,
        merge_fields,
        unknown_fields,
        unguarded_fields,
        required_names,
    })
}
