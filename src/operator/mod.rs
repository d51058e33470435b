//! What operators do besides serving: one file a command.

pub mod demo;
mod progress;
