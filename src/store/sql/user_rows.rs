//! What is done with all rows of a user: counted, told, deleted.

use std::{borrow::Cow, fmt::Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{NaiveDate, SecondsFormat};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::types::Json;

use super::{
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Cells, Kind, Rows},
    user_tables::{Column, USER_TABLES, UserTable},
};
use crate::domain::{
    forgotten::UserRows,
    ids::{TenantId, UserId},
    time::Timestamp,
};

/// Up to $3 rows.
pub const COUNT_ROWS: &str = "
    SELECT COUNT(*) AS found FROM (
        SELECT 1 FROM {table} WHERE tenant_id = $1 AND {owner} = $2 LIMIT $3) AS first";

/// The first rows by key, up to and with the one that has $3 before it: a range of an index.
pub const DELETE_ROWS: &str = "
    DELETE FROM {table}
    WHERE tenant_id = $1 AND {owner} = $2 AND ({key}) <= (
        SELECT {key} FROM {table} WHERE tenant_id = $1 AND {owner} = $2
        ORDER BY {key} LIMIT 1 OFFSET $3)";

/// $3 rows by key, after that of the row before, if there is one.
pub const SELECT_ROWS: &str = "
    SELECT {key_and_columns} FROM {table}
    WHERE tenant_id = $1 AND {owner} = $2 {after}
    ORDER BY {key} LIMIT $3";
pub const AFTER_KEY: &str = "AND ({key}) > (SELECT {key} FROM {rows} AS r)";

/// A row of the export.
#[derive(Serialize)]
struct Line<'a> {
    table: &'a str,
    row: Box<RawValue>,
}

impl UserTable {
    /// How many rows the user has, up to `limit`.
    pub async fn count<DB: Dialect>(
        &self,
        conn: &mut DB::Connection,
        tenant: TenantId,
        user: UserId,
        limit: i64,
    ) -> Result<i64, Fault> {
        let query = Query::<DB>::new(&self.sql(COUNT_ROWS));
        let query = query.bind(tenant.uuid()).bind(user.0).bind(limit);
        let rows = query.fetch(conn).await?;
        let found = rows.first().map(|row| get::<DB, _>(row, "found"));
        Ok(found.transpose()?.unwrap_or(0))
    }

    /// The user's rows by key, after the given one, as lines of JSON, and the last one's key.
    pub async fn lines<DB: Dialect>(
        &self,
        conn: &mut DB::Connection,
        tenant: TenantId,
        user: UserId,
        after: Option<&Rows<'static>>,
        limit: i64,
    ) -> Result<(Vec<String>, Option<Rows<'static>>), Fault> {
        let bound = after.map_or("", |_| AFTER_KEY);
        let sql = self.sql(&SELECT_ROWS.replace("{after}", bound));
        let query = Query::<DB>::new(&sql);
        let mut query = query.bind(tenant.uuid()).bind(user.0).bind(limit);
        if let Some(key) = after {
            query = query.rows(key);
        }
        let rows = query.fetch(conn).await?;
        let lines: Result<_, Fault> = rows.iter().map(|row| self.line::<DB>(row)).collect();
        let last = rows.last().map(|row| self.key_of::<DB>(row));
        Ok((lines?, last.transpose()?))
    }

    /// `{"table": ..., "row": {...}}`, ended by a new line. The columns keep their order.
    fn line<DB: Dialect>(&self, row: &DB::Row) -> Result<String, Fault> {
        let mut object = String::from("{");
        for (index, column) in self.told_columns().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let value = self.json::<DB>(row, *column)?;
            write!(object, "{comma}\"{}\":{value}", column.0)
                .map_err(|_| self.corrupt(column.0))?;
        }
        object.push('}');
        let corrupt = |_| self.corrupt(self.name);
        let line = Line {
            table: self.name,
            row: RawValue::from_string(object).map_err(corrupt)?,
        };
        Ok(serde_json::to_string(&line).map_err(corrupt)? + "\n")
    }

    /// A cell: instants as RFC 3339, ids and dates as text, JSON as it is, bytes as base64.
    fn json<DB: Dialect>(&self, row: &DB::Row, (name, kind): Column) -> Result<String, Fault> {
        let json = match kind {
            Kind::Uuid => to_json(&get::<DB, Option<uuid::Uuid>>(row, name)?),
            Kind::Small => to_json(&get::<DB, Option<i16>>(row, name)?),
            Kind::Int => to_json(&get::<DB, Option<i64>>(row, name)?),
            Kind::Float => to_json(&get::<DB, Option<f64>>(row, name)?),
            Kind::Bool => to_json(&get::<DB, Option<bool>>(row, name)?),
            Kind::Text => to_json(&get::<DB, Option<String>>(row, name)?),
            Kind::Json => {
                let value: Option<Json<Box<RawValue>>> = get::<DB, _>(row, name)?;
                to_json(&value.map(|Json(value)| value))
            }
            Kind::Time => {
                let time: Option<Timestamp> = get::<DB, _>(row, name)?;
                to_json(
                    &time.map(|time| time.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)),
                )
            }
            Kind::Date => to_json(&get::<DB, Option<NaiveDate>>(row, name)?),
            Kind::Bytes => {
                let bytes: Option<Vec<u8>> = get::<DB, _>(row, name)?;
                to_json(&bytes.map(|bytes| BASE64_STANDARD.encode(bytes)))
            }
        };
        json.map_err(|_| self.corrupt(name))
    }

    /// The key of a row, for going on after it.
    fn key_of<DB: Dialect>(&self, row: &DB::Row) -> Result<Rows<'static>, Fault> {
        let mut key = Rows::default();
        for (name, kind) in self.key {
            let cells = match kind {
                Kind::Uuid => Cells::Uuid(vec![get::<DB, _>(row, name)?]),
                Kind::Small => Cells::Small(vec![get::<DB, _>(row, name)?]),
                Kind::Text => {
                    let text: Option<String> = get::<DB, _>(row, name)?;
                    Cells::Text(vec![text.map(Cow::Owned)])
                }
                Kind::Time => Cells::Time(vec![get::<DB, _>(row, name)?]),
                Kind::Date => Cells::Date(vec![get::<DB, _>(row, name)?]),
                Kind::Int => Cells::Int(vec![get::<DB, _>(row, name)?]),
                Kind::Float | Kind::Bool | Kind::Json | Kind::Bytes => {
                    return Err(self.corrupt(name));
                }
            };
            key.push(name, cells);
        }
        Ok(key)
    }
}

fn to_json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value)
}

/// The rows of a user that go next: up to `limit` of the first table that has some.
pub async fn next<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    limit: i64,
) -> Result<Option<UserRows>, Fault> {
    for table in USER_TABLES {
        let rows = table.count::<DB>(conn, tenant, user, limit).await?;
        if rows > 0 {
            let table = table.name;
            return Ok(Some(UserRows { table, rows }));
        }
    }
    Ok(None)
}

/// Deletes what [`next`] found, if it is there still.
pub async fn delete<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    next: UserRows,
) -> Result<(), Fault> {
    let named = USER_TABLES.iter().find(|table| table.name == next.table);
    let table = named.ok_or(Fault::Contention)?;
    let query = Query::<DB>::new(&table.sql(DELETE_ROWS));
    let query = query.bind(tenant.uuid()).bind(user.0).bind(next.rows - 1);
    if i64::try_from(query.execute(conn).await?) != Ok(next.rows) {
        return Err(Fault::Contention);
    }
    Ok(())
}
