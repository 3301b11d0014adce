//! The catalogue of actions holds every one that the program writes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::Permission;
use domain::audit::action::ACTIONS;

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            into.push(path);
        }
    }
}

/// Literals of the form `noun.verb`, with what stands before each.
fn dotted(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    for (start, _) in text.match_indices('"') {
        let rest = &text[start + 1..];
        let Some(literal) = rest.split('"').next() else {
            continue;
        };
        if literal
            .split_once('.')
            .is_some_and(|(noun, verb)| is_word(noun) && is_word(verb))
        {
            found.push((text[..start].trim_end(), literal));
        }
    }
    found
}

#[test]
fn every_action_that_is_written_stands_in_the_catalogue() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for name in ["domain", "api", "mailer"] {
        sources(&crates.join(name).join("src"), &mut files);
    }
    let texts: Vec<String> = files
        .iter()
        // What webhooks are told has the same form, and is another thing.
        .filter(|file| !file.ends_with("audit/action.rs") && !file.ends_with("webhook/topic.rs"))
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    // What things are called in the trace.
    let mut nouns: BTreeSet<&str> = ACTIONS
        .iter()
        .filter_map(|action| action.split('.').next())
        .collect();
    for text in &texts {
        let kinds = text.split("subject_kind: \"").skip(1);
        nouns.extend(kinds.filter_map(|rest| rest.split('"').next()));
    }
    let mut written = BTreeSet::new();
    for text in &texts {
        for (before, literal) in dotted(text) {
            let noun = literal.split('.').next().unwrap_or("");
            let is_log_event = before.ends_with("name:");
            let is_permission = Permission::parse(literal).is_some();
            let is_named = before.ends_with("action:");
            if is_named || (nouns.contains(noun) && !is_log_event && !is_permission) {
                written.insert(literal.to_owned());
            }
        }
    }
    let known: BTreeSet<String> = ACTIONS.iter().map(|&action| action.to_owned()).collect();
    let missing: Vec<_> = written.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "write these into audit/action.rs, and words for them into the SPA: {missing:?}"
    );
    let unused: Vec<_> = known.difference(&written).collect();
    assert!(unused.is_empty(), "nothing writes these: {unused:?}");
    assert!(
        ACTIONS.is_sorted(),
        "in order, so that two people's lines merge"
    );
}
