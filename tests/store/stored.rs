//! The database as it is, past the service: every row of every table that the schema has.

use std::collections::BTreeMap;

use dwell::domain::ids::{TenantId, UserId};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use uuid::Uuid;

use crate::fixture::Fixture;

/// A row of any table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct StoredRow {
    pub table: String,
    pub tenant: Option<Uuid>,
    /// Whose it is, if it is a user's.
    pub user: Option<Uuid>,
    /// All columns.
    pub text: String,
}

impl StoredRow {
    pub fn is_of(&self, tenant: TenantId, user: UserId) -> bool {
        self.tenant == Some(tenant.uuid()) && self.user == Some(user.0)
    }
}

const SQLITE_COLUMNS: &str = "
    SELECT t.name || '.' || c.name FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
const POSTGRES_COLUMNS: &str = "
    SELECT table_name || '.' || column_name FROM information_schema.columns
    WHERE table_schema = current_schema()";

impl Fixture {
    /// Every row that there is, in order, but for the marks that writers leave of their commits.
    pub async fn stored(&self) -> Vec<StoredRow> {
        let columns = if self.is_sqlite() {
            SQLITE_COLUMNS
        } else {
            POSTGRES_COLUMNS
        };
        let mut tables = BTreeMap::<String, Vec<String>>::new();
        for column in self.texts(columns).await {
            let (table, column) = column.split_once('.').unwrap();
            let columns = tables.entry(table.to_owned()).or_default();
            columns.push(column.to_owned());
        }
        tables.remove("write_marks");
        let mut rows = Vec::new();
        for (table, columns) in tables {
            for text in self.texts(&self.select(&table, &columns)).await {
                let mut parts = text.splitn(3, '|');
                let mut id = || Uuid::try_parse(parts.next().unwrap()).ok();
                let (tenant, user) = (id(), id());
                rows.push(StoredRow {
                    table: table.clone(),
                    tenant,
                    user,
                    text: parts.next().unwrap().to_owned(),
                });
            }
        }
        rows.sort();
        rows
    }

    /// What is stored of a user.
    pub async fn stored_of(&self, user: UserId) -> Vec<StoredRow> {
        let mut rows = self.stored().await;
        rows.retain(|row| row.is_of(self.tenant, user));
        rows
    }

    fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// `TENANT|USER|ROW` of each row of a table.
    fn select(&self, table: &str, columns: &[String]) -> String {
        let owner = if table == "users" { "id" } else { "user_id" };
        let id = |name: &str| match columns.iter().any(|column| column == name) {
            false => "''".to_owned(),
            true if self.is_sqlite() => format!("lower(hex({name}))"),
            true => format!("CAST({name} AS text)"),
        };
        let row = if self.is_sqlite() {
            let quoted: Vec<_> = columns
                .iter()
                .map(|name| format!("quote({name})"))
                .collect();
            quoted.join(" || ',' || ")
        } else {
            "CAST(t AS text)".to_owned()
        };
        let (tenant, user) = (id("tenant_id"), id(owner));
        format!("SELECT {tenant} || '|' || {user} || '|' || {row} FROM {table} AS t")
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let mut conn = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap()
        } else {
            let mut conn = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap()
        }
    }
}
