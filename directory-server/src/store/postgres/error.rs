//! What a database reports, on its way to the [`StoreError`] that the core knows.

use directory_core::store::StoreError;
use tokio_postgres::error::SqlState;

/// Why a statement, or a method, failed.
#[derive(Debug)]
pub(super) enum PgError {
    /// Another transaction was in the way; the same once more may succeed.
    Again(StoreError),
    /// The connection is gone. Nothing was done, unless it was the end of a transaction.
    Lost(StoreError),
    /// Anything else.
    Failed(StoreError),
}

/// What the functions below the trait return.
pub(super) type PgResult<T> = Result<T, PgError>;

/// States that another transaction causes: it could not be serialised, or is a deadlock, or has written a row first on which
/// a constraint of ours decides. Whoever tries again sees that row.
const AGAIN: [SqlState; 5] = [
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::T_R_DEADLOCK_DETECTED,
    SqlState::UNIQUE_VIOLATION,
    SqlState::FOREIGN_KEY_VIOLATION,
    SqlState::LOCK_NOT_AVAILABLE,
];

impl From<tokio_postgres::Error> for PgError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(database) = error.as_db_error() else {
            // Not said by the database: the connection broke, or what came is not what was asked for.
            let text = StoreError::Unreachable(detail(&error));
            return if error.is_closed() || is_io(&error) { Self::Lost(text) } else { Self::Failed(failed(&error)) };
        };
        let code = database.code();
        match code.code() {
            _ if AGAIN.contains(code) => Self::Again(failed(&error)),
            // Class 57: an operator ended it; class 08: the connection.
            "57P01" | "57P02" | "57P03" => Self::Lost(StoreError::Unreachable(detail(&error))),
            state if state.starts_with("08") => Self::Lost(StoreError::Unreachable(detail(&error))),
            _ => Self::Failed(failed(&error)),
        }
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}

fn failed(error: &tokio_postgres::Error) -> StoreError {
    match error.code() {
        Some(code) if *code == SqlState::DISK_FULL => StoreError::DatabaseFull,
        Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::DatabaseReadOnly,
        _ => StoreError::Failed(detail(error)),
    }
}

/// The words of the database, without those of the library, and with no values of rows (threat T5).
pub(super) fn detail(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(database) => format!("{} ({})", database.message(), database.code().code()),
        None => {
            let cause = std::error::Error::source(error);
            cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        }
    }
}

impl From<StoreError> for PgError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<PgError> for StoreError {
    fn from(error: PgError) -> Self {
        match error {
            PgError::Again(error) | PgError::Lost(error) | PgError::Failed(error) => error,
        }
    }
}
