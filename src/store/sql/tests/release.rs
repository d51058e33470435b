//! The release before this one works on this schema: while a new one is rolled out both serve,
//! and the first instance of it has migrated.
//!
//! `tests/release/` has what the release before says to each engine, and what its schema asks of
//! a row. `scripts/record-release` writes it anew when a release is made.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Executor, Postgres, SqlSafeStr, Sqlite, Statement};
use tempfile::TempDir;

use super::{SELECT_SCHEMA_VERSION, pg, texts, write};
use crate::store::{
    postgres,
    sql::{
        dialect::{Dialect, Query, get},
        pools::{Pools, Tx},
    },
    sqlite,
};

/// Set, by `scripts/record-release`, to write what is there instead of reading it.
const RECORD: &str = "DWELL_RECORD_RELEASE";

const POSTGRES_COLUMNS: &str = "
    SELECT c.relname::text AS in_table, a.attname::text AS name,
        format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
        a.atthasdef OR a.attidentity <> '' AS filled
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
        AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY in_table, name";
const SQLITE_COLUMNS: &str = "
    SELECT t.name AS in_table, c.name AS name, c.type AS type, NOT c.\"notnull\" AS nullable,
        c.dflt_value IS NOT NULL OR c.hidden > 1 AS filled
    FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
    ORDER BY in_table, c.name";

/// What may refuse a row, or do something else with it.
const POSTGRES_RULES: &str = "
    SELECT conrelid::regclass::text AS in_table, pg_get_constraintdef(oid) AS rule
    FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT indrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class c ON c.oid = indrelid
    WHERE indisunique AND c.relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT tgrelid::regclass::text, pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
    WHERE NOT tgisinternal AND c.relnamespace = current_schema()::regnamespace
    ORDER BY in_table, rule";
/// Without checks, which are PostgreSQL's too: the tables are the same for both engines.
const SQLITE_RULES: &str = "
    SELECT tbl_name AS in_table, sql AS rule FROM sqlite_schema
    WHERE type = 'trigger' OR (type = 'index' AND sql LIKE 'CREATE UNIQUE%')
    UNION ALL
    SELECT t.name, f.\"from\" || ' of ' || f.\"table\"
    FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'
    ORDER BY in_table, rule";

