//! Single values of requests: what is in paths and queries.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};
use serde_json::Value as Json;

/// The fields that lead to one by names with dots between them, as the contract or as JSON has
/// them. Only single messages lead further.
pub fn field_path(message: &MessageDescriptor, path: &str) -> Option<Vec<FieldDescriptor>> {
    let mut fields: Vec<FieldDescriptor> = Vec::new();
    let mut within = message.clone();
    for name in path.split('.') {
        if let Some(before) = fields.last() {
            within = match before.kind() {
                Kind::Message(inner) if before.supports_presence() && !is_value(&inner) => inner,
                _ => return None,
            };
        }
        let field = within.get_field_by_name(name);
        fields.push(field.or_else(|| within.get_field_by_json_name(name))?);
    }
    Some(fields)
}

/// Whether a message is one value in JSON.
fn is_value(message: &MessageDescriptor) -> bool {
    message.parent_file().package_name() == "google.protobuf"
}

/// The value of a field, or of one entry if it is a list, that text stands for.
///
/// # Errors
/// Says what would be right.
pub fn parse(field: &FieldDescriptor, text: &str) -> Result<Value, String> {
    let wrong = |rule: &str| format!("must be {rule}");
    match field.kind() {
        Kind::String => Ok(Value::String(text.to_owned())),
        Kind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(wrong("true or false")),
        },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            let number = text.parse().map(Value::I32);
            number.map_err(|_| wrong("a whole number of 32 bits"))
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            let number = text.parse().map(Value::I64);
            number.map_err(|_| wrong("a whole number of 64 bits"))
        }
        Kind::Double => text.parse().map(Value::F64).map_err(|_| wrong("a number")),
        Kind::Enum(kind) => {
            let by_name = kind.get_value_by_name(text).map(|value| value.number());
            let value = by_name.or_else(|| text.parse().ok());
            value.map(Value::EnumNumber).ok_or_else(|| {
                let names = kind.values().map(|value| value.name().to_owned());
                format!("must be one of {}", names.collect::<Vec<_>>().join(", "))
            })
        }
        // What is one value in JSON is a string there: instants, lengths of time, masks.
        Kind::Message(message) if is_value(&message) => {
            let json = Json::String(match message.full_name() {
                // A mask may be written as the contract names fields, too.
                "google.protobuf.FieldMask" => camel_case(text),
                _ => text.to_owned(),
            });
            let value = DynamicMessage::deserialize(message, json);
            value
                .map(Value::Message)
                .map_err(|error| format!("is not right: {error}"))
        }
        _ => Err("cannot be a parameter".to_owned()),
    }
}

fn camel_case(text: &str) -> String {
    let mut parts = text.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| {
        let mut letters = part.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        before.chars().chain(first).chain(letters).collect()
    })
}

/// Sets a field; a list grows by the value.
pub fn set(message: &mut DynamicMessage, path: &[FieldDescriptor], value: Value) {
    let Some((field, before)) = path.split_last() else {
        return;
    };
    let mut within = message;
    for field in before {
        let Some(inner) = within.get_field_mut(field).as_message_mut() else {
            return;
        };
        within = inner;
    }
    if field.is_list() {
        if let Some(list) = within.get_field_mut(field).as_list_mut() {
            list.push(value);
        }
    } else {
        within.set_field(field, value);
    }
}

/// What a field has; `None` if it was not said.
pub fn get(message: &DynamicMessage, path: &[FieldDescriptor]) -> Option<Value> {
    let (field, rest) = path.split_first()?;
    if !message.descriptor().fields().any(|own| own == *field) || !message.has_field(field) {
        return None;
    }
    let value = message.get_field(field);
    if rest.is_empty() {
        return Some(value.into_owned());
    }
    get(value.as_message()?, rest)
}

/// What percent signs stand for (RFC 3986, 2.1); in a query a plus is a space.
pub fn decoded(text: &str, is_query: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            b'+' if is_query => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_stand_for_bytes_of_utf8() {
        let path = |text| decoded(text, false);
        assert_eq!(path("a%2Fb%20c+d").as_deref(), Some("a/b c+d"));
        assert_eq!(path("%C3%a9").as_deref(), Some("é"));
        for wrong in ["%", "%2", "%zz", "%+1", "%ff", "%C3", "%C3%28"] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
        assert_eq!(decoded("a+b%2Bc", true).as_deref(), Some("a b+c"));
    }
}
