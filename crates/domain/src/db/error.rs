//! What a database error means. The caller says which failure it expects
//! ([`expect_unique`]); all others are ours, and internal.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::{BUSY, DomainError};

impl From<DieselError> for DomainError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(kind, info) if is_passing(kind, info.message()) => {
                Self::Unavailable {
                    context: format!("database: {}", info.message()),
                }
            }
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => busy(),
            // Diesel has no kind for SQLSTATE 40P01.
            DieselError::DatabaseError(_, info) if info.message() == "deadlock detected" => busy(),
            // Raised by the trigger note_usage, whichever way the rows came in.
            DieselError::DatabaseError(DatabaseErrorKind::CheckViolation, info)
                if info
                    .constraint_name()
                    .is_some_and(|c| c.starts_with("quota_")) =>
            {
                crate::tenant::usage::used_up(info.constraint_name().unwrap_or_default())
            }
            DieselError::DatabaseError(kind, info) => Self::internal(format_args!(
                "database {kind:?}: {} (constraint {:?})",
                info.message(),
                info.constraint_name()
            )),
            _ => Self::internal(format_args!("database: {error}")),
        }
    }
}

fn busy() -> DomainError {
    DomainError::conflict(
        BUSY,
        "somebody else changed the same thing at the same moment: try again",
    )
}

/// Whether it is the database that can't, whatever it is asked: the connection
/// ended under the statement, the server stops, has no room, or has become a
/// standby. Diesel keeps no SQLSTATE, so that the server's own words decide;
/// they are English, which `kikubari doctor` holds it to.
fn is_passing(kind: &DatabaseErrorKind, message: &str) -> bool {
    match kind {
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::ReadOnlyTransaction => true,
        // All that has no SQLSTATE is "unable to send".
        DatabaseErrorKind::UnableToSendCommand => LINE_LOST.contains(&message),
        _ => {
            SERVER_CANNOT.iter().any(|start| message.starts_with(start))
                || message.ends_with(DISK_FULL)
        }
    }
}

/// How `tokio_postgres::Error` says that the line is no more; the last one is
/// the end of the task that reads from it.
const LINE_LOST: [&str; 3] = [
    "error communicating with the server",
    "connection closed",
    "channel closed",
];

/// SQLSTATE 57P01 and 57P02 (the server stops), 57014 (a statement was stopped:
/// by a time limit or by an operator), 53200, 53300 and what a standby says that
/// has just become one.
const SERVER_CANNOT: [&str; 7] = [
    "terminating connection",
    "canceling statement due to",
    "out of memory",
    "out of shared memory",
    "sorry, too many clients already",
    "remaining connection slots are reserved",
    "the database system is",
];

/// SQLSTATE 53100: `could not extend file "…": No space left on device`.
const DISK_FULL: &str = "No space left on device";

/// Turns the violation of one named unique constraint into the caller's
/// error, and leaves every other failure as it is.
///
/// # Errors
/// The caller's error, or what the database said.
pub fn expect_unique<T>(
    result: Result<T, DieselError>,
    constraint: &str,
    taken: impl FnOnce() -> DomainError,
) -> Result<T, DomainError> {
    expect(
        result,
        &DatabaseErrorKind::UniqueViolation,
        constraint,
        taken,
    )
}

/// As [`expect_unique`], for a foreign key that points nowhere, or a row that
/// is still pointed at.
///
/// # Errors
/// The caller's error, or what the database said.
pub fn expect_foreign_key<T>(
    result: Result<T, DieselError>,
    constraint: &str,
    broken: impl FnOnce() -> DomainError,
) -> Result<T, DomainError> {
    expect(
        result,
        &DatabaseErrorKind::ForeignKeyViolation,
        constraint,
        broken,
    )
}

/// As [`expect_foreign_key`], for a row that several others may hold on to:
/// `in_use`, with what is said for the one that does.
///
/// # Errors
/// The conflict, or what the database said.
pub fn expect_foreign_keys<T>(
    result: Result<T, DieselError>,
    holders: &[(&str, &'static str)],
) -> Result<T, DomainError> {
    result.map_err(|error| {
        let broken = match &error {
            DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, info) => {
                info.constraint_name()
            }
            _ => None,
        };
        match holders.iter().find(|(holder, _)| Some(*holder) == broken) {
            Some((_, detail)) => DomainError::conflict("in_use", *detail),
            None => error.into(),
        }
    })
}

fn expect<T>(
    result: Result<T, DieselError>,
    expected: &DatabaseErrorKind,
    constraint: &str,
    error: impl FnOnce() -> DomainError,
) -> Result<T, DomainError> {
    result.map_err(|e| match &e {
        DieselError::DatabaseError(kind, info)
            if std::mem::discriminant(kind) == std::mem::discriminant(expected)
                && info.constraint_name() == Some(constraint) =>
        {
            error()
        }
        _ => e.into(),
    })
}
