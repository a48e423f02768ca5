//! What SQLite reports, on its way to the [`StoreError`] that the core knows.

use directory_core::store::StoreError;

/// A [`StoreError`] that SQLite's errors turn into by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SqlError(StoreError);

/// What the functions below the trait return.
pub(crate) type SqlResult<T> = Result<T, SqlError>;

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        Self(match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => StoreError::DiskFull,
            Some(rusqlite::ErrorCode::ReadOnly) => StoreError::ReadOnly,
            _ => StoreError::Failed(error.to_string()),
        })
    }
}

impl From<StoreError> for SqlError {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<SqlError> for StoreError {
    fn from(SqlError(error): SqlError) -> Self {
        error
    }
}
