//! A tenant, and a worker that does its jobs when the test says so.

use std::collections::BTreeMap;

use domain::Actor;
use domain::contact::import::{self, Import, Mapped, Mode, Plan, Target, Upload};
use domain::contact::{self, Contact, ContactFilter, ContactSort, NewContact};
use domain::contact_field::{self, ContactField, FieldType, NewContactField};
use domain::ids::{ImportId, ListId};
use domain::job::worker::Worker;
use domain::job::{self, Job};
use domain::list::{self, NewList};
use domain::page::PageRequest;
use domain::testing::{TestDatabase, TestTenant};
use futures_util::TryStreamExt;
use serde_json::Value;
use tokio::sync::watch;

pub(crate) const LIMIT: u64 = 64 << 20;

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) tenant: TestTenant,
    pub(crate) actor: Actor,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let tenant = TestTenant::create(&database.db, "acme").await;
        let actor = tenant.owner();
        Self {
            database,
            tenant,
            actor,
        }
    }

    /// Does every job that waits.
    pub(crate) async fn drain(&self) {
        let (_ending, ended) = watch::channel(false);
        let worker = Worker::new(self.database.db.clone(), ended);
        while worker.run_once().await.unwrap() {}
    }

    pub(crate) async fn job(&self, job: &Job) -> Job {
        job::get(&self.database.db, &self.actor, job.id)
            .await
            .unwrap()
    }

    pub(crate) async fn field(&self, key: &str, kind: FieldType) -> ContactField {
        self.field_with(key, kind, |_| {}).await
    }

    pub(crate) async fn field_with(
        &self,
        key: &str,
        kind: FieldType,
        change: impl FnOnce(&mut NewContactField),
    ) -> ContactField {
        let is_choice = matches!(kind, FieldType::Choice | FieldType::MultiChoice);
        let mut new = NewContactField {
            key: key.to_owned(),
            label: key.to_uppercase(),
            kind,
            required: false,
            unique: false,
            default_value: None,
            choices: if is_choice {
                vec!["金".to_owned(), "銀".to_owned()]
            } else {
                Vec::new()
            },
            position: None,
        };
        change(&mut new);
        contact_field::create(&self.database.db, &self.actor, new)
            .await
            .unwrap()
    }

    pub(crate) async fn list(&self, name: &str) -> ListId {
        let new = NewList {
            name: name.to_owned(),
            description: String::new(),
            colour: "gray".to_owned(),
            folder_id: None,
        };
        list::create(&self.database.db, &self.actor, new)
            .await
            .unwrap()
            .id
    }

    pub(crate) async fn contact(
        &self,
        email: &str,
        name: &str,
        fields: &[(&str, Value)],
    ) -> Contact {
        let new = NewContact {
            email: email.to_owned(),
            name: name.to_owned(),
            fields: fields
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect::<BTreeMap<_, _>>(),
            list_ids: Vec::new(),
        };
        contact::create(&self.database.db, &self.actor, new, "manual")
            .await
            .unwrap()
    }

    /// All contacts by address (at most 200).
    pub(crate) async fn contacts(&self) -> Vec<Contact> {
        let page = PageRequest {
            limit: Some(200),
            ..PageRequest::default()
        };
        contact::list(
            &self.database.db,
            &self.actor,
            &ContactFilter::default(),
            ContactSort::Email,
            &page,
        )
        .await
        .unwrap()
        .items
    }

    pub(crate) async fn upload(&self, bytes: &[u8]) -> Import {
        self.try_upload(bytes).await.unwrap()
    }

    pub(crate) async fn try_upload(&self, bytes: &[u8]) -> domain::Result<Import> {
        let db = &self.database.db;
        let mut upload = Upload::begin(db, &self.actor, "顧客名簿.csv", LIMIT).await?;
        for piece in bytes.chunks(10_000) {
            upload.write(piece).await?;
        }
        upload.finish(db, &self.actor).await
    }

    pub(crate) async fn plan(&self, import: &Import, mode: Mode, lists: &[ListId]) -> Import {
        let plan = Plan {
            mode,
            list_ids: lists.to_vec(),
            ..import.plan.clone().unwrap_or(import.suggested.clone())
        };
        self.plan_as(import, plan).await
    }

    pub(crate) async fn plan_as(&self, import: &Import, plan: Plan) -> Import {
        import::update_plan(
            &self.database.db,
            &self.actor,
            import.id,
            import.version,
            plan,
        )
        .await
        .unwrap()
    }

    pub(crate) async fn import(&self, id: ImportId) -> Import {
        import::get(&self.database.db, &self.actor, id)
            .await
            .unwrap()
    }

    /// The dry run, to its end.
    pub(crate) async fn check(&self, import: &Import) -> Import {
        import::start_check(&self.database.db, &self.actor, import.id)
            .await
            .unwrap();
        self.drain().await;
        self.import(import.id).await
    }

    /// The import, to its end.
    pub(crate) async fn run(&self, import: &Import) -> Import {
        let job = import::start_run(&self.database.db, &self.actor, import.id)
            .await
            .unwrap();
        self.drain().await;
        let job = self.job(&job).await;
        assert_eq!(job.state, job::State::Succeeded, "{job:?}");
        self.import(import.id).await
    }

    /// Upload, plan, check, run; the check must have foretold the counts.
    pub(crate) async fn bring(&self, text: &str, mode: Mode, lists: &[ListId]) -> Import {
        let import = self.upload(text.as_bytes()).await;
        let import = self.plan(&import, mode, lists).await;
        let checked = self.check(&import).await;
        let done = self.run(&import).await;
        assert_eq!(
            checked.counts, done.counts,
            "the check foretold something else"
        );
        assert_eq!(checked.rejected_sample, done.rejected_sample);
        done
    }

    /// The bytes of the file of refused rows.
    pub(crate) async fn rejected(&self, import: &Import) -> Vec<u8> {
        let file = import::rejected(&self.database.db, &self.actor, import.id)
            .await
            .unwrap();
        self.bytes(file.id).await
    }

    pub(crate) async fn bytes(&self, id: domain::ids::FileId) -> Vec<u8> {
        let stream = domain::file::read(self.database.db.clone(), self.tenant.id, id);
        let pieces: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
        pieces.concat()
    }

    pub(crate) async fn rejected_text(&self, import: &Import) -> String {
        String::from_utf8(self.rejected(import).await).unwrap()
    }
}

pub(crate) fn mapped(targets: &[&str]) -> Vec<Mapped> {
    targets
        .iter()
        .enumerate()
        .map(|(column, target)| Mapped {
            column,
            target: Target::parse(target).unwrap(),
        })
        .collect()
}

/// In the order rows, added, updated, skipped, rejected.
#[track_caller]
pub(crate) fn assert_counts(import: &Import, expected: [i64; 5]) {
    let counts = import.counts.unwrap();
    let found = [
        counts.rows,
        counts.added,
        counts.updated,
        counts.skipped,
        counts.rejected,
    ];
    assert_eq!(found, expected, "{:?}", import.rejected_sample);
}
