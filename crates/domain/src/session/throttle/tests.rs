//! How long a wait is, and what is forgotten.

use super::*;

#[test]
fn the_wait_doubles_and_never_grows_into_a_lock() {
    let seconds: Vec<i64> = [0, 1, 2, 10, 11, 400]
        .map(|n| wait_after(n).num_seconds())
        .to_vec();
    assert_eq!(seconds, [0, 1, 2, 512, 900, 900]);
}

#[test]
fn failures_are_forgotten_one_by_one_over_a_day_and_all_after_a_day_without_any() {
    let lane = Lane::new("address", 48, Kind::Shared);
    let begin: DateTime<Utc> = "2026-11-27T09:00:00Z".parse().unwrap();
    let after = |failures, minutes| {
        let row = (lane.key.clone(), failures, begin, begin);
        let now = begin + TimeDelta::minutes(minutes);
        let (left, since) = lane.remembered(Some(&row), now);
        (left, (since - begin).num_minutes())
    };
    assert_eq!(lane.remembered(None, begin), (0, begin));
    assert_eq!(after(10, 29), (10, 0));
    assert_eq!(after(10, 30), (9, 30));
    assert_eq!(after(10, 299), (1, 270), "the rest of half an hour counts");
    assert_eq!(after(10, 300), (0, 300));
    assert_eq!(after(1000, 24 * 60 - 1), (953, 1410));
    assert_eq!(after(1000, 24 * 60), (0, 1440));
    assert_eq!(after(10, -60), (10, 0), "a clock that was set back");
}

#[test]
fn a_network_of_64_bits_is_one_address() {
    let of = |ip: &str| text(Some(ip.parse().unwrap()));
    assert_eq!(of("2001:db8:1:2:3::9"), of("2001:db8:1:2:ffff::1"));
    assert_ne!(of("2001:db8:1:2::9"), of("2001:db8:1:3::9"));
    assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.9");
}
