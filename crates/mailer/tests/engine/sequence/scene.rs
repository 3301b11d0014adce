//! A tenant with a mail and sequences of it.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use domain::clock::Clock;
use domain::ids::{ContactId, ListId, MailId, SequenceId};
use domain::list::subscription::Status;
use domain::list::{self, NewList};
use domain::mail::render::Installation;
use domain::page::PageRequest;
use domain::sequence::plan::{Condition, Delay, Unit};
use domain::sequence::{
    self, EnrolmentState, Entry, People, Rule, Sequence, State, StepRule, enrol, steer,
};
use domain::{Actor, contact};

use crate::schedule::draft;
use crate::support::{Fixture, Sink};

/// 10:00 in Tokyo on 2 March 2026.
fn clock() -> Clock {
    Clock::fixed(Utc.with_ymd_and_hms(2026, 3, 2, 1, 0, 0).unwrap())
}

pub(super) struct Scene {
    pub(super) fixture: Fixture,
    pub(super) actor: Actor,
    pub(super) mail: MailId,
}

impl Scene {
    pub(super) async fn new(sink: &Sink) -> Self {
        let fixture = Fixture::with_clock(sink, clock()).await;
        for (month, next) in [("2026-02", "2026-03"), ("2026-03", "2026-04")] {
            for parent in ["delivery", "event"] {
                let name = format!("{parent}_{}", month.replace('-', ""));
                let sql = format!(
                    "CREATE TABLE IF NOT EXISTS {name} PARTITION OF {parent} FOR VALUES FROM ('{month}-01') TO ('{next}-01')"
                );
                fixture.database.execute_as_owner(&sql).await;
            }
        }
        let mail = draft(&fixture, 0).await.mail_id.unwrap();
        let actor = Actor::operator(fixture.tenant);
        Self {
            fixture,
            actor,
            mail,
        }
    }

    pub(super) fn installation(&self) -> Installation {
        Installation {
            public_url: "https://mail.example".to_owned(),
            keys: std::sync::Arc::clone(&self.fixture.keys),
        }
    }

    pub(super) fn step(&self, value: i32, unit: Unit) -> StepRule {
        StepRule {
            id: None,
            mail_id: self.mail,
            delay: Delay {
                value,
                unit,
                at: None,
            },
            condition: Condition::default(),
        }
    }

    pub(super) fn rule(&self, steps: Vec<StepRule>) -> Rule {
        Rule {
            name: "新規会員へのご案内".to_owned(),
            time_zone: "Asia/Tokyo".to_owned(),
            entry: Entry::Manual,
            leave_with_list: false,
            reenter: false,
            cap_exempt: true,
            steps,
        }
    }

    /// An active one: at once, a day later, a day later.
    pub(super) async fn three(&self) -> Sequence {
        let steps = vec![
            self.step(0, Unit::Minutes),
            self.step(1, Unit::Days),
            self.step(1, Unit::Days),
        ];
        self.active(self.rule(steps)).await
    }

    pub(super) async fn active(&self, rule: Rule) -> Sequence {
        let db = &self.fixture.database.db;
        let made = sequence::create(db, &self.actor, rule).await.unwrap();
        assert_eq!(made.state, State::Draft);
        steer::activate(db, &self.actor, &self.installation(), made.id)
            .await
            .unwrap()
    }

    pub(super) async fn person(&self, email: &str) -> contact::Contact {
        let new = contact::NewContact {
            email: email.to_owned(),
            name: "髙橋".to_owned(),
            fields: std::collections::BTreeMap::new(),
            list_ids: Vec::new(),
        };
        contact::create(&self.fixture.database.db, &self.actor, new, "manual")
            .await
            .unwrap()
    }

    pub(super) async fn enter(&self, id: SequenceId, email: &str) -> ContactId {
        let person = self.person(email).await;
        let entered = enrol::people(&self.fixture.database.db, &self.actor, id, &[person.id])
            .await
            .unwrap();
        assert_eq!(entered.entered, 1);
        person.id
    }

    /// Time goes by, and a mailer does what is due.
    pub(super) async fn later(&self, time: TimeDelta) {
        self.fixture.database.clock.advance(time);
        self.fixture.mailer().drain().await.unwrap();
    }

    pub(super) async fn inside(&self, id: SequenceId) -> Vec<sequence::Enrolment> {
        self.people(id, EnrolmentState::Active).await
    }

    pub(super) async fn people(
        &self,
        id: SequenceId,
        state: EnrolmentState,
    ) -> Vec<sequence::Enrolment> {
        let which = People { state, step: None };
        let page = PageRequest::default();
        sequence::list_people(&self.fixture.database.db, &self.actor, id, which, &page)
            .await
            .unwrap()
            .items
    }

    pub(super) async fn get(&self, id: SequenceId) -> Sequence {
        sequence::get(&self.fixture.database.db, &self.actor, id)
            .await
            .unwrap()
    }

    pub(super) async fn update(&self, before: &Sequence, rule: Rule) -> Sequence {
        let now = self.get(before.id).await;
        sequence::update(
            &self.fixture.database.db,
            &self.actor,
            now.id,
            now.version,
            rule,
        )
        .await
        .unwrap()
    }

    pub(super) async fn list(&self) -> ListId {
        self.list_called("会員").await
    }

    pub(super) async fn list_called(&self, name: &str) -> ListId {
        let new = NewList {
            name: name.to_owned(),
            description: String::new(),
            colour: "gray".to_owned(),
            folder_id: None,
        };
        list::create(&self.fixture.database.db, &self.actor, new)
            .await
            .unwrap()
            .id
    }

    pub(super) async fn subscribe(&self, person: ContactId, list: ListId, status: Status) {
        let db = &self.fixture.database.db;
        list::subscription::set(db, &self.actor, person, list, status)
            .await
            .unwrap();
    }
}

pub(super) fn received(sink: &Sink, email: &str) -> u32 {
    sink.taken().get(email).copied().unwrap_or(0)
}

pub(super) const HOUR: TimeDelta = TimeDelta::hours(1);
pub(super) const DAY: TimeDelta = TimeDelta::days(1);

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}
