//! How much is taken on: what a connection may do ([`connection`]), how long a call may take
//! ([`deadline`]), which calls are let in ([`layer`], which asks [`admission`]), what is heard of
//! others ([`hearing`]) and how many names a tenant may use ([`names`]).

pub mod admission;
pub mod connection;
pub mod deadline;
pub mod hearing;
pub mod layer;
pub mod names;

use crate::pb::Rpc;

/// Whether what is at this path answers one message with one. What is not ours may be a stream.
fn is_unary(path: &str) -> bool {
    Rpc::at(path).is_some_and(|rpc| !rpc.is_stream())
}
