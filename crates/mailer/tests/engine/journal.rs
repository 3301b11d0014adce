//! What a mailer that died had in its hands, told by its journal.

use std::path::Path;

use domain::delivery::claim::{Batch, Claim, Except, Lanes, claim, next_turn};
use domain::delivery::outcome::{Outcome, Reason, Reply};
use domain::delivery::record::Record;
use domain::ids::{CampaignId, DeliveryId, WorkerId};
use domain::installation;
use mailer::journal::Journal;
use mailer::journal::replay::{self, Replayed};

use crate::support::{Action, Counts, Fixture, Sink, addresses};

/// What happens to a journal's text.
type Change = fn(&str) -> String;

/// A campaign of five, all in the hands of a mailer that writes a journal.
struct Scene {
    fixture: Fixture,
    campaign: CampaignId,
    worker: WorkerId,
    batch: Batch,
    dir: tempfile::TempDir,
}

impl Scene {
    async fn set() -> (Self, Journal) {
        let sink = Sink::scripted(|_, _| Action::Accept).await;
        let fixture = Fixture::new(&sink).await;
        let campaign = fixture.campaign(&addresses(5)).await;
        let (db, worker) = (&fixture.database.db, WorkerId::new());
        let turn = next_turn(db, &Except::default(), Lanes::All)
            .await
            .unwrap()
            .unwrap();
        let batch = match claim(db, worker, turn, 5).await.unwrap() {
            Claim::Batch(batch) => Some(batch),
            _ => None,
        };
        let batch = batch.expect("a batch");
        let dir = tempfile::tempdir().unwrap();
        let facts = installation::facts(db).await.unwrap();
        let journal = Journal::open(dir.path(), facts, worker).unwrap();
        let scene = Self {
            fixture,
            campaign,
            worker,
            batch,
            dir,
        };
        (scene, journal)
    }

    fn id(&self, n: usize) -> DeliveryId {
        self.batch.deliveries[n].id
    }

    fn record(&self, n: usize, outcome: Outcome) -> Record {
        Record {
            id: self.id(n),
            attempts: 0,
            message_id: Some(format!("{n}@example.co.jp")),
            site: None,
            at: self.fixture.database.db.now(),
            outcome,
        }
    }

    /// As another mailer does at its start.
    async fn replay(&self) -> Replayed {
        let db = &self.fixture.database.db;
        let facts = installation::facts(db).await.unwrap();
        replay::run(db, self.dir.path(), WorkerId::new(), facts)
            .await
            .unwrap()
    }

    async fn counts(&self) -> Counts {
        self.fixture.counts(self.campaign).await
    }

    fn files(&self) -> Vec<String> {
        files(self.dir.path())
    }
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".high-water"))
        .collect();
    names.sort();
    names
}

fn accepted() -> Outcome {
    Outcome::Accepted(Reply {
        code: 250,
        enhanced: Some("2.0.0".into()),
        text: "taken".into(),
        host: "relay".into(),
        blame: None,
    })
}

fn refused() -> Outcome {
    Outcome::Failed(
        Reason::Rejected,
        Some(Reply {
            code: 550,
            text: "no such user".into(),
            ..Reply::default()
        }),
    )
}

/// One answered well, one answered badly, one on the wire, two not begun.
fn half_way(scene: &Scene, journal: &Journal) {
    for n in 0..3 {
        journal.handing(scene.id(n), 0).unwrap();
    }
    journal.answered(&scene.record(0, accepted()));
    journal.answered(&scene.record(1, refused()));
}

#[tokio::test]
async fn answers_are_recorded_what_was_on_the_wire_is_unknown_and_the_rest_is_given_back() {
    let (scene, journal) = Scene::set().await;
    half_way(&scene, &journal);
    drop(journal);
    let replayed = scene.replay().await;
    assert_eq!(
        replayed,
        Replayed {
            processes: 1,
            answered: 2,
            unknown: 1,
            given_back: 2,
            left: 0
        }
    );
    assert_eq!(
        scene.counts().await,
        Counts {
            accepted: 1,
            failed: 1,
            unknown: 1,
            queued: 2,
            ..Counts::default()
        }
    );
    let told = "state = 'accepted' AND reply_code = 250 AND reply_text = 'taken' AND message_id LIKE '0@%' AND attempts = 1";
    assert_eq!(scene.fixture.rows(told).await, 1);
    let doubt = "state = 'unknown' AND reason = 'mailer_gone' AND attempts = 1";
    assert_eq!(scene.fixture.rows(doubt).await, 1);
    assert_eq!(scene.files(), Vec::<String>::new());
    assert_eq!(scene.replay().await, Replayed::default());
}

#[tokio::test]
async fn the_journal_of_a_mailer_that_lives_is_not_touched() {
    let (scene, journal) = Scene::set().await;
    half_way(&scene, &journal);
    let before = scene.files();
    assert_eq!(scene.replay().await, Replayed::default());
    assert_eq!(scene.files(), before);
    assert_eq!(
        scene.counts().await,
        Counts {
            claimed: 5,
            ..Counts::default()
        }
    );
    drop(journal);
}

