//! HTTP and JSON: every RPC that has a rule answers as by gRPC, and what is no such call is refused
//! as HTTP refuses.

pub mod call;
mod every;
mod forms;
mod streams;
mod web;
