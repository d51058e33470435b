//! What the SQL of this store asks of an engine, and nothing else.

use std::{collections::BTreeMap, future::Future};

use chrono::NaiveDate;
use serde_json::value::RawValue;
use sqlx::{
    ColumnIndex, Database, Decode, Encode, IntoArguments, Row, Type, error::BoxDynError,
    types::Json,
};
use uuid::Uuid;

use super::rows::Rows;
use crate::domain::{ids::TenantId, time::Timestamp};

/// An engine that the one SQL implementation can run on.
///
/// The supertraits name every column type once, so that a bound of `DB: Dialect` is enough
/// wherever rows are read or parameters bound.
pub trait Dialect:
    Database<Arguments: IntoArguments<Self>>
    + Speaks<Uuid>
    + Speaks<i16>
    + Speaks<i64>
    + Speaks<f64>
    + Speaks<bool>
    + Speaks<String>
    + Speaks<Vec<u8>>
    + Speaks<Timestamp>
    + Speaks<NaiveDate>
    + Speaks<Json<Box<RawValue>>>
    + Speaks<Json<BTreeMap<String, i64>>>
    + Speaks<Option<Uuid>>
    + Speaks<Option<i16>>
    + Speaks<Option<i64>>
    + Speaks<Option<String>>
    + Speaks<Option<Vec<u8>>>
    + Speaks<Option<Timestamp>>
    + Speaks<Option<NaiveDate>>
    + Speaks<Option<Json<Box<RawValue>>>>
{
    /// Begins a transaction whose reads all see one snapshot.
    const BEGIN_READ: &'static str;
    /// Ends a `SELECT` whose rows are to be locked in the order they come in.
    const FOR_UPDATE: &'static str;
    /// Selects the `id` of the transaction as text; `None` where the outcome of a commit is
    /// never in doubt.
    const SELECT_TRANSACTION_ID: Option<&'static str>;
    /// A table expression `f(key, value)` of the entries of the column `feature_usage`.
    const EACH_FEATURE: &'static str;

    /// Begins a transaction that writes for these tenants, and for those with `true` while no
    /// other does: a change of settings must not miss what was decided by the old ones.
    fn begin_write(tenants: &BTreeMap<TenantId, bool>) -> String;

    /// A subquery whose columns are those of `rows`, bound from parameter `first` on.
    fn rows_sql(rows: &Rows<'_>, first: usize) -> String;

    /// A predicate that the column before it is one of the ids bound at parameter `first`.
    fn ids_sql(first: usize) -> String;

    /// Binds what [`Dialect::rows_sql`] reads.
    fn bind_rows(args: &mut Self::Arguments, rows: &Rows<'_>) -> Result<(), BoxDynError>;

    /// Binds what [`Dialect::ids_sql`] reads.
    fn bind_ids(args: &mut Self::Arguments, ids: Vec<Uuid>) -> Result<(), BoxDynError>;

    /// Runs one statement and returns its rows.
    fn fetch(
        conn: &mut Self::Connection,
        sql: String,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<Vec<Self::Row>>> + Send;

    /// Runs one statement and returns how many rows it wrote.
    fn execute(
        conn: &mut Self::Connection,
        sql: String,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<u64>> + Send;

    /// What became of a transaction whose commit was not answered.
    fn outcome(
        conn: &mut Self::Connection,
        transaction_id: &str,
    ) -> impl Future<Output = sqlx::Result<CommitOutcome>> + Send;

    /// What an error of the engine means for the transaction that met it.
    fn classify(error: &dyn sqlx::error::DatabaseError) -> ErrorClass;
}

/// What became of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitOutcome {
    Committed,
    RolledBack,
    /// The engine has not finished with it, or cannot tell.
    InProgress,
}

/// What an error means for the transaction that met it. None of them leaves it committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorClass {
    /// Another transaction was in the way: the same again may succeed at once.
    Contention,
    /// The engine is away, starting, stopping, read-only or full.
    Unavailable,
    /// The engine refuses what it was asked.
    Refused,
}

/// An engine that reads and writes columns of type `T`.
pub trait Speaks<T>: Database {
    fn push(args: &mut Self::Arguments, value: T) -> Result<(), BoxDynError>;
    fn pull(row: &Self::Row, column: &str) -> sqlx::Result<T>;
}

impl<DB, T> Speaks<T> for DB
where
    DB: Database,
    T: Type<DB> + for<'q> Encode<'q, DB> + for<'r> Decode<'r, DB>,
    for<'a> &'a str: ColumnIndex<DB::Row>,
{
    fn push(args: &mut DB::Arguments, value: T) -> Result<(), BoxDynError> {
        sqlx::Arguments::add(args, value)
    }

    fn pull(row: &DB::Row, column: &str) -> sqlx::Result<T> {
        row.try_get(column)
    }
}

/// Reads a column of a row.
pub fn get<DB: Speaks<T>, T>(row: &DB::Row, column: &str) -> sqlx::Result<T> {
    DB::pull(row, column)
}

/// A statement and its parameters. The SQL is a constant in which the engine fills
/// `{rows}`, their `{columns}`, `{ids}`, `{for_update}` and `{each_feature}`.
pub struct Query<DB: Dialect> {
    pub(super) sql: String,
    args: Result<DB::Arguments, BoxDynError>,
}

impl<DB: Dialect> Query<DB> {
    pub fn new(sql: &str) -> Self {
        let sql = if sql.contains('{') {
            sql.replace("{for_update}", DB::FOR_UPDATE)
                .replace("{each_feature}", DB::EACH_FEATURE)
        } else {
            sql.to_owned()
        };
        Self {
            sql,
            args: Ok(DB::Arguments::default()),
        }
    }

    /// Binds the next parameter.
    pub fn bind<T>(self, value: T) -> Self
    where
        DB: Speaks<T>,
    {
        self.with(|args| DB::push(args, value))
    }

    /// Adds a constant piece of SQL.
    pub fn and(mut self, piece: &str) -> Self {
        self.sql.push_str(piece);
        self
    }

    /// Adds a piece in which `$?` is the next parameter, if there is a value for it: so an
    /// engine plans for the filters that are set, and for no others.
    pub fn and_if<T>(self, piece: &str, value: Option<T>) -> Self
    where
        DB: Speaks<T>,
    {
        let Some(value) = value else { return self };
        let parameter = format!("${}", self.next_parameter());
        self.and(&piece.replace("$?", &parameter)).bind(value)
    }

    /// Binds what `{ids}` stands for; the last parameter.
    pub fn ids(mut self, ids: impl IntoIterator<Item = Uuid>) -> Self {
        self.sql = self
            .sql
            .replace("{ids}", &DB::ids_sql(self.next_parameter()));
        self.with(|args| DB::bind_ids(args, ids.into_iter().collect()))
    }

    /// Binds what `{rows}` stands for; the last parameter.
    pub fn rows(mut self, rows: &Rows<'_>) -> Self {
        let table = DB::rows_sql(rows, self.next_parameter());
        let names: Vec<_> = rows.columns().map(|(name, _)| name).collect();
        self.sql = self
            .sql
            .replace("{rows}", &table)
            .replace("{columns}", &names.join(", "));
        self.with(|args| DB::bind_rows(args, rows))
    }

    pub async fn fetch(self, conn: &mut DB::Connection) -> sqlx::Result<Vec<DB::Row>> {
        DB::fetch(conn, self.sql, self.args.map_err(sqlx::Error::Encode)?).await
    }

    pub async fn execute(self, conn: &mut DB::Connection) -> sqlx::Result<u64> {
        DB::execute(conn, self.sql, self.args.map_err(sqlx::Error::Encode)?).await
    }

    fn next_parameter(&self) -> usize {
        use sqlx::Arguments;
        self.args.as_ref().map_or(0, Arguments::len) + 1
    }

    fn with(mut self, add: impl FnOnce(&mut DB::Arguments) -> Result<(), BoxDynError>) -> Self {
        self.args = self.args.and_then(|mut args| {
            add(&mut args)?;
            Ok(args)
        });
        self
    }
}
