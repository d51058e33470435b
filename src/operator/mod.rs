//! What operators do besides serving: one file a command.

pub mod backup;
pub mod completions;
pub mod demo;
pub mod man;
pub mod migrate;
mod progress;
pub mod stats;
