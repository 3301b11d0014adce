//! What a database error means. The caller says which failure it expects
//! ([`expect_unique`]); all others are ours, and internal.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::DomainError;

impl From<DieselError> for DomainError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(kind, info) if is_lost(kind, info.message()) => {
                Self::Unavailable {
                    context: format!("database: {}", info.message()),
                }
            }
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => {
                Self::conflict(
                    "busy",
                    "somebody else changed the same thing at the same moment: try again",
                )
            }
            // Diesel has no kind for SQLSTATE 40P01.
            DieselError::DatabaseError(_, info) if info.message() == "deadlock detected" => {
                Self::conflict(
                    "busy",
                    "somebody else changed the same thing at the same moment: try again",
                )
            }
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

/// Whether the connection ended under the statement: the server stopped, or the
/// line was cut. Diesel has no kind for it, and tokio-postgres no public one:
/// whatever has no SQLSTATE is "unable to send".
fn is_lost(kind: &DatabaseErrorKind, message: &str) -> bool {
    match kind {
        DatabaseErrorKind::ClosedConnection => true,
        DatabaseErrorKind::UnableToSendCommand => LINE_LOST.contains(&message),
        // SQLSTATE 57P01 and 57P02, class 57 "operator intervention".
        _ => message.starts_with("terminating connection"),
    }
}

/// How `tokio_postgres::Error` says that the line is no more; the last one is
/// the end of the task that reads from it.
const LINE_LOST: [&str; 3] = [
    "error communicating with the server",
    "connection closed",
    "channel closed",
];

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
