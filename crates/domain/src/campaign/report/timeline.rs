//! The time line of a report: steps of a width that people count in, few
//! enough for a graph, on the tenant's clock. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, LocalResult, NaiveTime, TimeDelta, TimeZone, Utc};

/// Widths of a step in minutes; each divides a day, or is days.
const STEPS: [i64; 10] = [1, 5, 10, 30, 60, 180, 360, 720, 1_440, 10_080];
/// Most points, unless even weeks are too many.
const MAX_POINTS: i64 = 120;

/// What happened within one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Point {
    /// When the step begins.
    pub at: DateTime<Utc>,
    pub accepted: i64,
    /// People who opened for the first time; so for the other two.
    pub opened: i64,
    pub clicked: i64,
    pub cancelled: i64,
}

/// Where the steps begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    /// Midnight of the first day, on the tenant's clock.
    origin: DateTime<Utc>,
    first: i64,
    last: i64,
    minutes: i64,
}

impl Axis {
    pub(super) fn new(from: DateTime<Utc>, to: DateTime<Utc>, zone: &str) -> Self {
        let to = to.max(from);
        let span = (to - from).num_minutes();
        let minutes = STEPS
            .into_iter()
            .find(|minutes| span / minutes < MAX_POINTS - 1)
            .unwrap_or(10_080);
        let origin = midnight(from, zone);
        let step = TimeDelta::minutes(minutes).num_seconds();
        let number = |at: DateTime<Utc>| (at - origin).num_seconds().div_euclid(step);
        Self {
            origin,
            first: number(from),
            last: number(to),
            minutes,
        }
    }

    pub(super) fn origin(&self) -> DateTime<Utc> {
        self.origin
    }

    pub(super) fn step(&self) -> TimeDelta {
        TimeDelta::minutes(self.minutes)
    }

    /// All points from first to last, those without anything too. What stands
    /// outside (a clock that was set) is not lost, but added at the ends.
    pub(super) fn fill(&self, buckets: impl IntoIterator<Item = Point>) -> Vec<Point> {
        let step = self.step().num_seconds();
        let mut points: BTreeMap<i64, Point> = (self.first..=self.last)
            .map(|n| {
                let at = self.origin + TimeDelta::seconds(n * step);
                (
                    n,
                    Point {
                        at,
                        ..Point::default()
                    },
                )
            })
            .collect();
        for bucket in buckets {
            let n = (bucket.at - self.origin).num_seconds().div_euclid(step);
            if let Some(point) = points.get_mut(&n.clamp(self.first, self.last)) {
                point.accepted += bucket.accepted;
                point.opened += bucket.opened;
                point.clicked += bucket.clicked;
                point.cancelled += bucket.cancelled;
            }
        }
        points.into_values().collect()
    }
}

/// Beginning of the day of `at`; where a clock change swallows midnight, and in
/// an unknown zone, UTC's.
fn midnight(at: DateTime<Utc>, zone: &str) -> DateTime<Utc> {
    let utc = || at.date_naive().and_time(NaiveTime::MIN).and_utc();
    let Ok(zone) = zone.parse::<chrono_tz::Tz>() else {
        return utc();
    };
    let day = at.with_timezone(&zone).date_naive();
    match zone.from_local_datetime(&day.and_time(NaiveTime::MIN)) {
        LocalResult::Single(midnight) | LocalResult::Ambiguous(midnight, _) => {
            midnight.with_timezone(&Utc)
        }
        LocalResult::None => utc(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_step_grows_with_the_span_and_points_stay_few() {
        let from = at("2026-11-24T03:04:05Z");
        for (hours, minutes) in [
            (0, 1),
            (1, 1),
            (5, 5),
            (24, 30),
            (72, 60),
            (24 * 14, 180),
            (24 * 90, 1_440),
            (24 * 800, 10_080),
        ] {
            let axis = Axis::new(from, from + TimeDelta::hours(hours), "Asia/Tokyo");
            assert_eq!(axis.step().num_minutes(), minutes, "{hours} h");
            let points = axis.fill([]);
            assert!(points.len() <= 121, "{hours} h: {}", points.len());
            assert!(points[0].at <= from);
        }
    }

    #[test]
    fn days_begin_at_the_tenants_midnight() {
        let axis = Axis::new(
            at("2026-11-24T20:00:00Z"),
            at("2027-03-01T00:00:00Z"),
            "Asia/Tokyo",
        );
        assert_eq!(axis.fill([])[0].at, at("2026-11-24T15:00:00Z"));
        assert_eq!(
            Axis::new(
                at("2026-11-24T20:00:00Z"),
                at("2027-03-01T00:00:00Z"),
                "nowhere"
            )
            .fill([])[0]
                .at,
            at("2026-11-24T00:00:00Z")
        );
    }

    #[test]
    fn gaps_are_filled_and_nothing_is_lost() {
        let from = at("2026-11-24T03:00:00Z");
        let axis = Axis::new(from, from + TimeDelta::minutes(3), "UTC");
        let bucket = |minutes: i64| Point {
            at: from + TimeDelta::minutes(minutes),
            accepted: 1,
            ..Point::default()
        };
        let points = axis.fill([bucket(0), bucket(2), bucket(99), bucket(-5)]);
        let accepted: Vec<i64> = points.iter().map(|p| p.accepted).collect();
        assert_eq!(accepted, [2, 0, 1, 1]);
    }
}
