//! What operators do: a replica to read from, `dwell check`, tables over several machines,
//! delivery of points, and watching it all.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod auth;
mod check;
mod citus;
mod cluster;
mod courier;
mod metrics;
mod points;
mod process;
mod receiver;
mod replica;
mod row_security;
mod traces;
