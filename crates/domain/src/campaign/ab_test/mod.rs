//! A/B tests: a campaign goes out in two to five variants. A share of the
//! audience gets one of them each, dealt out evenly; the rest waits until the
//! winner is taken, by itself or by a person, and gets that one (decision 0030).

pub mod decide;
mod queries;
pub mod results;

use chrono::{DateTime, TimeDelta, Utc};

use crate::contact::EmailAddress;
use crate::error::{DomainError, Result, Validation};
use crate::ids::{MailId, UserId};
use crate::mail::content::{Content, MAX_SUBJECT};
use crate::text_enum::text_enum;

pub(super) use self::queries::{begin, deal, decided, fix, of_campaigns, remove};
pub(crate) use self::queries::{load, save, variants_of};

/// Least and most variants of a campaign.
pub const MIN_VARIANTS: usize = 2;
pub const MAX_VARIANTS: usize = 5;
/// Largest share of the audience that is tested while the rest waits.
pub const MAX_SHARE: i16 = 50;
/// All of the audience: nobody waits, nothing is decided.
pub const WHOLE: i16 = 100;
/// Longest wait for the winner: a week.
pub const MAX_WAIT: i32 = 7 * 24 * 60;

text_enum! {
    /// What the winner has most of, of its accepted mails. Conversions are to
    /// be the third.
    pub enum Metric {
        /// People who opened.
        Opens = "opens",
        /// People who clicked.
        Clicks = "clicks",
    }
}

text_enum! {
    /// Who takes the winner.
    pub enum Decision {
        Automatic = "automatic",
        /// A person; the rest waits as long as that takes.
        Manual = "manual",
    }
}

text_enum! {
    /// How the winner came about.
    pub enum How {
        Measured = "measured",
        /// Nobody opened or clicked any of them: the first one.
        NothingMeasured = "nothing_measured",
        ByHand = "by_hand",
    }
}

/// What one of them is: a mail, or the campaign's with another subject or sender.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variant {
    /// `None`: the campaign's.
    pub mail_id: Option<MailId>,
    pub subject: Option<String>,
    pub sender_name: Option<String>,
    pub sender_address: Option<String>,
}

impl Variant {
    /// The mail as this variant sends it.
    #[must_use]
    pub fn content(&self, mail: Content) -> Content {
        let or = |own: &Option<String>, mails: String| own.clone().unwrap_or(mails);
        Content {
            subject: or(&self.subject, mail.subject),
            sender_name: or(&self.sender_name, mail.sender_name),
            sender_address: or(&self.sender_address, mail.sender_address),
            ..mail
        }
    }

    fn check(&self, pointer: &str, v: &mut Validation) {
        let lines = [
            ("subject", &self.subject, MAX_SUBJECT),
            ("sender_name", &self.sender_name, 200),
            ("sender_address", &self.sender_address, 320),
        ];
        for (name, text, max) in lines {
            let Some(text) = text else { continue };
            let pointer = format!("{pointer}/{name}");
            v.length(&pointer, text, 1, max);
            if text.chars().any(char::is_control) {
                let detail = "must be one line without control characters";
                v.add(pointer, "line_break", detail);
            }
        }
        if let Some(Err(error)) = self.sender_address.as_deref().map(EmailAddress::parse) {
            v.add(
                format!("{pointer}/sender_address"),
                "malformed",
                error.detail,
            );
        }
    }
}

/// What a campaign compares, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Per cent of the audience: 1 to [`MAX_SHARE`], or [`WHOLE`].
    pub share: i16,
    pub metric: Metric,
    pub decision: Decision,
    /// From when the test is out.
    pub wait_minutes: i32,
    /// A first.
    pub variants: Vec<Variant>,
}

impl Plan {
    /// Whether some of the audience wait for a winner.
    #[must_use]
    pub fn has_winner(&self) -> bool {
        self.share < WHOLE
    }

    fn check(&self) -> Result<()> {
        let mut v = Validation::default();
        if !(1..=MAX_SHARE).contains(&self.share) && self.share != WHOLE {
            let detail = format!("must be 1 to {MAX_SHARE}, or {WHOLE} for everybody");
            v.add("/ab_test/share", "out_of_range", detail);
        }
        if !(1..=MAX_WAIT).contains(&self.wait_minutes) {
            let detail = format!("must be 1 to {MAX_WAIT} minutes");
            v.add("/ab_test/wait_minutes", "out_of_range", detail);
        }
        if !(MIN_VARIANTS..=MAX_VARIANTS).contains(&self.variants.len()) {
            let detail = format!("must be {MIN_VARIANTS} to {MAX_VARIANTS}");
            v.add("/ab_test/variants", "out_of_range", detail);
        } else {
            for (i, variant) in self.variants.iter().enumerate() {
                let pointer = format!("/ab_test/variants/{i}");
                variant.check(&pointer, &mut v);
                if self.variants[..i].contains(variant) {
                    v.add(pointer, "duplicate", "is the same as one before it");
                }
            }
        }
        v.finish()
    }
}

