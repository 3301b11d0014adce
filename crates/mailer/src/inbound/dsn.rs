//! Delivery status notifications by RFC 3464 (and RFC 6533), also those that
//! keep to it only nearly: without blank lines, with too many of them, in the
//! text of a mail, or quoted in a mail that was passed on.

use domain::event::bounce::{BounceReason, Status};

use super::mime::Mime;
use super::report::{Action, Finding, MAX_RECIPIENTS};
use super::{address, wording, words};

/// The fields of one recipient, as they came.
#[derive(Debug, Default)]
struct Group {
    final_recipient: Option<String>,
    original_recipient: Option<String>,
    action: Option<String>,
    status: Option<Status>,
    diagnostic: Option<String>,
}

/// What the reports in the mail say; nothing when there are none.
pub(super) fn read(mime: &Mime) -> Vec<Finding> {
    let parts = mime.reports.iter().map(String::as_str);
    let mut groups: Vec<Group> = parts.flat_map(groups).collect();
    if groups.is_empty() {
        // Some systems write the fields into the text.
        groups = embedded(&mime.text);
    }
    groups.truncate(MAX_RECIPIENTS);
    // Of several recipients nobody can tell whom the words for people mean.
    let text = match groups.as_slice() {
        [_] => wording::before_the_original(&mime.text),
        _ => "",
    };
    groups
        .into_iter()
        .filter_map(|group| group.finding(text))
        .collect()
}

/// Fields in a text, at the beginnings of lines, perhaps quoted; they count
/// only where a recipient comes with an action or a status.
fn embedded(text: &str) -> Vec<Group> {
    let begins = |line: &str| {
        let line = line.trim_start_matches(['>', ' ', '\t']);
        line.get(..16)
            .is_some_and(|begin| begin.eq_ignore_ascii_case("final-recipient:"))
            || line
                .get(..14)
                .is_some_and(|begin| begin.eq_ignore_ascii_case("reporting-mta:"))
    };
    let mut fields = String::new();
    for line in text.lines().skip_while(|line| !begins(line)) {
        fields.push_str(line.trim_start_matches('>').trim_start_matches(' '));
        fields.push('\n');
    }
    groups(&fields)
        .into_iter()
        .filter(|group| {
            group.final_recipient.is_some() && (group.action.is_some() || group.status.is_some())
        })
        .collect()
}

/// Fields by name in lower case with their unfolded value; `None` is a blank line.
pub(super) fn fields(text: &str) -> impl Iterator<Item = Option<(String, String)>> + '_ {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        loop {
            let line = lines.next()?;
            if line.trim().is_empty() {
                return Some(None);
            }
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let mut value = value.trim().to_owned();
            while let Some(more) =
                lines.next_if(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty())
            {
                // A diagnosis of a megabyte says no more than its beginning.
                if value.len() < 8192 {
                    value.push(' ');
                    value.push_str(more.trim());
                }
            }
            return Some(Some((name.trim().to_ascii_lowercase(), value)));
        }
    })
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut group = Group::default();
    for field in fields(text) {
        if groups.len() > MAX_RECIPIENTS {
            break;
        }
        match field {
            // A blank line within the fields of one recipient is ignored.
            None if group.is_whole() => {
                groups.push(std::mem::take(&mut group));
            }
            None => {}
            Some((name, value)) => {
                if group.has(&name) {
                    groups.push(std::mem::take(&mut group));
                }
                group.set(&name, value);
            }
        }
    }
    groups.push(group);
    groups.retain(|group| group.has_verdict() || group.final_recipient.is_some());
    groups
}

impl Group {
    fn is_whole(&self) -> bool {
        (self.final_recipient.is_some() || self.original_recipient.is_some())
            && self.action.is_some()
            && self.status.is_some()
    }

    /// Whether such a field came already: the next one is of the next recipient.
    fn has(&self, name: &str) -> bool {
        match name {
            "final-recipient" => self.final_recipient.is_some(),
            "original-recipient" => self.original_recipient.is_some(),
            "action" => self.action.is_some(),
            "status" => self.status.is_some(),
            _ => false,
        }
    }

    fn has_verdict(&self) -> bool {
        self.action.is_some() || self.status.is_some()
    }

    fn set(&mut self, name: &str, value: String) {
        match name {
            "final-recipient" => self.final_recipient = Some(value),
            "original-recipient" => self.original_recipient = Some(value),
            "x-actual-recipient" if self.original_recipient.is_none() => {
                self.original_recipient = Some(value);
            }
            "action" => self.action = Some(value.to_ascii_lowercase()),
            "status" => self.status = Status::parse(&value).or(self.status),
            "diagnostic-code" => self.diagnostic = Some(value),
            _ => {}
        }
    }

    fn finding(self, text: &str) -> Option<Finding> {
        let address = [&self.final_recipient, &self.original_recipient]
            .into_iter()
            .flatten()
            .find_map(|value| address::of_field(value));
        let diagnostic = self.diagnostic.as_deref().unwrap_or_default();
        // Its type ("smtp;") says nothing.
        let said = diagnostic
            .split_once(';')
            .filter(|(kind, _)| kind.len() <= 20 && !kind.contains(' '))
            .map_or(diagnostic, |(_, said)| said);
        let status = self.status.or_else(|| words::status_in(said));
        let action = match self.action.as_deref() {
            Some(action) if action.starts_with("delay") => Action::Delayed,
            Some(action) if action.starts_with("deliver") => Action::Delivered,
            Some(action) if action.starts_with("relay") => Action::Relayed,
            Some(action) if action.starts_with("expand") => Action::Expanded,
            Some(action) if action.starts_with("fail") => Action::Failed,
            _ => match status?.class {
                2 => Action::Delivered,
                _ => Action::Failed,
            },
        };
        Some(match action {
            Action::Failed => {
                let reason = reason(status, said, text);
                Finding::failed(address, status, reason, said)
            }
            Action::Delayed => Finding::none(address, action, status, BounceReason::Delayed, said),
            _ => Finding::none(address, action, status, BounceReason::Delivered, said),
        })
    }
}

/// Of the diagnosis, and where that says nothing, of the words for people.
fn reason(status: Option<Status>, said: &str, text: &str) -> BounceReason {
    match words::reason(status, said) {
        reason if !said.trim().is_empty() && reason != BounceReason::Undefined => reason,
        _ => words::reason(status, text),
    }
}
