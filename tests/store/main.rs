//! The store's contract, sentence by sentence, on both engines.
//!
//! A case is a plain function that takes a [`fixture::Fixture`]; `on_both_engines!` at the top
//! of each file registers it. One that is not registered is dead code, and the compiler says so.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
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
                    super::$case(crate::fixture::Fixture::sqlite().await).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case(crate::fixture::Fixture::postgres().await).await;
                }
            )*
        }
    };
}

mod activities;
mod calendar;
mod clock;
mod cohorts;
mod concurrency;
mod deletion;
mod deletion_model;
mod ending;
mod events;
mod exporting;
mod fixture;
mod goal_model;
mod goals;
mod histories;
mod listing;
mod living;
mod model;
mod outcomes;
mod performance;
mod performance_model;
mod points;
mod practice;
mod property;
mod purging;
mod reading;
mod reference;
mod report;
mod reports;
mod row_security;
mod settings;
mod starting;
mod stored;
mod tenants;
mod usage;
mod values;
