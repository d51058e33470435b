//! `google.protobuf.Struct` as JSON text, and back.

use std::sync::Arc;

use prost_types::{ListValue, Struct, Value, value::Kind};
use serde_json::{Map, Number, Value as Json};

const MAX_BYTES: usize = 16 * 1024;
const MAX_DEPTH: usize = 32;

/// The canonical JSON of `value`, or what is wrong with it.
pub fn to_text(value: &Struct) -> Result<Arc<str>, String> {
    let json = Json::Object(object(value, MAX_DEPTH)?);
    let text = json.to_string();
    if text.len() > MAX_BYTES {
        return Err(format!("must have at most {MAX_BYTES} bytes as JSON"));
    }
    Ok(text.into())
}

/// What [`to_text`] made of it; `None` if it is no JSON object.
pub fn from_text(text: &str) -> Option<Struct> {
    match serde_json::from_str(text).ok()? {
        Json::Object(map) => Some(structure(map)),
        _ => None,
    }
}

fn object(value: &Struct, depth: usize) -> Result<Map<String, Json>, String> {
    let entry =
        |(key, value): (&String, &Value)| Ok((text(key)?.to_owned(), json(value, deeper(depth)?)?));
    value.fields.iter().map(entry).collect()
}

fn json(value: &Value, depth: usize) -> Result<Json, String> {
    Ok(match value.kind.as_ref() {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(*value),
        Some(Kind::NumberValue(value)) => Json::Number(
            Number::from_f64(*value).ok_or("must not contain NaN or infinite numbers")?,
        ),
        Some(Kind::StringValue(value)) => Json::String(text(value)?.to_owned()),
        Some(Kind::StructValue(value)) => Json::Object(object(value, depth)?),
        Some(Kind::ListValue(value)) => {
            let depth = deeper(depth)?;
            let items = value.values.iter().map(|item| json(item, depth));
            Json::Array(items.collect::<Result<_, _>>()?)
        }
    })
}

fn deeper(depth: usize) -> Result<usize, String> {
    depth
        .checked_sub(1)
        .ok_or_else(|| format!("must be nested at most {MAX_DEPTH} deep"))
}

/// PostgreSQL keeps no NUL in JSON.
fn text(text: &str) -> Result<&str, String> {
    if text.contains('\0') {
        Err("must not contain NUL characters".to_owned())
    } else {
        Ok(text)
    }
}

fn structure(map: Map<String, Json>) -> Struct {
    Struct {
        fields: map
            .into_iter()
            .map(|(key, json)| (key, value(json)))
            .collect(),
    }
}

fn value(json: Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(value),
        Json::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or_default()),
        Json::String(value) => Kind::StringValue(value),
        Json::Array(items) => Kind::ListValue(ListValue {
            values: items.into_iter().map(value).collect(),
        }),
        Json::Object(map) => Kind::StructValue(structure(map)),
    };
    Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Kind::NullValue(0)),
            any::<bool>().prop_map(Kind::BoolValue),
            proptest::num::f64::NORMAL.prop_map(Kind::NumberValue),
            "[^\0]{0,12}".prop_map(Kind::StringValue),
        ]
        .prop_map(|kind| Value { kind: Some(kind) });
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                collection::vec(inner.clone(), 0..5)
                    .prop_map(|values| Kind::ListValue(ListValue { values })),
                collection::btree_map("[^\0]{0,6}", inner, 0..5)
                    .prop_map(|fields| Kind::StructValue(Struct { fields })),
            ]
            .prop_map(|kind| Value { kind: Some(kind) })
        })
    }

    fn nested(depth: usize) -> Struct {
        let mut value = Struct::default();
        for _ in 1..depth {
            let kind = Some(Kind::StructValue(value));
            value = Struct {
                fields: [("a".to_owned(), Value { kind })].into(),
            };
        }
        value
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(fields in collection::btree_map("[^\0]{0,6}", values(), 0..5)) {
            let value = Struct { fields };
            let text = to_text(&value).unwrap();
            prop_assert_eq!(from_text(&text), Some(value));
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        assert!(to_text(&nested(MAX_DEPTH + 1)).is_ok());
        assert!(to_text(&nested(MAX_DEPTH + 2)).is_err());
    }
}
