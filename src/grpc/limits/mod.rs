//! How much is taken on: what a connection may do ([`connection`]), how long a call may take
//! ([`deadline`]), which calls are let in ([`layer`], which asks [`admission`]), what is heard of
//! others ([`hearing`]) and how many names a tenant may use ([`names`]).

pub mod admission;
pub mod connection;
pub mod deadline;
pub mod hearing;
pub mod layer;
pub mod names;

use std::collections::HashSet;

use prost::Message;
use prost_types::FileDescriptorSet;

use crate::pb::FILE_DESCRIPTOR_SET;

/// The paths of our methods that answer one message with one. Any other may be a stream.
///
/// # Errors
/// If the descriptors that are built in are not whole.
pub fn unary_methods() -> Result<HashSet<String>, prost::DecodeError> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET)?;
    let services = set.file.iter().flat_map(|file| {
        let services = file.service.iter();
        services.map(|service| (format!("/{}.{}", file.package(), service.name()), service))
    });
    let methods = services.flat_map(|(path, service)| {
        let unary = |method: &&prost_types::MethodDescriptorProto| {
            !method.client_streaming() && !method.server_streaming()
        };
        let methods = service.method.iter().filter(unary);
        methods.map(move |method| format!("{path}/{}", method.name()))
    });
    Ok(methods.collect())
}
