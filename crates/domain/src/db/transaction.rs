//! One transaction on a pooled connection.

use std::future::Future;

use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{
    AnsiTransactionManager, AsyncConnection, AsyncPgConnection, SimpleAsyncConnection,
    TransactionManager,
};
use futures_util::future::join;

use crate::error::{DomainError, Result};
use crate::ids::{SupportSessionId, TenantId};

/// An async closure whose future is known to be `Send`. Plain `AsyncFnOnce`
/// has no stable way to say that, and without it no use case could run on the
/// mailer's threads.
pub trait TransactionFn<T, R>:
    AsyncFnOnce(T) -> R + FnOnce(T) -> <Self as TransactionFn<T, R>>::Fut
{
    type Fut: Future<Output = R>;
}

impl<F, T, Fut, R> TransactionFn<T, R> for F
where
    F: AsyncFnOnce(T) -> R + FnOnce(T) -> Fut,
    Fut: Future<Output = R>,
{
    type Fut = Fut;
}

/// Gives the connection back only when its transaction ended; otherwise closes
/// it, so that the server rolls back at once. (Given back half-way it would
/// keep its locks until somebody took it out again.)
struct Checkout(Option<Object<AsyncPgConnection>>);

impl Drop for Checkout {
    fn drop(&mut self) {
        if let Some(unfinished) = self.0.take() {
            drop(Object::take(unfinished));
        }
    }
}

/// Whose rows a transaction reaches; with a support session it only reads.
#[derive(Clone, Copy)]
pub(super) struct Door(pub(super) TenantId, pub(super) Option<SupportSessionId>);

type Manager = AnsiTransactionManager;

impl Door {
    /// SET LOCAL ends with the transaction; a plain SET would leak to the next
    /// user of a pooled connection. In one message with BEGIN: a way to the
    /// database and back less for every request.
    fn begin(door: Option<Self>) -> String {
        match door {
            None => "BEGIN".to_owned(),
            Some(Self(tenant, None)) => format!("BEGIN; SET LOCAL kikubari.tenant = '{tenant}'"),
            Some(Self(tenant, Some(support))) => format!(
                "BEGIN READ ONLY; SET LOCAL kikubari.tenant = '{tenant}'; \
                 SET LOCAL kikubari.support = '{support}'"
            ),
        }
    }
}

pub(super) async fn run<'a, T, F>(
    object: Object<AsyncPgConnection>,
    door: Option<Door>,
    work: F,
) -> Result<T>
where
    for<'c> F: AsyncFnOnce(&'c mut AsyncPgConnection) -> Result<T>
        + TransactionFn<&'c mut AsyncPgConnection, Result<T>, Fut: Send>
        + Send
        + 'a,
    T: Send + 'a,
{
    let mut checkout = Checkout(Some(object));
    let Some(connection) = checkout.0.as_deref_mut() else {
        return Err(no_connection());
    };
    let outcome = on(connection, door, work).await?;
    drop(checkout.0.take());
    outcome
}

fn no_connection() -> DomainError {
    DomainError::internal("checkout without connection")
}

/// As [`run`], with the first query sent behind BEGIN without waiting for its
/// answer (PostgreSQL's pipelining): it runs after BEGIN, or in a transaction
/// that failed.
pub(super) async fn run_pipelined<'a, T, F>(
    object: Object<AsyncPgConnection>,
    door: Door,
    work: F,
) -> Result<T>
where
    for<'c> F: AsyncFnOnce(&'c AsyncPgConnection) -> Result<T>
        + TransactionFn<&'c AsyncPgConnection, Result<T>, Fut: Send>
        + Send
        + 'a,
    T: Send + 'a,
{
    let mut checkout = Checkout(Some(object));
    let outcome = {
        let Some(connection) = checkout.0.as_deref() else {
            return Err(no_connection());
        };
        let begin = Door::begin(Some(door));
        let (mut first, mut last) = (connection, connection);
        // Polled in this order, so that BEGIN is on its way before the query.
        let (begun, outcome) = join(first.batch_execute(&begin), work(connection)).await;
        begun?;
        let end = if outcome.is_ok() {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        last.batch_execute(end).await?;
        outcome
    };
    drop(checkout.0.take());
    outcome
}

/// One transaction on a connection. The outer error says that it could not be
/// begun or ended: the connection is not to be used again.
pub(super) async fn on<'a, T, F>(
    connection: &mut AsyncPgConnection,
    door: Option<Door>,
    work: F,
) -> Result<Result<T>>
where
    for<'c> F: AsyncFnOnce(&'c mut AsyncPgConnection) -> Result<T>
        + TransactionFn<&'c mut AsyncPgConnection, Result<T>, Fut: Send>
        + Send
        + 'a,
    T: Send + 'a,
{
    Manager::begin_transaction_sql(connection, &Door::begin(door)).await?;
    let outcome = work(connection).await;
    match outcome {
        Ok(_) => {
            <AsyncPgConnection as AsyncConnection>::TransactionManager::commit_transaction(
                connection,
            )
            .await?;
        }
        Err(_) => {
            <AsyncPgConnection as AsyncConnection>::TransactionManager::rollback_transaction(
                connection,
            )
            .await?;
        }
    }
    Ok(outcome)
}
