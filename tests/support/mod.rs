//! What tests share: a database for each of them, and time and ids that they decide.

pub mod ids;
pub mod postgres;
