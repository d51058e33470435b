//! Nothing gets lost: the program as it is run, tried to be broken, and recounted afterwards from
//! a ledger that its callers keep. `RELIABILITY.md` says what is promised and what came out.
//!
//! The short form runs with the other tests, the long form by `scripts/faults`; `scripts/mutants`
//! shows that both would find what they look for.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it tried"
)]

mod disk;
mod dwell;
mod engine;
mod instances;
mod kills;
mod ledger;
mod load;
mod network;
mod postmaster;
mod proxy;
mod recount;
mod send;
#[path = "../support/server.rs"]
mod server;
mod storm;
mod syncs;
mod terms;
mod trial;
