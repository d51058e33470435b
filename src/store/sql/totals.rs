//! Counts over all tenants.

use async_trait::async_trait;

use super::{
    SqlStore,
    dialect::{Dialect, Query, Reader, get},
    fault::Fault,
};
use crate::store::{
    Error,
    totals::{PoolUse, Totals, TotalsStore},
};

pub const COUNT_OPEN_SESSIONS: &str =
    "SELECT COUNT(*) AS number FROM user_sessions WHERE state < 3";

pub const COUNT_PENDING_AWARDS: &str =
    "SELECT COUNT(*) AS number FROM points_outbox WHERE set_aside_at IS NULL";

async fn number<DB: Dialect>(conn: &mut DB::Connection, sql: &str) -> Result<i64, Fault> {
    let rows = Query::<DB>::new(sql).fetch(conn).await?;
    let number = rows.first().map(|row| get::<DB, _>(row, "number"));
    Ok(number.transpose()?.unwrap_or(0))
}

#[async_trait]
impl<DB: Dialect> TotalsStore for SqlStore<DB> {
    async fn count_rows(&self) -> Result<Totals, Error> {
        self.read_as(Reader::Jobs, async move |mut tx| {
            Ok(Totals {
                open_sessions: number::<DB>(&mut tx, COUNT_OPEN_SESSIONS).await?,
                pending_points: number::<DB>(&mut tx, COUNT_PENDING_AWARDS).await?,
            })
        })
        .await
    }

    fn pools(&self) -> Vec<PoolUse> {
        self.pools.uses()
    }
}
