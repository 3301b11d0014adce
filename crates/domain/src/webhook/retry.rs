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
