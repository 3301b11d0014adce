//! When a step is due, who gets it, and what comes after it. Pure.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::date_mail::day::begins;
use crate::ids::{ListId, SequenceStepId};
use crate::text_enum::text_enum;

/// A previous mail that went a moment later than it was put in the queue puts
/// nobody off again.
const SLACK: TimeDelta = TimeDelta::minutes(1);
/// How long a person waits whose last mail is still under way.
const UNDER_WAY: TimeDelta = TimeDelta::minutes(10);
/// How long a person waits who has had enough mails for now.
const CAPPED: TimeDelta = TimeDelta::days(1);

text_enum! {
    /// What a delay counts.
    pub enum Unit {
        Minutes = "minutes",
        Hours = "hours",
        Days = "days",
    }
}

text_enum! {
    /// What the person did with the last mail of the sequence.
    pub enum Reaction {
        Opened = "opened",
        NotOpened = "not_opened",
        Clicked = "clicked",
        NotClicked = "not_clicked",
    }
}

/// How long after the step before, or after the person's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    pub value: i32,
    pub unit: Unit,
    /// Of days: the time of day, else that of the step before.
    pub at: Option<NaiveTime>,
}

impl Delay {
    /// When it is over. Days are those of the calendar; a time of day that has
    /// passed means the next day's.
    #[must_use]
    pub fn due(&self, base: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        let value = i64::from(self.value);
        match self.unit {
            Unit::Minutes => base + TimeDelta::minutes(value),
            Unit::Hours => base + TimeDelta::hours(value),
            Unit::Days => {
                let local = base.with_timezone(&zone);
                let day = local.date_naive() + TimeDelta::days(value);
                let due = begins(day, self.at.unwrap_or_else(|| local.time()), zone);
                match self.at {
                    Some(at) if due < base => begins(day + TimeDelta::days(1), at, zone),
                    _ => due.max(base),
                }
            }
        }
    }
}

/// Who gets a step; nothing said: everybody. Who does not fit is passed over
/// and goes on to the next step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// Of somebody who was sent nothing yet: neither opened nor clicked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaction: Option<Reaction>,
    /// Subscribed to one of these.
    pub list_ids: Vec<ListId>,
    /// Subscribed to none of these.
    pub exclude_list_ids: Vec<ListId>,
}

/// A step as the plan needs it, in the order of the sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub id: SequenceStepId,
    pub delay: Delay,
}

/// What comes after `current`: the first step behind it that is not behind
/// the person. A step that was moved does not come again.
#[must_use]
pub fn after<'a>(
    steps: &'a [Place],
    current: SequenceStepId,
    passed: &[SequenceStepId],
) -> Option<&'a Place> {
    let from = steps.iter().position(|step| step.id == current);
    let mut rest = steps.iter().skip(from.map_or(0, |index| index + 1));
    rest.find(|step| step.id != current && !passed.contains(&step.id))
}

/// Where somebody stands who has no place: who came in, or whose step was
/// removed. Behind the last step that is behind the person and still there.
#[must_use]
pub fn place<'a>(steps: &'a [Place], passed: &[SequenceStepId]) -> Option<&'a Place> {
    let last = passed
        .iter()
        .rev()
        .find(|id| steps.iter().any(|step| step.id == **id));
    match last {
        Some(last) => after(steps, *last, passed),
        None => steps.iter().find(|step| !passed.contains(&step.id)),
    }
}

/// A person at a step that seems to be due.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    pub base_at: DateTime<Utc>,
    /// Why the person gets no mail at all: status, suppression, list.
    pub stopped: Option<String>,
    /// Whether the lists of the condition fit.
    pub fits_lists: bool,
    pub is_capped: bool,
    /// The last mail waits or is in a mailer's hands.
    pub is_under_way: bool,
    /// When the last mail was taken by the receiving server.
    pub went_at: Option<DateTime<Utc>>,
    pub has_opened: bool,
    pub has_clicked: bool,
}

/// What is done with a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Send,
    /// The condition does not fit.
    PassOver,
    /// Out of the sequence, for this reason.
    Leave(String),
    /// Looked at again then.
    Wait(DateTime<Utc>),
}