/// What of a plan does not depend on other tables.
pub(super) fn check(plan: Option<&Plan>) -> Result<()> {
    plan.map_or(Ok(()), Plan::check)
}

/// A test whose mails come over a day has no winner before that day is over.
pub(super) fn check_together(best_hour: bool, plan: Option<&Plan>) -> Result<()> {
    if best_hour && plan.is_some_and(Plan::has_winner) {
        return Err(DomainError::invalid(
            "/best_hour",
            "contradiction",
            "an A/B test with a winner goes out at once, not at each person's hour",
        ));
    }
    Ok(())
}

/// A campaign's A/B test and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbTest {
    pub plan: Plan,
    /// When every mail of the test had been tried.
    pub out_at: Option<DateTime<Utc>>,
    pub winner: Option<Winner>,
}

impl AbTest {
    /// When the winner is taken by itself, as far as that is known.
    #[must_use]
    pub fn decides_at(&self) -> Option<DateTime<Utc>> {
        let waits = self.plan.has_winner()
            && self.winner.is_none()
            && self.plan.decision == Decision::Automatic;
        let wait = TimeDelta::minutes(i64::from(self.plan.wait_minutes));
        self.out_at.filter(|_| waits).map(|out| out + wait)
    }
}

/// The variant that the rest gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Winner {
    /// From 1.
    pub position: i16,
    pub at: DateTime<Utc>,
    /// Who chose it by hand.
    pub by: Option<UserId>,
    pub how: How,
}

/// A, B and so on.
#[must_use]
pub fn letter(position: i16) -> char {
    let offset = u8::try_from(position.clamp(1, 26) - 1).unwrap_or(0);
    char::from(b'A' + offset)
}

/// What the winner is judged by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    pub accepted: i64,
    pub opened: i64,
    pub clicked: i64,
}

impl Score {
    fn of(self, metric: Metric) -> i64 {
        match metric {
            Metric::Opens => self.opened,
            Metric::Clicks => self.clicked,
        }
    }
}

/// The winner's position: the largest share of people who opened or clicked
/// among its accepted mails; of equals the first; without any the first.
pub(crate) fn winner(metric: Metric, scores: &[Score]) -> (i16, How) {
    let mut best = 0;
    for (i, score) in scores.iter().enumerate() {
        let (a, b) = (score, &scores[best]);
        // a/b compared crosswise, without rounding; nothing accepted is none.
        let left = i128::from(a.of(metric)) * i128::from(b.accepted.max(1));
        let right = i128::from(b.of(metric)) * i128::from(a.accepted.max(1));
        if a.accepted > 0 && left > right {
            best = i;
        }
    }
    let how = match scores.get(best) {
        Some(score) if score.of(metric) > 0 => How::Measured,
        _ => How::NothingMeasured,
    };
    (i16::try_from(best + 1).unwrap_or(1), how)
}

/// Which variant each frozen person gets, and who waits, in SQL: NULL for who
/// waits. `k` is the person's number in the campaign, from 0. Of the first n
/// people exactly n × share / 100 (rounded down) are tested, and no variant
/// has more than one person more than another.
fn dealt_sql(k: &str, share: i16, variants: usize, winner: Option<i16>) -> String {
    let rest = winner.map_or_else(|| "NULL".to_owned(), |position| position.to_string());
    format!(
        "(CASE WHEN ({k}) * {share} / 100 < (({k}) + 1) * {share} / 100
               THEN (({k}) * {share} / 100) % {variants} + 1 ELSE {rest} END)::smallint"
    )
}

/// How people are dealt out while the audience is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deal {
    share: i16,
    variants: usize,
    /// People dealt out so far.
    pub(super) dealt: i64,
    winner: Option<i16>,
}

impl Deal {
    pub(super) fn sql(&self, k: &str) -> String {
        dealt_sql(k, self.share, self.variants, self.winner)
    }
}

fn unknown_variant() -> DomainError {
    DomainError::invalid("/variant", "unknown", "there is no such variant")
}

#[cfg(test)]
mod tests;
