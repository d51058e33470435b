//! What the SQL of this store asks of an engine, and nothing else.

use std::{borrow::Cow, collections::BTreeMap, future::Future, time::Duration};

use chrono::NaiveDate;
use serde_json::value::RawValue;
use sqlx::{
    ColumnIndex, Database, Decode, Encode, IntoArguments, Pool, Row, Type, error::BoxDynError,
    types::Json,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::rows::Rows;
use crate::{
    domain::{ids::TenantId, time::Timestamp},
    store::events::Wakes,
    telemetry::traces::Span,
};

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
    + Speaks<Option<f64>>
    + Speaks<Option<bool>>
    + Speaks<Option<String>>
    + Speaks<Option<Vec<u8>>>
    + Speaks<Option<NaiveDate>>
    + Speaks<Option<Timestamp>>
    + Speaks<Option<Json<Box<RawValue>>>>
{
    /// Ends a `SELECT` whose rows are to be locked in the order they come in.
    const FOR_UPDATE: &'static str;
    /// Ends a `SELECT` that locks its rows of the table `o`, but for those that somebody else has
    /// locked: these are left out.
    const SKIP_LOCKED: &'static str;
    /// The larger of two values, neither of which is NULL.
    const GREATEST: &'static str;
    /// The smaller of two values, neither of which is NULL.
    const LEAST: &'static str;
    /// The sum, by key, of a stored column `{column}` of `user_usage_stats` and that of the row to
    /// add.
    const ADDED_COUNTS: &'static str;

    /// A bit for the day `d.local_date` of the period that begins on `r.start_date`: the first
    /// is 1.
    const DAY_BIT: &'static str;

    /// The place of this transaction among all that write events: whoever writes it is told of
    /// after all with a lower one.
    const EVENT_POSITION: &'static str;
    /// In a snapshot: no event below this position will be committed that it does not show.
    const EVENT_HORIZON: &'static str;
    /// Which life of the database it is: positions begin anew with the next one.
    const EVENT_EPOCH: &'static str;
    /// How long a batch may take before the server is taken for gone. `None` if there is no
    /// network to it.
    const BATCH_LIMIT: Option<Duration>;
    /// The same of a read.
    const READ_LIMIT: Option<Duration>;
    /// Whether the answer to a commit can be lost: whoever gives it is another process.
    const LOSES_ANSWERS: bool;

    /// Begins a transaction whose reads all see one snapshot, as the reader may see it.
    fn begin_read(reader: Reader) -> String;

    /// Begins a transaction that writes for these tenants, and for those with `true` while no
    /// other does: a change of settings must not miss what was decided by the old ones. It acts
    /// for the first of them until [`Dialect::act_for`] another.
    fn begin_write(tenants: &BTreeMap<TenantId, bool>) -> String;

    /// Begins a transaction that looks for what another one of this tenant's has written, and
    /// does not wait for that for long.
    fn begin_settle(tenant: TenantId) -> String;

    /// From now on the transaction acts for this tenant, and reaches no row of another's.
    fn act_for(
        conn: &mut Self::Connection,
        tenant: TenantId,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// A subquery whose columns are those of `rows`, bound from parameter `first` on.
    fn rows_sql(rows: &Rows<'_>, first: usize) -> String;

    /// A predicate that the column before it is one of the ids bound at parameter `first`.
    fn ids_sql(first: usize) -> String;

    /// Binds what [`Dialect::rows_sql`] reads.
    fn bind_rows(args: &mut Self::Arguments, rows: &Rows<'_>) -> Result<(), BoxDynError>;

    /// Binds what [`Dialect::ids_sql`] reads.
    fn bind_ids(args: &mut Self::Arguments, ids: Vec<Uuid>) -> Result<(), BoxDynError>;

    /// Carries out the writes of one tenant, one after the other, and checks that the tenant
    /// is still as it was when `known`.
    fn write_all(
        conn: &mut Self::Connection,
        tenant: TenantId,
        known: Option<Version>,
        writes: &[Write<'_>],
    ) -> impl Future<Output = sqlx::Result<Written>> + Send;

    /// A column of text as it lies in the row, which may be long; `None` if it is NULL.
    fn text<'r>(row: &'r Self::Row, column: &str) -> sqlx::Result<Option<&'r str>>;

    /// Runs one statement and hands over its rows, each as it comes.
    fn fetch_each(
        conn: &mut Self::Connection,
        sql: String,
        args: Self::Arguments,
        each: impl FnMut(Self::Row) + Send,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Runs one statement and returns how many rows it wrote.
    fn execute(
        conn: &mut Self::Connection,
        sql: String,
        args: Self::Arguments,
    ) -> impl Future<Output = sqlx::Result<u64>> + Send;

    /// Tells other instances whose events were committed here, and is told of theirs, until it
    /// fails. Does nothing for ever where others cannot be told.
    fn relay(pool: &Pool<Self>, wakes: &Wakes) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Writes back what commits have left in a log, whenever enough of those that are counted in
    /// `logged` have come together, until it fails. Does nothing for ever where the engine sees
    /// to that.
    fn write_back(
        pool: &Pool<Self>,
        logged: &Semaphore,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Has the engine look at tables that have grown much, so that it plans by what is in them, and
    /// returns how many. None where that comes with the schema.
    fn learn_tables(
        conn: &mut Self::Connection,
    ) -> impl Future<Output = sqlx::Result<usize>> + Send;

    /// What an error of the engine means for the transaction that met it.
    fn classify(error: &dyn sqlx::error::DatabaseError) -> ErrorClass;
}

/// Who reads: row security, where there is some, shows no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// Calls of one tenant's, and what is done for it.
    Tenant(TenantId),
    /// Jobs that look for the tenants that there is something to do for.
    Jobs,
}

/// Rows to write, and how: the SQL is a constant in which the engine fills `{rows}`, their
/// `{columns}`, and `{after}`, which is true once the writes before are done.
pub struct Write<'a> {
    pub sql: &'static str,
    pub rows: Rows<'a>,
    /// To be done afterwards if the `revision` of some row is 1, which is to say that it is new.
    pub if_new: Option<Box<Self>>,
}

impl<'a> Write<'a> {
    pub const fn new(sql: &'static str, rows: Rows<'a>) -> Self {
        Self {
            sql,
            rows,
            if_new: None,
        }
    }

    /// The statement, its rows bound from parameter `first` on.
    pub fn sql<DB: Dialect>(&self, first: usize, after: &str) -> String {
        let (rows, columns) = rows_and_columns::<DB>(&self.rows, first);
        fill(self.sql, |place| match place {
            "rows" => Some(Cow::Borrowed(&rows)),
            "columns" => Some(Cow::Borrowed(&columns)),
            "after" => Some(Cow::Borrowed(after)),
            _ => of_engine::<DB>(place),
        })
    }
}

/// Which state of a tenant's row was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version {
    pub number: i64,
    pub updated_at: Timestamp,
}

/// What came of the writes of one tenant.
#[derive(Debug)]
pub struct Written {
    /// How many rows were written.
    pub rows: u64,
    /// Whether the tenant was as it was known.
    pub current: bool,
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

/// Puts what there is for it in the place of each `{place}`, in one pass: a batch has a dozen
/// statements of some two thousand characters.
fn fill<'a>(sql: &str, value: impl Fn(&str) -> Option<Cow<'a, str>>) -> String {
    let mut filled = String::with_capacity(2 * sql.len());
    let mut rest = sql;
    while let Some((before, from)) = rest.split_once('{') {
        filled.push_str(before);
        let place = from.split_once('}');
        if let Some((value, after)) = place.and_then(|(name, after)| Some((value(name)?, after))) {
            filled.push_str(&value);
            rest = after;
        } else {
            filled.push('{');
            rest = from;
        }
    }
    filled.push_str(rest);
    filled
}

/// What the engine calls it that constants of SQL leave a place for.
fn of_engine<DB: Dialect>(place: &str) -> Option<Cow<'static, str>> {
    let name = match place {
        "for_update" => DB::FOR_UPDATE,
        "skip_locked" => DB::SKIP_LOCKED,
        "added_features" => return Some(added::<DB>("feature_usage").into()),
        "added_outcomes" => return Some(added::<DB>("outcomes").into()),
        "greatest" => DB::GREATEST,
        "least" => DB::LEAST,
        "day_bit" => DB::DAY_BIT,
        "event_position" => DB::EVENT_POSITION,
        "event_horizon" => DB::EVENT_HORIZON,
        "event_epoch" => DB::EVENT_EPOCH,
        _ => return None,
    };
    Some(Cow::Borrowed(name))
}

fn added<DB: Dialect>(column: &str) -> String {
    DB::ADDED_COUNTS.replace("{column}", column)
}

/// What `{rows}` and `{columns}` stand for.
fn rows_and_columns<DB: Dialect>(rows: &Rows<'_>, first: usize) -> (String, String) {
    let names: Vec<_> = rows.columns().map(|(name, _)| name).collect();
    (DB::rows_sql(rows, first), names.join(", "))
}

/// A statement and its parameters. The SQL is a constant in which the engine fills
/// `{rows}`, their `{columns}`, `{ids}`, `{for_update}`, `{skip_locked}` and `{day_bit}`.
pub struct Query<DB: Dialect> {
    pub(super) sql: String,
    args: Result<DB::Arguments, BoxDynError>,
}

impl<DB: Dialect> Query<DB> {
    pub fn new(sql: &str) -> Self {
        Self {
            sql: fill(sql, of_engine::<DB>),
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
        let predicate = DB::ids_sql(self.next_parameter());
        self.sql = self.sql.replace("{ids}", &predicate);
        self.with(|args| DB::bind_ids(args, ids.into_iter().collect()))
    }

    /// Binds what `{rows}` stands for; the last parameter.
    pub fn rows(mut self, rows: &Rows<'_>) -> Self {
        let (table, columns) = rows_and_columns::<DB>(rows, self.next_parameter());
        self.sql = self
            .sql
            .replace("{rows}", &table)
            .replace("{columns}", &columns);
        self.with(|args| DB::bind_rows(args, rows))
    }

    pub async fn fetch(self, conn: &mut DB::Connection) -> sqlx::Result<Vec<DB::Row>> {
        let mut rows = Vec::new();
        self.each(conn, |row| rows.push(row)).await?;
        Ok(rows)
    }

    /// Hands over each row as it comes, while the engine reads the next ones.
    pub async fn each(
        self,
        conn: &mut DB::Connection,
        each: impl FnMut(DB::Row) + Send,
    ) -> sqlx::Result<()> {
        let span = Span::statement(DB::NAME, &self.sql);
        let args = self.args.map_err(sqlx::Error::Encode)?;
        span.around(DB::fetch_each(conn, self.sql, args, each))
            .await
    }

    pub async fn execute(self, conn: &mut DB::Connection) -> sqlx::Result<u64> {
        let span = Span::statement(DB::NAME, &self.sql);
        let args = self.args.map_err(sqlx::Error::Encode)?;
        span.around(DB::execute(conn, self.sql, args)).await
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
