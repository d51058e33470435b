//! What can go wrong between the store and its engine.

use sqlx::Database;
use tracing::{error, warn};

use super::dialect::{Dialect, ErrorClass};
use crate::store::Error;

/// Why a statement or a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the database failed")]
    Sql(#[from] sqlx::Error),
    /// A row that dwell did not write, or that something changed since.
    #[error("corrupt row in {table}, column {column}")]
    Corrupt {
        table: &'static str,
        column: &'static str,
    },
    /// A row appeared, or went away, between reading and writing.
    #[error("another transaction wrote the same rows")]
    Contention,
    /// Rows are there already, or went away; or they are those of a user who was deleted.
    #[error("rows were not written as expected")]
    Unwritten,
    /// Nothing was heard of the server for too long.
    #[error("the database keeps silent")]
    Silent,
}

impl Fault {
    /// What it means for the transaction that met it, which is not committed.
    pub fn class<DB: Dialect>(&self) -> ErrorClass {
        match self {
            Self::Contention | Self::Unwritten => ErrorClass::Contention,
            Self::Sql(sqlx::Error::Database(error)) => DB::classify(&**error),
            Self::Silent => ErrorClass::Unavailable,
            Self::Sql(error) if is_lost(error) => ErrorClass::Unavailable,
            Self::Corrupt { .. } | Self::Sql(_) => ErrorClass::Refused,
        }
    }

    /// For the caller, with what an operator needs in the log under the same id. Neither says
    /// what the rows held.
    pub fn into_error<DB: Dialect>(self, incident: uuid::Uuid) -> Error {
        let reason = self.reason::<DB>();
        match self.class::<DB>() {
            ErrorClass::Refused => {
                error!(%incident, reason, "the database refused a statement");
                Error::Internal { incident }
            }
            ErrorClass::Contention | ErrorClass::Unavailable => {
                warn!(reason, "the database is unavailable");
                Error::Unavailable
            }
        }
    }

    /// Its kind, without SQL and without values.
    pub fn reason<DB: Dialect>(&self) -> String {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                let constraint = error.constraint().unwrap_or_default();
                format!("{} code {code} {constraint}", <DB as Database>::NAME)
            }
            Self::Sql(sqlx::Error::ColumnDecode { index, .. }) => {
                format!("cannot decode column {index}")
            }
            Self::Sql(sqlx::Error::Io(error)) => {
                format!("{} connection: {}", <DB as Database>::NAME, error.kind())
            }
            Self::Sql(sqlx::Error::PoolTimedOut) => "no connection became free".to_owned(),
            Self::Sql(error) => {
                let text = format!("{error:?}");
                let name = text.split(['(', ' ', '{']).next().unwrap_or_default();
                name.to_owned()
            }
            other => other.to_string(),
        }
    }
}

/// Whether the connection is gone, or was never there.
const fn is_lost(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
    )
}