#[tokio::test]
async fn what_stands_in_no_whole_journal_is_left_to_its_lease() {
    let damage: [(&str, Change); 3] = [
        ("foreign bytes", |text| {
            let (head, rest) = text.split_once('\n').unwrap();
            format!("{head}\n\0\u{fffd}\0\n{rest}")
        }),
        ("a flipped bit", |text| {
            // In the line of the first mail, which is answered later.
            text.replacen(" H ", " I ", 1)
        }),
        ("another boot", |text| {
            let line = text.split_once('\n').unwrap().0;
            let mut words: Vec<&str> = line.split(' ').skip(1).collect();
            words[4] = "another-boot";
            let sealed = words.join(" ");
            let crc = crc32fast::hash(sealed.as_bytes());
            text.replacen(line, &format!("{crc:08x} {sealed}"), 1)
        }),
    ];
    for (what, change) in damage {
        let (scene, journal) = Scene::set().await;
        half_way(&scene, &journal);
        drop(journal);
        let file = scene
            .dir
            .path()
            .join(format!("{}.000000.journal", scene.worker));
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, change(&text)).unwrap();
        let replayed = scene.replay().await;
        assert_eq!(
            (
                replayed.answered,
                replayed.unknown,
                replayed.given_back,
                replayed.left
            ),
            (2, 1, 0, 2),
            "{what}"
        );
        assert_eq!(scene.counts().await.claimed, 2, "{what}");
    }
}

#[tokio::test]
async fn a_journal_from_before_a_restore_gives_nothing_back() {
    let (scene, journal) = Scene::set().await;
    half_way(&scene, &journal);
    drop(journal);
    scene
        .fixture
        .database
        .execute_as_owner("UPDATE installation SET epoch = epoch + 1")
        .await;
    let replayed = scene.replay().await;
    assert_eq!((replayed.given_back, replayed.left), (0, 2));
}

#[tokio::test]
async fn a_journal_of_another_installation_or_version_is_left_alone() {
    let (scene, journal) = Scene::set().await;
    half_way(&scene, &journal);
    drop(journal);
    scene
        .fixture
        .database
        .execute_as_owner("UPDATE installation SET uid = gen_random_uuid()")
        .await;
    let before = scene.files();
    assert_eq!(scene.replay().await, Replayed::default());
    assert_eq!(scene.files(), before);
    assert_eq!(scene.counts().await.claimed, 5);
}

#[tokio::test]
async fn a_word_on_an_earlier_attempt_is_none_on_this_one() {
    let (scene, journal) = Scene::set().await;
    journal.handing(scene.id(0), 0).unwrap();
    journal.answered(&scene.record(0, accepted()));
    drop(journal);
    scene
        .fixture
        .database
        .execute_as_owner("UPDATE delivery SET attempts = 1")
        .await;
    assert_eq!(scene.replay().await.given_back, 5);
    assert_eq!(
        scene.counts().await,
        Counts {
            deferred: 5,
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn a_journal_is_small_while_mails_are_recorded_and_gone_at_the_end() {
    let sink = Sink::scripted(|_, _| Action::Accept).await;
    let fixture = Fixture::new(&sink).await;
    let dir = tempfile::tempdir().unwrap();
    let facts = installation::facts(&fixture.database.db).await.unwrap();
    let journal = Journal::open(dir.path(), facts, WorkerId::new()).unwrap();
    let outcome = accepted();
    let began = std::time::Instant::now();
    for _ in 0..200 {
        let ids: Vec<DeliveryId> = (0..200).map(|_| DeliveryId::new()).collect();
        for id in &ids {
            journal.handing(*id, 0).unwrap();
            journal.answered(&Record {
                id: *id,
                attempts: 0,
                message_id: None,
                site: None,
                at: fixture.database.db.now(),
                outcome: outcome.clone(),
            });
        }
        journal.recorded(ids.into_iter());
    }
    let micros = began.elapsed().as_micros() / 40_000;
    crate::kill::figures(&format!("journal: {micros} µs a mail"));
    let size: u64 = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(size < 256 << 10, "40,000 mails leave {size} bytes");
    journal.close();
    assert_eq!(files(dir.path()), Vec::<String>::new());
}

#[tokio::test]
async fn old_files_go_when_all_that_began_in_them_is_recorded() {
    let (scene, journal) = Scene::set().await;
    let journal = journal.with_segments_of(4 << 10);
    // One that stays open keeps the first file.
    journal.handing(scene.id(0), 0).unwrap();
    let mut ids = Vec::new();
    for _ in 0..200 {
        let id = DeliveryId::new();
        journal.handing(id, 0).unwrap();
        ids.push(id);
    }
    let count = |scene: &Scene| {
        let is_journal = |name: &&String| name.contains(".journal");
        scene.files().iter().filter(is_journal).count()
    };
    assert!(count(&scene) >= 3, "{:?}", scene.files());
    journal.recorded(ids.into_iter());
    assert!(count(&scene) >= 3, "the first mail is still on the wire");
    journal.recorded(std::iter::once(scene.id(0)));
    assert_eq!(count(&scene), 1);
}

#[tokio::test]
async fn nobody_else_on_the_machine_reads_what_servers_said_of_people() {
    use std::os::unix::fs::PermissionsExt;
    let (scene, _journal) = Scene::set().await;
    let files: Vec<_> = std::fs::read_dir(scene.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "journal"))
        .collect();
    assert_eq!(files.len(), 1);
    let mode = std::fs::metadata(&files[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}
