//! What serde does not write as [proto JSON](https://protobuf.dev/programming-guides/json/) does.
//!
//! The messages that `build.rs` names serialize field by field, and these are the exceptions.

use std::fmt::Display;

use prost_types::{Struct, Value, value::Kind};
use serde::{Serialize, Serializer};

/// Whether a field is left out.
pub fn is_unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// As text, because many readers of JSON keep numbers exactly only up to 2^53.
pub fn int64<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The name of a value; one that is not known, as its number.
pub fn enumeration<E, S>(value: &i32, serializer: S) -> Result<S::Ok, S::Error>
where
    E: TryFrom<i32> + Serialize,
    S: Serializer,
{
    match E::try_from(*value) {
        Ok(known) => known.serialize(serializer),
        Err(_) => value.serialize(serializer),
    }
}

/// An instant by RFC 3339 in UTC, a length of time in seconds; both with 0, 3, 6 or 9 decimals.
pub fn text<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// The object that it stands for.
pub fn structure<S: Serializer>(value: &Option<Struct>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(Object).serialize(serializer)
}

/// A `Struct` that serializes as the object that it stands for.
pub struct Object<'a>(pub &'a Struct);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.fields.iter();
        serializer.collect_map(fields.map(|(name, value)| (name, Any(value))))
    }
}

struct Any<'a>(&'a Value);

impl Serialize for Any<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.kind {
            None | Some(Kind::NullValue(_)) => serializer.serialize_unit(),
            Some(Kind::BoolValue(value)) => value.serialize(serializer),
            Some(Kind::NumberValue(value)) => value.serialize(serializer),
            Some(Kind::StringValue(value)) => value.serialize(serializer),
            Some(Kind::StructValue(value)) => Object(value).serialize(serializer),
            Some(Kind::ListValue(list)) => serializer.collect_seq(list.values.iter().map(Any)),
        }
    }
}

#[cfg(test)]
mod tests;
