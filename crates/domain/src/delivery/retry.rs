//! When a delivery that the other side put off is tried again: by due time,
//! with growing, jittered delays, for up to 72 hours. Pure: the table below is
//! all there is to it.

use chrono::TimeDelta;
use uuid::Uuid;

/// Longest time between the first attempt and the last one.
pub const GIVE_UP_AFTER: TimeDelta = TimeDelta::hours(72);

/// Minutes to wait after the first, second … attempt. Greylisting (RFC 6647)
/// lets a second try in after 1 to 15 minutes, a busy site wants more.
const MINUTES: [i64; 8] = [2, 5, 10, 20, 40, 60, 120, 180];
/// Minutes to wait after each later attempt.
const LATER: i64 = 240;
/// A delay is stretched by up to this share, so that a campaign that was put
/// off as a whole does not come back as a whole.
const JITTER: f64 = 0.25;

/// The delay after `attempts` attempts (1 = the first one just failed), or
/// `None` when the next one would come later than [`GIVE_UP_AFTER`]. The same
/// delivery always gets the same answer.
#[must_use]
pub fn delay(attempts: u16, delivery: Uuid) -> Option<TimeDelta> {
    let attempts = attempts.max(1);
    // Stretched to the utmost, so that the number of attempts is the same for
    // all: nobody is given up earlier by chance.
    let elapsed: f64 = (1..=attempts).map(|n| seconds(n) * (1.0 + JITTER)).sum();
    if elapsed > GIVE_UP_AFTER.as_seconds_f64() {
        return None;
    }
    let stretch = 1.0 + JITTER * share(delivery, attempts);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 5 hours in milliseconds"
    )]
    let milliseconds = (seconds(attempts) * stretch * 1000.0) as i64;
    Some(TimeDelta::milliseconds(milliseconds))
}

fn seconds(attempt: u16) -> f64 {
    let minutes = MINUTES
        .get(usize::from(attempt) - 1)
        .copied()
        .unwrap_or(LATER);
    TimeDelta::minutes(minutes).as_seconds_f64()
}

/// 0 to 1, spread evenly over deliveries (FNV-1a of id and attempt).
fn share(delivery: Uuid, attempt: u16) -> f64 {
    let bytes = delivery
        .as_bytes()
        .iter()
        .copied()
        .chain(attempt.to_le_bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    f64::from(hash) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_stay_within_a_quarter_of_the_table() {
        let id = Uuid::now_v7();
        for (attempt, minutes) in (1..).zip(MINUTES) {
            let delay = delay(attempt, id).unwrap();
            assert!(
                delay >= TimeDelta::minutes(minutes),
                "attempt {attempt}: {delay}"
            );
            assert!(
                delay <= TimeDelta::seconds(minutes * 75),
                "attempt {attempt}: {delay}"
            );
        }
    }

    #[test]
    fn a_delivery_is_given_up_within_72_hours_after_many_attempts() {
        for _ in 0..100 {
            let id = Uuid::now_v7();
            let delays: Vec<_> = (1..).map_while(|n| delay(n, id)).collect();
            let last = delays.iter().sum::<TimeDelta>();
            assert!(last <= GIVE_UP_AFTER, "last attempt after {last}");
            assert!(last >= TimeDelta::hours(54), "last attempt after {last}");
            assert_eq!(delays.len(), 20);
        }
    }

    #[test]
    fn deliveries_put_off_together_come_back_apart() {
        let mut delays: Vec<_> = (0..1000)
            .map(|_| delay(1, Uuid::from_bytes(crate::secret::random())).unwrap())
            .collect();
        delays.sort();
        delays.dedup();
        assert!(delays.len() > 900, "{} different delays", delays.len());
        let first = delays
            .iter()
            .filter(|d| **d < TimeDelta::seconds(135))
            .count();
        assert!((350..650).contains(&first), "{first} in the first half");
    }
}
