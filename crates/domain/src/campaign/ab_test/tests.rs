use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, SmallInt};
use diesel_async::RunQueryDsl;

use super::*;
use crate::testing::TestDatabase;

fn score(accepted: i64, opened: i64, clicked: i64) -> Score {
    Score {
        accepted,
        opened,
        clicked,
    }
}

#[test]
fn the_largest_share_wins_and_of_equals_the_first() {
    use {How as H, Metric as M};
    type Row<'a> = (&'a str, Metric, &'a [Score], (i16, How));
    let table: [Row; 7] = [
        (
            "a share, not a number",
            M::Opens,
            &[score(100, 30, 0), score(50, 20, 0)],
            (2, H::Measured),
        ),
        (
            "clicks",
            M::Clicks,
            &[score(100, 90, 3), score(100, 10, 4), score(100, 10, 4)],
            (2, H::Measured),
        ),
        (
            "equal shares of different numbers",
            M::Opens,
            &[score(10, 1, 0), score(1_000, 100, 0)],
            (1, H::Measured),
        ),
        (
            "nobody opened any",
            M::Opens,
            &[score(10, 0, 0), score(20, 0, 0)],
            (1, H::NothingMeasured),
        ),
        (
            "nothing accepted, nothing measured",
            M::Opens,
            &[score(0, 0, 0), score(0, 0, 0)],
            (1, H::NothingMeasured),
        ),
        (
            "of nothing accepted is no share",
            M::Opens,
            &[score(0, 0, 0), score(7, 1, 0)],
            (2, H::Measured),
        ),
        (
            "shares that floating point takes for equal",
            M::Opens,
            &[
                score(9_007_199_254_740_993, 3_002_399_751_580_331, 0),
                score(3, 1, 0),
                score(9_007_199_254_740_991, 3_002_399_751_580_331, 0),
            ],
            (3, H::Measured),
        ),
    ];
    for (what, metric, scores, expected) in table {
        assert_eq!(winner(metric, scores), expected, "{what}");
    }
}

fn plan(share: i16, variants: &[Variant]) -> Plan {
    Plan {
        share,
        metric: Metric::Opens,
        decision: Decision::Automatic,
        wait_minutes: 60,
        variants: variants.to_vec(),
    }
}

fn subject(text: &str) -> Variant {
    Variant {
        subject: Some(text.to_owned()),
        ..Variant::default()
    }
}

#[test]
fn a_plan_says_what_is_wrong_with_it_and_where() {
    let two = [Variant::default(), subject("別の件名")];
    for right in [1, 50, 100] {
        plan(right, &two).check().unwrap();
    }
    let wrong = [
        (plan(0, &two), "/ab_test/share"),
        (plan(51, &two), "/ab_test/share"),
        (plan(20, &two[..1]), "/ab_test/variants"),
        (
            plan(20, &[subject("x"), subject("x")]),
            "/ab_test/variants/1",
        ),
        (
            plan(20, &[subject("x"), subject("")]),
            "/ab_test/variants/1/subject",
        ),
        (
            plan(20, &[subject("x"), subject("a\nBcc: b@example.jp")]),
            "/ab_test/variants/1/subject",
        ),
        (
            Plan {
                wait_minutes: MAX_WAIT + 1,
                ..plan(20, &two)
            },
            "/ab_test/wait_minutes",
        ),
        (
            plan(
                20,
                &[
                    Variant::default(),
                    Variant {
                        sender_address: Some("nobody".to_owned()),
                        ..Variant::default()
                    },
                ],
            ),
            "/ab_test/variants/1/sender_address",
        ),
    ];
    for (plan, pointer) in wrong {
        let DomainError::Invalid(errors) = plan.check().unwrap_err() else {
            panic!("{pointer}: another error");
        };
        let found: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(found, [pointer]);
    }
}

#[derive(QueryableByName)]
struct Dealt {
    #[diesel(sql_type = Nullable<SmallInt>)]
    variant: Option<i16>,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the deal's SQL")]
async fn of_any_number_of_people_the_share_is_exact_and_the_variants_even_within_one() {
    let database = TestDatabase::new().await;
    for (share, variants) in [(1, 2), (20, 3), (33, 5), (50, 2), (100, 3)] {
        for people in [1_i64, 2, 9, 100, 101, 997] {
            let sql = format!(
                "SELECT {} AS variant, count(*) AS n FROM generate_series(0, {people} - 1) k GROUP BY 1",
                dealt_sql("k", share, variants, None)
            );
            let rows: Vec<Dealt> = database
                .db
                .system(async |tx| Ok(diesel::sql_query(sql).load(tx).await?))
                .await
                .unwrap();
            let of = |position: i16| {
                let row = rows.iter().find(|row| row.variant == Some(position));
                row.map_or(0, |row| row.n)
            };
            let counts: Vec<i64> = (1..=5).map(of).collect();
            let counts = &counts[..variants];
            let tested: i64 = counts.iter().sum();
            let what = format!("{share} % of {people}: {counts:?}");
            assert_eq!(tested, people * i64::from(share) / 100, "{what}");
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(most - least <= 1, "{what}");
        }
    }
}
