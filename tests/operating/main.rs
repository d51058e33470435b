//! What operators do: a replica to read from, `dwell check`, and tables over several machines.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod check;
mod citus;
mod cluster;
mod replica;
mod row_security;
