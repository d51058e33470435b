//! Messages and enumerations as JSON Schema, by proto JSON.

use std::{collections::BTreeMap, error::Error};

use protox::prost_reflect::{
    EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
};
use serde_json::{Map, Value, json};

/// Whether a message is one value in JSON.
pub fn is_value(message: &MessageDescriptor) -> bool {
    message.parent_file().package_name() == "google.protobuf"
}

/// What a file says before what is at a path in it; before the syntax for the file itself.
pub fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let places = info.map_or(&[][..], |info| &info.location);
    // The syntax is the file's field 12.
    let path = if path.is_empty() { &[12][..] } else { path };
    let place = places.iter().find(|place| place.path == path);
    let comment = place.map_or("", |place| place.leading_comments());
    let lines = comment
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The schemas that are referred to.
#[derive(Default)]
pub struct Schemas {
    pub all: BTreeMap<String, Value>,
}

impl Schemas {
    /// A reference to a message's schema, which is added.
    pub fn of(&mut self, message: &MessageDescriptor) -> Result<Value, Box<dyn Error>> {
        if is_value(message) {
            return value(message.full_name());
        }
        let name = short(message.full_name());
        if !self.all.contains_key(&name) {
            // So that a message that has itself in it comes to an end.
            self.all.insert(name.clone(), Value::Null);
            let mut properties = Map::new();
            for field in message.fields() {
                properties.insert(field.json_name().to_owned(), self.field(&field)?);
            }
            let about = comment(&message.parent_file(), message.path());
            let schema = json!({
                "type": "object", "properties": properties, "additionalProperties": false,
            });
            self.all.insert(name.clone(), described(schema, &about));
        }
        Ok(reference(&name))
    }

    /// A field, with what is said of it.
    pub fn field(&mut self, field: &FieldDescriptor) -> Result<Value, Box<dyn Error>> {
        let schema = self.undescribed(field)?;
        let about = comment(&field.parent_message().parent_file(), field.path());
        Ok(described(schema, &about))
    }

    /// A field alone.
    pub fn undescribed(&mut self, field: &FieldDescriptor) -> Result<Value, Box<dyn Error>> {
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else {
                return Err("a map without entries".into());
            };
            let value = self.kind(&entry.map_entry_value_field().kind())?;
            return Ok(json!({"type": "object", "additionalProperties": value}));
        }
        let schema = self.kind(&field.kind())?;
        if field.is_list() {
            return Ok(json!({"type": "array", "items": schema}));
        }
        Ok(schema)
    }

    fn kind(&mut self, kind: &Kind) -> Result<Value, Box<dyn Error>> {
        Ok(match kind {
            Kind::String => json!({"type": "string"}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Int32 => json!({"type": "integer", "format": "int32",
                "minimum": i32::MIN, "maximum": i32::MAX}),
            // A string, because many readers keep numbers exactly only up to 2^53.
            Kind::Int64 => json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$"}),
            Kind::Double => json!({"type": "number", "format": "double"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Enum(kind) => self.enumeration(kind),
            Kind::Message(message) => self.of(message)?,
            kind => return Err(format!("no schema for {kind:?}").into()),
        })
    }

    fn enumeration(&mut self, kind: &EnumDescriptor) -> Value {
        let name = short(kind.full_name());
        let (mut names, mut about) = (Vec::new(), Vec::new());
        for value in kind.values() {
            let said = comment(&kind.parent_file(), value.path());
            if !said.is_empty() {
                about.push(format!("- {}: {}", value.name(), said.replace('\n', " ")));
            }
            names.push(value.name().to_owned());
        }
        let head = comment(&kind.parent_file(), kind.path());
        let about = [head, about.join("\n")].join("\n\n");
        let schema = json!({"type": "string", "enum": names});
        self.all
            .insert(name.clone(), described(schema, about.trim()));
        reference(&name)
    }

    /// How errors are told.
    pub fn add_status(&mut self) {
        let status = json!({
            "type": "object",
            "description": "Why a call failed: google.rpc.Status.",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "integer", "description": "A google.rpc.Code."},
                "message": {"type": "string", "description": "For people to read."},
                "details": {
                    "type": "array",
                    "description": "google.rpc.ErrorInfo has the reason; BadRequest names each \
                        wrong field.",
                    "items": {
                        "type": "object",
                        "required": ["@type"],
                        "properties": {"@type": {"type": "string"}},
                    },
                },
            },
        });
        self.all.insert("google.rpc.Status".to_owned(), status);
    }
}

fn short(name: &str) -> String {
    name.trim_start_matches("dwell.v1.").to_owned()
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn described(mut schema: Value, about: &str) -> Value {
    if !about.is_empty()
        && let Some(schema) = schema.as_object_mut()
    {
        schema.insert("description".to_owned(), json!(about));
    }
    schema
}

/// The messages that JSON has other forms for.
fn value(name: &str) -> Result<Value, Box<dyn Error>> {
    Ok(match name {
        "google.protobuf.Timestamp" => json!({"type": "string", "format": "date-time"}),
        "google.protobuf.Duration" => {
            json!({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"})
        }
        "google.protobuf.FieldMask" => json!({"type": "string"}),
        "google.protobuf.Struct" => json!({"type": "object"}),
        name => return Err(format!("no schema for {name}").into()),
    })
}
