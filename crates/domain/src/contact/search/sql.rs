//! SQL that is put together from pieces, its values always bound.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

/// SQL text with its values, which are always bound.
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) binds: Vec<Bind>,
}

#[derive(Clone)]
pub(super) enum Bind {
    Id(Uuid),
    Text(String),
    Number(i64),
    Time(DateTime<Utc>),
}

impl Sql {
    pub(super) fn bind(&mut self, value: Bind) -> String {
        self.binds.push(value);
        format!("${}", self.binds.len())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the query builder has no subselect in FROM and no row comparison; every value is bound"
    )]
    pub(super) fn query(self) -> BoxedSqlQuery<'static, Pg, SqlQuery> {
        self.binds
            .into_iter()
            .fold(
                diesel::sql_query(self.text).into_boxed(),
                |query, bind| match bind {
                    Bind::Id(id) => query.bind::<SqlUuid, _>(id),
                    Bind::Text(text) => query.bind::<Text, _>(text),
                    Bind::Number(number) => query.bind::<BigInt, _>(number),
                    Bind::Time(at) => query.bind::<Timestamptz, _>(at),
                },
            )
    }
}
