use super::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

#[test]
fn who_waits_longest_comes_first() {
    let (limit, other) = (SendLimitId::new(), SendLimitId::new());
    let [a, b, c] = [(); 3].map(|()| SendSessionId::new());
    let has = |holder| Place {
        limit,
        holder,
        waits_since: None,
    };
    let waits = |holder, second| Place {
        limit,
        holder,
        waits_since: Some(at(second)),
    };
    let table = [
        (vec![], a, 1, true),
        (vec![has(a)], a, 1, false),
        (vec![has(a)], a, 2, true),
        (vec![waits(b, 1)], a, 1, false),
        (vec![waits(b, 1), waits(a, 2)], a, 1, false),
        (vec![waits(b, 1), waits(a, 2)], b, 1, true),
        (vec![has(c), waits(b, 1), waits(a, 2)], a, 2, false),
        (vec![has(c), waits(b, 1), waits(a, 2)], a, 3, true),
        (vec![has(b), waits(b, 1)], b, 2, true),
    ];
    for (places, asks, most, room) in table {
        assert_eq!(
            has_room(&places, &[(limit, most)], asks),
            room,
            "{places:?}"
        );
    }
    let full = [has(a)];
    assert!(!has_room(&full, &[(other, 5), (limit, 1)], b), "each limit");
}

#[test]
fn who_has_more_than_its_share_gives_way_to_those_who_wait() {
    let limit_id = SendLimitId::new();
    let [a, b] = [(); 2].map(|()| SendSessionId::new());
    let given = |has: [i64; 2], waits: bool| {
        let shares = [
            Share {
                limit_id,
                holder: a,
                has: has[0],
                waits: false,
            },
            Share {
                limit_id,
                holder: b,
                has: has[1],
                waits,
            },
        ];
        yields(&shares, &[a]).get(&a).copied().unwrap_or(0)
    };
    let table = [
        ([10, 0], true, 5),
        ([1, 0], true, 1),
        ([6, 4], true, 1),
        ([5, 4], true, 0),
        ([2, 5], true, 0),
        ([10, 0], false, 0),
    ];
    for (has, waits, expected) in table {
        assert_eq!(given(has, waits), expected, "{has:?} {waits}");
    }
}
