//! What a user's sessions add up to.
//!
//! Each figure is defined once. All of them share one definition of a practised day: a local
//! day, by the tenant's calendar of that time, on which a session started that was COMPLETED
//! ([`UsageCounters::is_practised`]). A session counts for the day of its start alone, however
//! long it went on.
//!
//! - [`recent`]: what the sessions of some time said: scores, topics, words.
//! - [`tally`]: what sessions and activities add to a day; [`figures`] are the metrics of a
//!   period, made of it, and [`performance`] is what is asked of them.
//! - [`trend`], [`cohort`] and [`advice`] judge metrics: against an earlier period, against the
//!   tenant's other users, and in words. [`compare`] lays figures side by side.
//!
//! [`UsageCounters::is_practised`]: super::usage::UsageCounters::is_practised

pub mod advice;
pub mod cohort;
pub mod compare;
pub mod figures;
pub mod performance;
pub mod recent;
pub mod tally;
pub mod trend;
