//! When a message that failed is tried again, and when a whole webhook rests.
//! Pure.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// How long a message is tried.
pub(super) const LIFETIME: TimeDelta = TimeDelta::hours(72);

/// A webhook that fails this long is turned off.
pub(super) const DISABLE_AFTER: TimeDelta = TimeDelta::hours(72);

/// Requests in a row that fail until one at a time goes out.
pub(super) const OPEN_AFTER: i32 = 5;

/// Seconds after the first, second … try.
const DELAYS: [i64; 11] = [
    5, 60, 300, 900, 3_600, 7_200, 14_400, 28_800, 43_200, 64_800, 79_200,
];

/// Longest rest of a webhook, and the shortest.
const REST: (i64, i64) = (30, 1_800);

/// When a message of this id is due again after `tries` since `queued_at`; `None`
/// when it is given up.
#[must_use]
pub(super) fn due(
    id: Uuid,
    tries: i32,
    queued_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let delay = DELAYS.get(usize::try_from(tries.checked_sub(1)?).ok()?)?;
    let due = now + jittered(*delay, id, tries);
    (due <= queued_at + LIFETIME).then_some(due)
}

/// Until when a webhook rests after so many requests in a row that failed.
#[must_use]
pub(super) fn rest(id: Uuid, failures: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let over = u32::try_from(failures.checked_sub(OPEN_AFTER)?).ok()?;
    let seconds = (REST.0 << over.min(10)).min(REST.1);
    Some(now + jittered(seconds, id, failures))
}

/// Longest time that a receiver may put off one message, and all of its messages:
/// a slip in a header must not stop a webhook for a day.
const MOST_ASKED: TimeDelta = TimeDelta::hours(24);
const MOST_ASKED_REST: TimeDelta = TimeDelta::hours(1);
/// A message that is put off gets one more try before it is given up.
const LAST_TRY: TimeDelta = TimeDelta::hours(1);

/// When a message that would be due at `due` is due if its receiver wants to be
/// left alone until `asked`: never sooner than by itself, and within its time.
#[must_use]
pub(super) fn no_sooner(
    due: DateTime<Utc>,
    asked: Option<DateTime<Utc>>,
    queued_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let Some(asked) = asked else {
        return due;
    };
    let last = queued_at + LIFETIME - LAST_TRY;
    due.max(asked.min(now + MOST_ASKED).min(last))
}

/// Until when a webhook rests because its receiver wants it to.
#[must_use]
pub(super) fn asked_rest(asked: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (asked > now).then(|| asked.min(now + MOST_ASKED_REST))
}

/// A tenth more or less, so that what failed together is not tried together. The
/// last bytes of a `UUIDv7` are random.
fn jittered(seconds: i64, id: Uuid, salt: i32) -> TimeDelta {
    let bytes = id.as_bytes();
    let random = i64::from(u16::from_be_bytes([bytes[14], bytes[15]])) + i64::from(salt) * 7_919;
    let thousandths = 900 + random.rem_euclid(201);
    TimeDelta::milliseconds(seconds * thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_end_within_three_days() {
        let start = crate::clock::Clock::system().now();
        for id in [Uuid::nil(), Uuid::max(), Uuid::now_v7()] {
            let (mut now, mut tries) = (start, 0);
            loop {
                tries += 1;
                let Some(due) = super::due(id, tries, start, now) else {
                    break;
                };
                assert!(due > now && due <= start + LIFETIME, "{tries}");
                now = due;
            }
            assert!(tries >= 10, "{tries} tries");
            assert!(now > start + TimeDelta::hours(40), "the last at {now}");
        }
    }

    #[test]
    fn a_receiver_puts_a_message_off_within_bounds_and_never_brings_it_forward() {
        let now = crate::clock::Clock::system().now();
        let own = now + TimeDelta::minutes(5);
        let fresh = |asked| no_sooner(own, Some(asked), now, now) - now;
        assert_eq!(no_sooner(own, None, now, now), own);
        assert_eq!(fresh(now - TimeDelta::days(1)), TimeDelta::minutes(5));
        assert_eq!(fresh(now + TimeDelta::seconds(1)), TimeDelta::minutes(5));
        assert_eq!(fresh(now + TimeDelta::minutes(20)), TimeDelta::minutes(20));
        assert_eq!(fresh(now + TimeDelta::days(300)), TimeDelta::hours(24));
        let old = now - TimeDelta::hours(60);
        let put_off = no_sooner(own, Some(now + TimeDelta::hours(20)), old, now);
        assert_eq!(put_off - now, TimeDelta::hours(11), "one try is left");
        assert_eq!(asked_rest(now, now), None);
        let rest = |asked| asked_rest(now + asked, now).unwrap() - now;
        assert_eq!(rest(TimeDelta::seconds(90)), TimeDelta::seconds(90));
        assert_eq!(rest(TimeDelta::days(9)), TimeDelta::hours(1));
    }

    #[test]
    fn a_webhook_that_fails_rests_longer_and_longer_up_to_half_an_hour() {
        let now = crate::clock::Clock::system().now();
        let id = Uuid::now_v7();
        assert_eq!(rest(id, OPEN_AFTER - 1, now), None);
        let first = rest(id, OPEN_AFTER, now).unwrap() - now;
        let later = rest(id, OPEN_AFTER + 4, now).unwrap() - now;
        let most = rest(id, i32::MAX, now).unwrap() - now;
        assert!(first >= TimeDelta::seconds(27) && first < later && later < most);
        assert!(most <= TimeDelta::minutes(33));
    }
}