/// What a release says to an engine, and the schema that it knows.
#[derive(Serialize, Deserialize)]
struct Release {
    /// Its latest migration.
    migration: i64,
    statements: Vec<String>,
    columns: Vec<Column>,
    rules: Vec<Rule>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Column {
    table: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    nullable: bool,
    /// It has a value where none is given.
    filled: bool,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
struct Rule {
    table: String,
    rule: String,
}

impl Release {
    /// This one.
    async fn of<DB: Dialect>(
        conn: &mut DB::Connection,
        [columns, rules]: [&'static str; 2],
    ) -> Self {
        let rows = Query::<DB>::new(SELECT_SCHEMA_VERSION).fetch(conn).await;
        let migration = get::<DB, _>(rows.unwrap().first().unwrap(), "version").unwrap();
        let rows = Query::<DB>::new(columns).fetch(conn).await.unwrap();
        let columns = rows.iter().map(|row| Column {
            table: get::<DB, _>(row, "in_table").unwrap(),
            name: get::<DB, _>(row, "name").unwrap(),
            kind: get::<DB, _>(row, "type").unwrap(),
            nullable: get::<DB, _>(row, "nullable").unwrap(),
            filled: get::<DB, _>(row, "filled").unwrap(),
        });
        let columns = columns.collect();
        let rows = Query::<DB>::new(rules).fetch(conn).await.unwrap();
        let rules = rows.iter().map(|row| Rule {
            table: get::<DB, _>(row, "in_table").unwrap(),
            rule: get::<DB, _>(row, "rule").unwrap(),
        });
        Self {
            migration,
            statements: texts::<DB>(),
            columns,
            rules: rules.collect(),
        }
    }

    /// The one before, as it is kept. `None` where this one was recorded in its place.
    fn before(engine: &str, this: &Self) -> Option<Self> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let path = path.join("tests/release").join(format!("{engine}.json"));
        if env::var_os(RECORD).is_some() {
            let text = serde_json::to_string_pretty(this).unwrap() + "\n";
            fs::write(path, text).unwrap();
            return None;
        }
        let kept = fs::read_to_string(path).unwrap();
        Some(serde_json::from_str(&kept).unwrap())
    }

    /// In which ways rows that the release before writes and reads are not what this schema has.
    fn broken_by(&self, this: &Self) -> Vec<String> {
        let find = |columns: &[Column], column: &Column| {
            let same = |one: &&Column| one.table == column.table && one.name == column.name;
            columns.iter().find(same).cloned()
        };
        let mut broken = Vec::new();
        for column in &self.columns {
            let name = format!("{}.{}", column.table, column.name);
            let Some(now) = find(&this.columns, column) else {
                broken.push(format!("{name} is gone"));
                continue;
            };
            if now.kind != column.kind {
                broken.push(format!("{name} is {} and was {}", now.kind, column.kind));
            }
            if column.nullable && !now.nullable {
                broken.push(format!("{name} may not be NULL any more"));
            }
            if column.filled && !now.filled {
                broken.push(format!("{name} has no default any more"));
            }
        }
        let tables: BTreeSet<_> = self.columns.iter().map(|column| &column.table).collect();
        for column in &this.columns {
            let is_new = find(&self.columns, column).is_none();
            if is_new && tables.contains(&column.table) && !column.nullable && !column.filled {
                broken.push(format!("{}.{} is asked for", column.table, column.name));
            }
        }
        let new = this.rules.iter().filter(|rule| !self.rules.contains(rule));
        let new = new.filter(|rule| tables.contains(&rule.table));
        broken.extend(new.map(|rule| format!("{}: {} is asked for", rule.table, rule.rule)));
        broken
    }
}

/// Prepares each statement and returns how many parameters it has.
async fn prepare<DB: Dialect>(conn: &mut DB::Connection, sql: &str) -> usize
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let prepared = conn.prepare(AssertSqlSafe(sql.to_owned()).into_sql_str());
    let prepared = prepared.await;
    assert!(prepared.is_ok(), "{sql}\n{:?}", prepared.err());
    let parameters = prepared.unwrap().parameters().map(|some| match some {
        sqlx::Either::Left(types) => types.len(),
        sqlx::Either::Right(count) => count,
    });
    parameters.unwrap_or(0)
}

/// Plans it as whoever serves, which finds out whether they may.
async fn plan(tx: &mut Tx<Postgres>, sql: &str, parameters: usize) {
    // What is no tenant's is asked for as whoever logs in.
    let own = sql.contains("service_keys") || sql.contains("_sqlx_migrations");
    let role = if own { "NONE" } else { "dwell_tenant" };
    let nulls = vec!["NULL"; parameters].join(", ");
    let call = if nulls.is_empty() {
        nulls
    } else {
        format!("({nulls})")
    };
    let all = format!(
        "SET LOCAL ROLE {role}; PREPARE before AS {sql}; EXPLAIN EXECUTE before{call};
        DEALLOCATE before"
    );
    let planned = tx.execute(AssertSqlSafe(all)).await;
    assert!(planned.is_ok(), "{sql}\n{:?}", planned.err());
}

async fn open_sqlite() -> (TempDir, Pools<Sqlite>) {
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite://{}", dir.path().join("db").display());
    let pools = sqlite::open(&url, true).await.unwrap();
    (dir, pools)
}

#[tokio::test]
async fn the_release_before_works_on_this_schema_on_sqlite() {
    let (_dir, pools) = open_sqlite().await;
    let mut tx = write(&pools).await;
    let this = Release::of::<Sqlite>(&mut tx, [SQLITE_COLUMNS, SQLITE_RULES]).await;
    let Some(before) = Release::before("sqlite", &this) else {
        return;
    };
    assert!(before.migration <= this.migration);
    let none: [String; 0] = [];
    assert_eq!(before.broken_by(&this), none);
    for sql in &before.statements {
        prepare::<Sqlite>(&mut tx, sql).await;
    }
}

#[tokio::test]
async fn the_release_before_works_on_this_schema_on_postgres() {
    let url = pg::database().await;
    let pools = postgres::open(&url, None, true).await.unwrap();
    let mut tx = write(&pools).await;
    // The tables are the login's own to look at.
    tx.execute("SET LOCAL ROLE NONE").await.unwrap();
    let this = Release::of::<Postgres>(&mut tx, [POSTGRES_COLUMNS, POSTGRES_RULES]).await;
    let Some(before) = Release::before("postgres", &this) else {
        return;
    };
    assert!(before.migration <= this.migration);
    let none: [String; 0] = [];
    assert_eq!(before.broken_by(&this), none);
    for sql in &before.statements {
        let parameters = prepare::<Postgres>(&mut tx, sql).await;
        plan(&mut tx, sql, parameters).await;
    }
}

/// The schema after a change.
async fn changed(sql: &'static str) -> Vec<String> {
    let (_dir, pools) = open_sqlite().await;
    let mut tx = write(&pools).await;
    let schema = [SQLITE_COLUMNS, SQLITE_RULES];
    let before = Release::of::<Sqlite>(&mut tx, schema).await;
    tx.execute(sql).await.unwrap();
    before.broken_by(&Release::of::<Sqlite>(&mut tx, schema).await)
}

#[tokio::test]
async fn a_change_that_only_adds_breaks_nothing() {
    let adds = "
        ALTER TABLE users ADD COLUMN nickname TEXT;
        ALTER TABLE users ADD COLUMN visits INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE a_new_one (id INTEGER NOT NULL UNIQUE);
        CREATE INDEX ix_users_nickname ON users (nickname)";
    let none: [String; 0] = [];
    assert_eq!(changed(adds).await, none);
}

#[tokio::test]
async fn a_change_that_takes_away_or_asks_for_more_is_found() {
    for (change, found) in [
        (
            "ALTER TABLE user_sessions DROP COLUMN location",
            "user_sessions.location is gone",
        ),
        (
            "ALTER TABLE user_sessions RENAME COLUMN mood_rating TO mood",
            "user_sessions.mood_rating is gone",
        ),
        (
            "CREATE UNIQUE INDEX uq_users_first_date ON users (first_date)",
            "users: CREATE UNIQUE INDEX uq_users_first_date ON users (first_date) is asked for",
        ),
    ] {
        assert_eq!(changed(change).await, [found], "{change}");
    }
}
