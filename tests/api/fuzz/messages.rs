//! Requests of every method, made by their descriptors: fields of the right type with values at
//! the edges, and now and then bytes that are no message.

use std::{collections::BTreeMap, time::Duration};

use dwell::pb::{FILE_DESCRIPTOR_SET, v1 as pb};
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint},
};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use tonic::Code;

use super::{Entropy, World};
use crate::{
    support::ids::tenant,
    values::{OTHER_USER, SESSION, USER},
    wire::{self, SERVICES},
};

/// How deep messages are in one another.
const DEPTH: usize = 12;
/// What a right service answers, whatever it is asked.
const FINE: [Code; 7] = [
    Code::Ok,
    Code::InvalidArgument,
    Code::NotFound,
    Code::AlreadyExists,
    Code::FailedPrecondition,
    Code::ResourceExhausted,
    Code::Unimplemented,
];
const TEXTS: [&str; 24] = [
    "",
    USER,
    OTHER_USER,
    SESSION,
    "00000000-0000-0000-0000-000000000000",
    "0190A000-0000-7000-8000-00000000000A",
    "0190a00000007000800000000000000a",
    "web",
    "testing",
    "flashcards",
    "2026-03-02",
    "2026-02-30",
    "1999-12-31",
    "2100-01-01",
    "+262142-12-31",
    "Europe/Berlin",
    "time_zone",
    "*",
    "203.0.113.7",
    "fe80::1%eth0",
    "a\0b",
    "\u{202e}\u{10ffff}\r\n",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "'; DROP TABLE users; --",
];
const NUMBERS: [i64; 12] = [
    0,
    1,
    -1,
    5,
    100,
    86_400,
    1_772_442_000,
    4_133_980_800,
    i64::MAX,
    i64::MIN,
    2_147_483_647,
    -2_147_483_648,
];
const FLOATS: [f64; 10] = [
    0.0,
    -0.0,
    0.5,
    1.0,
    100.0,
    100.000_000_1,
    -1e-300,
    1e308,
    f64::NAN,
    f64::INFINITY,
];

pub struct Contract {
    messages: BTreeMap<String, DescriptorProto>,
    /// Paths and the names of their requests.
    methods: Vec<(String, String)>,
}

pub fn prepare(world: &World) -> Contract {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut contract = Contract {
        messages: BTreeMap::new(),
        methods: Vec::new(),
    };
    for file in set.file {
        let package = file.package().to_owned();
        for message in file.message_type {
            contract.add(&format!(".{package}"), message);
        }
        for service in &file.service {
            let name = format!("{package}.{}", service.name());
            if SERVICES.contains(&&*name) {
                contract.methods.extend(service.method.iter().map(|method| {
                    let path = format!("/{name}/{}", method.name());
                    (path, method.input_type().to_owned())
                }));
            }
        }
    }
    let start = pb::StartSessionRequest {
        user_id: USER.to_owned(),
        session_id: SESSION.to_owned(),
        ..Default::default()
    };
    let mut caller = world.server.tenant(1);
    world.runtime.block_on(caller.start(start));
    contract
}

impl Contract {
    fn add(&mut self, scope: &str, mut message: DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for inner in std::mem::take(&mut message.nested_type) {
            self.add(&name, inner);
        }
        self.messages.insert(name, message);
    }

    fn message(&self, name: &str, depth: usize, entropy: &mut Entropy<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in &self.messages[name].field {
            let repeated = field.label() == Label::Repeated;
            let names_it = field.name().ends_with("user_id") || field.name() == "session_id";
            let times = match (repeated, entropy.below(8)) {
                // Without these there is nothing to go on with.
                (false, 1..) if names_it => 1,
                (_, 0..4) => 0,
                (true, 7) => entropy.below(130),
                (true, most) => most - 3,
                (false, _) => 1,
            };
            for _ in 0..times {
                self.field(field, depth, entropy, &mut bytes);
            }
        }
        bytes
    }

    fn field(
        &self,
        field: &FieldDescriptorProto,
        depth: usize,
        entropy: &mut Entropy<'_>,
        bytes: &mut Vec<u8>,
    ) {
        let number = u32::try_from(field.number()).unwrap();
        let delimited = match field.r#type() {
            Type::Double => {
                encode_key(number, WireType::SixtyFourBit, bytes);
                bytes.extend(entropy.pick(&FLOATS).to_le_bytes());
                return;
            }
            Type::String => text(field.name(), entropy),
            Type::Message if depth == 0 => Vec::new(),
            Type::Message => self.message(field.type_name(), depth - 1, entropy),
            Type::Bytes => entropy.bytes(4),
            _ => {
                encode_key(number, WireType::Varint, bytes);
                encode_varint(entropy.pick(&NUMBERS).cast_unsigned(), bytes);
                return;
            }
        };
        encode_key(number, WireType::LengthDelimited, bytes);
        encode_varint(u64::try_from(delimited.len()).unwrap(), bytes);
        bytes.extend(delimited);
    }
}

/// Mostly what such a field holds.
fn text(name: &str, entropy: &mut Entropy<'_>) -> Vec<u8> {
    match (name, entropy.below(12)) {
        ("user_id", 3..) => return USER.as_bytes().to_vec(),
        ("session_id", 3..) => return SESSION.as_bytes().to_vec(),
        ("activity_type" | "type", 3..) => return b"testing".to_vec(),
        (name, 3..) if name.ends_with("date") => return b"2026-03-02".to_vec(),
        _ => {}
    }
    match entropy.below(12) {
        0 => entropy.bytes(6),
        1 => "é".repeat(16 * entropy.below(256)).into_bytes(),
        2 => format!("name_{}", entropy.byte()).into_bytes(),
        _ => entropy.pick(&TEXTS).as_bytes().to_vec(),
    }
}

/// Sends one or a few messages to a method.
pub fn target(world: &World, contract: &Contract, entropy: &mut Entropy<'_>) {
    let (path, request) = entropy.pick(&contract.methods);
    let messages = (0..=entropy.below(3)).map(|_| {
        let mut bytes = contract.message(request, DEPTH, entropy);
        if entropy.below(16) == 1 {
            bytes.truncate(entropy.below(256));
            bytes.extend(entropy.bytes(3));
        }
        bytes
    });
    let messages: Vec<_> = messages.collect();
    world.server.pass(Duration::from_millis(10));
    let tenant = tenant(1).to_string();
    let tenants = [&*tenant];
    let channel = &world.server.channel;
    let answer = wire::call(channel, path, &tenants, messages.clone());
    if let Err(status) = world.runtime.block_on(answer) {
        let code = status.code();
        assert!(FINE.contains(&code), "{path} {status:?} {messages:02x?}");
    }
}
