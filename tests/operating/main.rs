//! What operators do: the commands besides `serve`, a replica to read from, tables over several
//! machines, delivery of points, and watching it all.

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
mod backup;
mod check;
mod citus;
mod cluster;
mod commands;
mod courier;
mod demo;
mod metrics;
mod migrate;
mod points;
mod process;
mod receiver;
mod replica;
mod row_security;
mod shell;
mod stats;
mod traces;
