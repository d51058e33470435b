//! The one SQL implementation, for every engine that speaks [`dialect::Dialect`].

mod activities;
mod apply;
mod codes;
mod days;
pub mod dialect;
mod fault;
pub mod listing;
mod read;
mod requests;
pub mod rows;
mod sessions;
mod tenants;
#[cfg(test)]
mod tests;
mod users;

use std::sync::Arc;

use sqlx::Pool;

use self::dialect::Dialect;
use crate::domain::{ids::IdSource, time::Clock};

/// Connections for the writer's lanes, and for everyone who reads.
pub struct Pools<DB: Dialect> {
    pub write: Pool<DB>,
    pub read: Pool<DB>,
}

/// The store on one database. A clone is another handle to it.
pub struct SqlStore<DB: Dialect> {
    pools: Arc<Pools<DB>>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl<DB: Dialect> SqlStore<DB> {
    pub fn new(pools: Pools<DB>, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self {
            pools: Arc::new(pools),
            clock,
            ids,
        }
    }
}

impl<DB: Dialect> Clone for SqlStore<DB> {
    fn clone(&self) -> Self {
        Self {
            pools: self.pools.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
        }
    }
}
