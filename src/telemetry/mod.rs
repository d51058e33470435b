//! What an operator sees of a running service: [`logs`] on standard error, [`traces`] for whoever
//! receives them, and over [`http`] the [`metrics`] and whether it serves.
//!
//! Whoever does the work counts it, in numbers of its own ([`count`]); what is told of them is
//! put together when it is asked for.

pub mod calls;
pub mod count;
pub mod http;
pub mod logs;
pub mod metrics;
mod process;
pub mod ready;
pub mod stored;
pub mod traces;

pub use logs::start;
