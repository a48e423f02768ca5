//! Rows, and what goes into statements.

use common::ident::{TerminalId, UserId};
use common::msg::Member;
use directory_core::store::StoreError;
use tokio_postgres::types::FromSql;

use super::error::{PgError, PgResult};

/// Parameters of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$(&$value as &(dyn tokio_postgres::types::ToSql + Sync)),*] };
}
pub(super) use params;

/// A number as databases know it; what is greater than theirs is their greatest.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The same for how many of something there are.
pub(super) fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// One row of an answer.
pub(super) struct Row(pub(super) tokio_postgres::Row);

impl Row {
    /// A column, counted from 0.
    pub(super) fn get<'r, T: FromSql<'r>>(&'r self, column: usize) -> PgResult<T> {
        Ok(self.0.try_get(column)?)
    }

    pub(super) fn number(&self, column: usize) -> PgResult<u64> {
        let value: i64 = self.get(column)?;
        u64::try_from(value).map_err(|_| unreadable(column))
    }

    pub(super) fn maybe_number(&self, column: usize) -> PgResult<Option<u64>> {
        let value: Option<i64> = self.get(column)?;
        value.map(|value| u64::try_from(value).map_err(|_| unreadable(column))).transpose()
    }

    pub(super) fn small(&self, column: usize) -> PgResult<u32> {
        let value: i64 = self.get(column)?;
        u32::try_from(value).map_err(|_| unreadable(column))
    }

    pub(super) fn bytes<const N: usize>(&self, column: usize) -> PgResult<[u8; N]> {
        let value: &[u8] = self.get(column)?;
        value.try_into().map_err(|_| unreadable(column))
    }

    pub(super) fn user(&self, column: usize) -> PgResult<UserId> {
        let value: &str = self.get(column)?;
        UserId::parse(value).map_err(|_| unreadable(column))
    }

    /// A terminal, from this column and the next.
    pub(super) fn member(&self, column: usize) -> PgResult<Member> {
        Ok(Member { userid: self.user(column)?, terminal: TerminalId(self.bytes(column + 1)?) })
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> PgResult<T> {
        let value: &str = self.get(column)?;
        parse(value)
    }
}

/// Reads JSON that a directory has written.
pub(super) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> PgResult<T> {
    serde_json::from_str(text).map_err(|error| StoreError::Failed(error.to_string()).into())
}

/// Writes JSON for a directory to read.
pub(super) fn written(value: &impl serde::Serialize) -> PgResult<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed(error.to_string()).into())
}

pub(super) fn unreadable(column: usize) -> PgError {
    StoreError::Failed(format!("column {column} of an answer is not as it was written")).into()
}
