//! Between the messages of the contract and the values of the domain.
//!
//! Decoding checks every field and tells all that is wrong at once.

mod check;
mod encode;
mod goal;
mod goal_request;
mod json;
mod performance;
mod practice;
mod report;
mod session;
mod settings;
mod usage;

pub use self::{
    check::{Check, page_size},
    encode::*,
    goal::*,
    goal_request::*,
    performance::*,
    practice::*,
    report::*,
    session::*,
    settings::*,
    usage::*,
};