/// Decides about a person at a step. Delays count from when the mail before
/// really went: who was held up, by a pause or by the night, gets one mail
/// after the other all the same.
#[must_use]
pub fn decide(
    person: &Standing,
    delay: Delay,
    reaction: Option<Reaction>,
    zone: Tz,
    now: DateTime<Utc>,
) -> Decision {
    if let Some(reason) = &person.stopped {
        return Decision::Leave(reason.clone());
    }
    if person.is_under_way {
        return Decision::Wait(now + UNDER_WAY);
    }
    let base = person
        .went_at
        .map_or(person.base_at, |at| at.max(person.base_at));
    let due = delay.due(base, zone);
    if due > now + SLACK || (due > now && base == person.base_at) {
        return Decision::Wait(due);
    }
    let has_reacted = match reaction {
        None => true,
        Some(Reaction::Opened) => person.has_opened,
        Some(Reaction::NotOpened) => !person.has_opened,
        Some(Reaction::Clicked) => person.has_clicked,
        Some(Reaction::NotClicked) => !person.has_clicked,
    };
    if !has_reacted || !person.fits_lists {
        return Decision::PassOver;
    }
    if person.is_capped {
        return Decision::Wait(now + CAPPED);
    }
    Decision::Send
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKYO: Tz = chrono_tz::Asia::Tokyo;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn days(value: i32, time: Option<&str>) -> Delay {
        let at = time.map(|text| NaiveTime::parse_from_str(text, "%H:%M").unwrap());
        Delay {
            value,
            unit: Unit::Days,
            at,
        }
    }

    #[test]
    fn days_are_those_of_the_calendar_and_a_time_that_has_passed_means_tomorrow() {
        // Base is 10:00 in Tokyo on the 27th.
        let base = at("2026-11-27T01:00:00Z");
        let table = [
            (days(0, Some("12:00")), "2026-11-27T03:00:00Z"),
            (days(0, Some("09:00")), "2026-11-28T00:00:00Z"),
            (days(1, Some("09:00")), "2026-11-28T00:00:00Z"),
            (days(3, None), "2026-11-30T01:00:00Z"),
            (days(0, None), "2026-11-27T01:00:00Z"),
            (
                Delay {
                    value: 90,
                    unit: Unit::Minutes,
                    at: None,
                },
                "2026-11-27T02:30:00Z",
            ),
            (
                Delay {
                    value: 48,
                    unit: Unit::Hours,
                    at: None,
                },
                "2026-11-29T01:00:00Z",
            ),
        ];
        for (delay, due) in table {
            assert_eq!(delay.due(base, TOKYO), at(due), "{delay:?}");
        }
        // A day of 23 hours is a day.
        let york = chrono_tz::America::New_York;
        let spring = days(1, None).due(at("2026-03-07T17:00:00Z"), york);
        assert_eq!(spring, at("2026-03-08T16:00:00Z"));
    }

    fn steps(n: usize) -> Vec<Place> {
        let place = |_| Place {
            id: SequenceStepId::new(),
            delay: days(1, None),
        };
        (0..n).map(place).collect()
    }

    #[test]
    fn who_stands_at_a_removed_step_goes_on_behind_what_is_behind_them() {
        let all = steps(4);
        let ids: Vec<_> = all.iter().map(|step| step.id).collect();
        assert_eq!(place(&all, &[]).unwrap().id, ids[0]);
        // Had the first two, stood at the third, which is gone.
        let without: Vec<_> = all.iter().filter(|s| s.id != ids[2]).cloned().collect();
        assert_eq!(place(&without, &ids[..2]).unwrap().id, ids[3]);
        // A step inserted before is not sent, one behind is.
        let mut inserted = without.clone();
        let (before, behind) = (steps(1).remove(0), steps(1).remove(0));
        inserted.insert(0, before);
        inserted.insert(3, behind.clone());
        assert_eq!(place(&inserted, &ids[..2]).unwrap().id, behind.id);
        assert_eq!(place(&all, &ids), None);
    }

    proptest! {
        #[test]
        fn whatever_is_moved_nobody_gets_a_step_twice_and_the_way_ends(
            n in 1_usize..12, moves in proptest::collection::vec((0_usize..12, 0_usize..12), 0..30)
        ) {
            let mut all = steps(n);
            let mut moves = moves.into_iter();
            let mut passed = Vec::new();
            let mut now = place(&all, &passed).map(|step| step.id);
            while let Some(current) = now {
                prop_assert!(!passed.contains(&current));
                if let Some((from, to)) = moves.next() {
                    let step = all.remove(from % n);
                    all.insert(to % n, step);
                }
                passed.push(current);
                now = after(&all, current, &passed).map(|step| step.id);
                prop_assert!(passed.len() <= n);
            }
        }

        #[test]
        fn a_delay_never_ends_before_it_begins(
            value in 0_i32..400, unit in 0_usize..3, minute in proptest::option::of(0_u32..1440), second in 0_i64..100_000_000
        ) {
            let base = at("2026-01-01T00:00:00Z") + TimeDelta::seconds(second);
            let unit = Unit::ALL[unit];
            let time = minute.and_then(|m| NaiveTime::from_hms_opt(m / 60, m % 60, 0));
            let delay = Delay { value, unit, at: time.filter(|_| unit == Unit::Days) };
            for zone in [TOKYO, chrono_tz::America::New_York, chrono_tz::Europe::London] {
                prop_assert!(delay.due(base, zone) >= base, "{delay:?} in {zone}");
            }
        }
    }

    #[test]
    fn a_person_is_judged_in_the_order_that_protects_them() {
        let now = at("2026-11-27T01:00:00Z");
        let hour = Delay {
            value: 1,
            unit: Unit::Hours,
            at: None,
        };
        let ready = Standing {
            base_at: now - TimeDelta::hours(1),
            fits_lists: true,
            ..Standing::default()
        };
        let decided = |person: Standing, reaction| decide(&person, hour, reaction, TOKYO, now);
        assert_eq!(decided(ready.clone(), None), Decision::Send);
        let left = Standing {
            stopped: Some("unsubscribed".to_owned()),
            is_under_way: true,
            ..ready.clone()
        };
        assert_eq!(
            decided(left, None),
            Decision::Leave("unsubscribed".to_owned())
        );
        // The mail before went only half an hour ago, whatever was planned.
        let late = Standing {
            went_at: Some(now - TimeDelta::minutes(30)),
            ..ready.clone()
        };
        let soon = now + TimeDelta::minutes(30);
        assert_eq!(decided(late, None), Decision::Wait(soon));
        let waits = Standing {
            is_under_way: true,
            ..ready.clone()
        };
        assert_eq!(decided(waits, None), Decision::Wait(now + UNDER_WAY));
        assert_eq!(
            decided(ready.clone(), Some(Reaction::Opened)),
            Decision::PassOver
        );
        assert_eq!(
            decided(ready.clone(), Some(Reaction::NotClicked)),
            Decision::Send
        );
        let capped = Standing {
            is_capped: true,
            ..ready
        };
        assert_eq!(decided(capped, None), Decision::Wait(now + CAPPED));
    }
}
