//! The mailer is killed, told to end, or can't write.

use domain::secret;

use super::{SESSIONS, counting_sink, figures, judge, people, until, until_finished};
use crate::support::{Action, Counts, Fixture, Machine, Sink, addresses};

/// What a mailer says of a journal that it found.
const REPLAYED: &str = "a mailer had ended in the middle";

#[tokio::test(flavor = "multi_thread")]
async fn ten_kills_at_random_moments_lose_nobody_repeat_nothing_and_doubt_no_more_than_the_sessions()
 {
    let sink = counting_sink().await;
    let fixture = Fixture::new(&sink).await;
    let (n, kills) = (people(), 10);
    let campaign = fixture.campaign(&addresses(n)).await;
    let machine = Machine::new(&fixture);
    for kill in 0..kills {
        let process = machine.start();
        // Somewhere in this tenth of the campaign.
        let within = usize::from(u16::from_le_bytes(secret::random())) % (n / (kills + 1));
        let moment = n * kill / (kills + 1) + within;
        // The sink may still read what the one before had sent: only what this one
        // says tells that it is in the middle too.
        machine.said(REPLAYED, kill).await;
        sink.until(moment.max(sink.total() + 1)).await;
        process.kill();
    }
    let last = machine.start();
    until_finished(&fixture, campaign).await;
    assert!(last.terminate().await.success(), "{}", machine.log());
    let bound = SESSIONS * i64::try_from(kills).unwrap();
    judge("ten kills", &fixture, &sink, campaign, bound).await;
    assert_eq!(machine.journal_files(), Vec::<std::path::PathBuf>::new());
    let replays = machine.log().matches(REPLAYED).count();
    assert_eq!(replays, kills, "{}", machine.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_mailers_the_one_that_lives_takes_over_from_the_one_that_is_killed() {
    let sink = counting_sink().await;
    let fixture = Fixture::new(&sink).await;
    let n = people();
    let campaign = fixture.campaign(&addresses(n)).await;
    let machine = Machine::new(&fixture);
    let (killed, living) = (machine.start(), machine.start());
    sink.until(n / 3).await;
    killed.kill();
    until_finished(&fixture, campaign).await;
    assert!(living.terminate().await.success());
    judge(
        "two mailers, one killed",
        &fixture,
        &sink,
        campaign,
        SESSIONS,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailer_that_is_told_to_end_drains_within_ten_seconds_and_leaves_no_journal() {
    // Ten mails are taken and never answered: the worst that a relay can do.
    let sink = Sink::scripted(|_, _| Action::HangAfterDot).await;
    let fixture = Fixture::new(&sink).await;
    let campaign = fixture.campaign(&addresses(500)).await;
    let machine = Machine::new(&fixture);
    let process = machine.start();
    sink.until(10).await;
    let began = std::time::Instant::now();
    assert!(process.terminate().await.success(), "{}", machine.log());
    let took = began.elapsed();
    figures(&format!(
        "SIGTERM with ten mails that nobody answers: {:.1} s",
        took.as_secs_f64()
    ));
    assert!(took.as_secs() < 10, "{took:?}");
    assert_eq!(
        fixture.counts(campaign).await,
        Counts {
            queued: 490,
            unknown: 10,
            ..Counts::default()
        }
    );
    assert_eq!(machine.journal_files(), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_sending_until_there_is_room() {
    let sink = counting_sink().await;
    let fixture = Fixture::new(&sink).await;
    let n = people().min(5_000);
    let campaign = fixture.campaign(&addresses(n)).await;
    let mut machine = Machine::new(&fixture);
    // No file of this process grows beyond 40 blocks of 512 bytes, as if the
    // disk were full there; without SIGXFSZ the write answers an error.
    machine.before = "trap '' XFSZ; ulimit -S -f 40;".into();
    let process = machine.start_with(&[("KIKUBARI_LOG", "warn")]);
    // What it can't journal it gives back: everything that is left, in the end.
    let resting = format!(
        "SELECT count(*) FROM campaign_counter WHERE campaign_id = '{campaign}' AND name = 'queued' AND value > 0
         AND NOT EXISTS (SELECT FROM delivery WHERE campaign_id = '{campaign}' AND state = 'claimed')
         AND EXISTS (SELECT FROM delivery WHERE campaign_id = '{campaign}' AND state = 'accepted')"
    );
    sink.until(20).await;
    until(&fixture, &resting, 1).await;
    let stopped_at = sink.total();
    figures(&format!(
        "disk full: {stopped_at} of {n} went out before, none after"
    ));
    assert!(stopped_at < n);
    assert!(
        machine.log().contains("nothing is sent until"),
        "{}",
        machine.log()
    );
    process.lift_file_limit();
    until_finished(&fixture, campaign).await;
    assert!(process.terminate().await.success());
    judge("disk full", &fixture, &sink, campaign, 0).await;
}
