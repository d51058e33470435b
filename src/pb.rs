//! The generated messages, servers and clients of `proto/dwell/v1/`.

#![expect(
    clippy::allow_attributes,
    clippy::pedantic,
    reason = "generated code, and comments that belong to the contract"
)]

pub mod json;

/// Package `dwell.v1`.
pub mod v1 {
    tonic::include_proto!("dwell.v1");
}

/// Package `google.api`: how HTTP calls a method.
pub mod api {
    tonic::include_proto!("google.api");
}

include!(concat!(env!("OUT_DIR"), "/rpc.rs"));

/// The encoded `FileDescriptorSet`, imports included, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/dwell_descriptor.bin"));
