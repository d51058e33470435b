//! dwell keeps the sessions of the users of many tenants, and what they add up to.
//!
//! A tour of the house, from the door inwards:
//!
//! - [`config`] and [`telemetry`]: what an operator sets and sees.
//! - [`server`]: wiring only, and an orderly end.
//! - [`auth`] and [`tls`]: who is calling, and over what.
//! - [`grpc`]: the API. A gate lets callers in; each RPC decodes, calls, encodes.
//! - [`rest`]: the same API by HTTP and JSON, in front of the gate.
//! - [`ui`]: pages to look at, which are a caller of the API like any other.
//! - [`store`]: what is kept. Reads are methods of [`store::Store`]; every write goes through
//!   [`store::writer`], which makes one transaction of what many callers ask.
//! - [`domain`]: the rules, pure. A write is a [`domain::ledger::Command`] that decides on the
//!   part of the ledger that it touches.
//! - [`jobs`]: what happens by itself.
//! - [`operator`]: what operators run besides the server.
//!
//! A write goes `grpc` → `store::writer` → `store::sql`, which asks `domain` to decide. A read
//! goes `grpc` → `store::sql`, and `domain` computes. Nothing else calls sideways.

pub mod auth;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod jobs;
pub mod operator;
pub mod pb;
pub mod rest;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod ui;
