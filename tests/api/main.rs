//! The API as callers see it: every RPC of a real server on port 0, through the generated
//! clients.
//!
//! The main path is a plain function that takes a [`harness::Server`] and runs on both engines:
//! `on_both_engines!` at the top of a file registers it. The rest runs on SQLite.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

macro_rules! on_both_engines {
    ($($case:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(crate::harness::Server::sqlite().await).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(crate::harness::Server::postgres().await).await;
                }
            )*
        }
    };
}

mod admission;
mod auth;
mod ended;
mod ending;
mod export;
mod fuzz;
mod goals;
mod harness;
mod health;
mod input;
mod isolation;
mod limits;
mod lists;
mod performance;
mod performance_year;
mod practice;
mod privacy;
mod reports;
mod rest;
mod sessions;
mod settings;
mod stats_stream;
mod streams;
mod tenancy;
mod ui;
mod usage;
mod values;
mod watch;
mod wire;
