//! Clients that mean harm, against the program as it is run: it stays small, and others are served.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "../support/hostile/mod.rs"]
mod hostile;
mod log;
mod memory;
mod process;
