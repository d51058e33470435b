//! Compiles `proto/` without a system protoc, keeps the descriptor set for reflection, and describes
//! the API by HTTP and JSON.

#[path = "build/openapi.rs"]
mod openapi;
#[path = "build/schemas.rs"]
mod schemas;

use std::{collections::BTreeSet, env, error::Error, fmt::Write, fs, path::PathBuf};

use protox::prost_reflect::{EnumDescriptor, Kind, MessageDescriptor};
use tonic_prost_build::{Builder, FileDescriptorSet};

/// Messages that are written to files as proto JSON, with all messages and enumerations in them.
const JSON: [&str; 1] = ["Session"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");
    let mut files = fs::read_dir("proto/dwell/v1")?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    files.sort();

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(&files)?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out.join("dwell_descriptor.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    let contract = compiler.descriptor_pool();
    let described = openapi::document(&contract, &env::var("CARGO_PKG_VERSION")?)?;
    fs::write(out.join("openapi.json"), described.to_string())?;
    let mut builder = tonic_prost_build::configure()
        .build_client(true)
        .btree_map(".");
    let mut done = BTreeSet::new();
    for name in JSON {
        let message = contract.get_message_by_name(&format!("dwell.v1.{name}"));
        let message = message.ok_or_else(|| format!("no message {name}"))?;
        builder = with_json(builder, &message, &mut done)?;
    }
    let descriptors = compiler.file_descriptor_set();
    fs::write(out.join("rpc.rs"), rpcs(&descriptors)?)?;
    builder.compile_fds(descriptors)?;
    Ok(())
}

/// Has a message serialize as proto JSON does: the fields that are set, by their JSON names.
fn with_json(
    mut builder: Builder,
    message: &MessageDescriptor,
    done: &mut BTreeSet<String>,
) -> Result<Builder, Box<dyn Error>> {
    let path = format!(".{}", message.full_name());
    if !done.insert(path.clone()) {
        return Ok(builder);
    }
    builder = builder.message_attribute(&path, "#[derive(serde::Serialize)]");
    for field in message.fields() {
        let mut how = format!(
            "rename = \"{}\", skip_serializing_if = \"crate::pb::json::is_unset\"",
            field.json_name()
        );
        let is_one = !field.is_list() && !field.supports_presence();
        let with = match field.kind() {
            Kind::String | Kind::Bool | Kind::Int32 | Kind::Double => None,
            Kind::Int64 if is_one => Some("int64".to_owned()),
            Kind::Enum(kind) if is_one => {
                if done.insert(kind.full_name().to_owned()) {
                    builder = with_names(builder, &kind);
                }
                Some(format!("enumeration::<{}, _>", kind.name()))
            }
            Kind::Message(inner) => match inner.full_name() {
                "google.protobuf.Timestamp" | "google.protobuf.Duration" => Some("text".to_owned()),
                "google.protobuf.Struct" => Some("structure".to_owned()),
                _ if field.is_map() && is_plain(&inner.map_entry_value_field().kind()) => None,
                name if name.starts_with("dwell.v1.") && !field.is_map() => {
                    builder = with_json(builder, &inner, done)?;
                    None
                }
                _ => return Err(format!("no JSON for {}", field.full_name()).into()),
            },
            _ => return Err(format!("no JSON for {}", field.full_name()).into()),
        };
        if let Some(with) = with {
            how = format!("{how}, serialize_with = \"crate::pb::json::{with}\"");
        }
        let path = format!("{path}.{}", field.name());
        builder = builder.field_attribute(path, format!("#[serde({how})]"));
    }
    Ok(builder)
}

/// What serde writes as proto JSON does.
fn is_plain(kind: &Kind) -> bool {
    matches!(kind, Kind::String | Kind::Bool | Kind::Int32 | Kind::Double)
}

/// Has an enumeration serialize as the names of its values.
fn with_names(builder: Builder, kind: &EnumDescriptor) -> Builder {
    let path = format!(".{}", kind.full_name());
    let builder = builder.enum_attribute(&path, "#[derive(serde::Serialize)]");
    kind.values().fold(builder, |builder, value| {
        let rename = format!("#[serde(rename = \"{}\")]", value.name());
        builder.field_attribute(format!("{path}.{}", value.name()), rename)
    })
}

/// An enumeration of the RPCs of the contract: a `match` on it that forgets one does not build.
fn rpcs(descriptors: &FileDescriptorSet) -> Result<String, std::fmt::Error> {
    let (mut names, mut paths, mut found) = (String::new(), String::new(), String::new());
    let (mut all, mut streams) = (String::new(), Vec::new());
    for file in &descriptors.file {
        if file.package() != "dwell.v1" {
            continue;
        }
        for service in &file.service {
            for method in &service.method {
                let name = method.name();
                let path = format!("/{}.{}/{name}", file.package(), service.name());
                writeln!(names, "    {name},")?;
                write!(all, "Self::{name}, ")?;
                writeln!(paths, "            Self::{name} => {path:?},")?;
                writeln!(found, "            {path:?} => Some(Self::{name}),")?;
                if method.client_streaming() || method.server_streaming() {
                    streams.push(format!("Self::{name}"));
                }
            }
        }
    }
    let streams = streams.join(" | ");
    Ok(format!(
        "/// An RPC of the contract.\n\
         #[derive(Clone, Copy, PartialEq, Eq, Debug)]\n\
         pub enum Rpc {{\n{names}}}\n\n\
         impl Rpc {{\n\
         \x20   /// All of them, each at its own place.\n\
         \x20   pub const ALL: &'static [Self] = &[{all}];\n\n\
         \x20   /// Its path: `/package.Service/Method`.\n\
         \x20   #[must_use]\n\
         \x20   pub const fn path(self) -> &'static str {{\n\
         \x20       match self {{\n{paths}        }}\n    }}\n\n\
         \x20   /// The RPC at a path.\n\
         \x20   #[must_use]\n\
         \x20   pub fn at(path: &str) -> Option<Self> {{\n\
         \x20       match path {{\n{found}            _ => None,\n        }}\n    }}\n\n\
         \x20   /// Whether it takes or answers more than one message.\n\
         \x20   #[must_use]\n\
         \x20   pub const fn is_stream(self) -> bool {{\n\
         \x20       matches!(self, {streams})\n    }}\n}}\n"
    ))
}
