//! The rules, as pure Rust: no async, no SQL, no gRPC.
//!
//! Read [`session`] and [`calendar`] first: they say how long a stay was and whose day it
//! counts for. [`ledger`] is the part of a tenant's data that a batch of writes touches, and
//! each of [`commands`] decides on it what one write does.

pub mod activity;
pub mod calendar;
pub mod commands;
pub mod event;
pub mod fingerprint;
pub mod forgotten;
pub mod goal;
pub mod hundredths;
pub mod ids;
pub mod insights;
pub mod ledger;
pub mod period;
pub mod points;
pub mod rejection;
pub mod report;
pub mod session;
pub mod settings;
pub mod time;
pub mod usage;
pub mod user;
