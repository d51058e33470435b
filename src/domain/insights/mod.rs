//! What a user's sessions add up to.
//!
//! Each figure is defined once. All of them share one definition of a practised day: a local
//! day, by the tenant's calendar of that time, on which a session started that was COMPLETED
//! ([`UsageCounters::is_practised`]). A session counts for the day of its start alone, however
//! long it went on.
//!
//! [`UsageCounters::is_practised`]: super::usage::UsageCounters::is_practised
