//! Messages against an encoder that knows proto JSON from the descriptors.

use proptest::{collection, option, prelude::*};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use prost_types::{Duration, ListValue, Struct, Timestamp, Value, value::Kind};
use serde_json::Value as Json;

use crate::pb::{FILE_DESCRIPTOR_SET, v1 as pb};

/// What the other encoder writes.
fn canonical(session: &pb::Session) -> Json {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let descriptor = pool.get_message_by_name("dwell.v1.Session").unwrap();
    let message = DynamicMessage::decode(descriptor, &*session.encode_to_vec()).unwrap();
    serde_json::to_value(message).unwrap()
}

/// A whole number is the same however it is written.
fn plain(json: Json) -> Json {
    match json {
        Json::Number(number) => Json::from(number.as_f64()),
        Json::Array(items) => items.into_iter().map(plain).collect(),
        Json::Object(map) => {
            let map = map.into_iter();
            Json::Object(map.map(|(name, value)| (name, plain(value))).collect())
        }
        other => other,
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), any::<String>()]
}

fn instants() -> impl Strategy<Value = Option<Timestamp>> {
    let nanos = prop_oneof![
        Just(0),
        0..1_000_000_000,
        (0..1_000_000).prop_map(|us| us * 1_000)
    ];
    let instant = (946_684_800_i64..4_133_980_800, nanos);
    option::of(instant.prop_map(|(seconds, nanos)| Timestamp { seconds, nanos }))
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Kind::NullValue(0)),
        any::<bool>().prop_map(Kind::BoolValue),
        prop_oneof![-1e9_f64..1e9, (-99_i32..99).prop_map(f64::from)].prop_map(Kind::NumberValue),
        text().prop_map(Kind::StringValue),
    ];
    let leaf = leaf.prop_map(|kind| Value { kind: Some(kind) });
    leaf.prop_recursive(3, 16, 4, |inner| {
        let list = collection::vec(inner.clone(), 0..4);
        let fields = collection::btree_map(text(), inner, 0..4);
        let kind = prop_oneof![
            list.prop_map(|values| Kind::ListValue(ListValue { values })),
            fields.prop_map(|fields| Kind::StructValue(Struct { fields })),
        ];
        kind.prop_map(|kind| Value { kind: Some(kind) })
    })
}

fn results() -> impl Strategy<Value = pb::SessionResult> {
    let terms = || collection::vec(text(), 0..3);
    let scores = collection::btree_map(text(), 0.0_f64..=100.0, 0..3);
    (0_i64.., scores, terms(), terms(), terms()).prop_map(
        |(words_spoken, scores, topics, vocabulary_learned, areas_to_improve)| pb::SessionResult {
            words_spoken,
            scores,
            topics,
            vocabulary_learned,
            areas_to_improve,
        },
    )
}

fn sessions() -> impl Strategy<Value = pb::Session> {
    let texts = collection::vec(text(), 8);
    let subject = option::of((text(), text(), text()));
    let numbers = (0..4_i32, 0..8_i32, 0..5_i32, 0..6_i32, 0..6_i32);
    let large = (prop_oneof![Just(0), any::<i64>()], any::<i64>());
    let times = collection::vec(instants(), 6);
    let duration = option::of((0_i64..9_999_999, 0..1_000_000_000_i32));
    let metadata = option::of(collection::btree_map(text(), values(), 0..4));
    let rest = (any::<bool>(), duration, option::of(results()), metadata);
    (texts, subject, numbers, large, times, rest).prop_map(
        |(texts, subject, numbers, large, times, (focus_mode, duration, result, metadata))| {
            let mut texts = texts.into_iter();
            let mut text = || texts.next().unwrap();
            let mut times = times.into_iter();
            let mut time = || times.next().unwrap();
            pb::Session {
                id: text(),
                user_id: text(),
                session_type: text(),
                client_type: text(),
                client_info: text(),
                ip_address: text(),
                subject: subject.map(|(r#type, id, name)| pb::Subject { r#type, id, name }),
                state: numbers.0,
                start_time: time(),
                last_active_time: time(),
                end_time: time(),
                duration: duration.map(|(seconds, nanos)| Duration { seconds, nanos }),
                duration_minutes: large.0,
                expire_time: time(),
                end_reason: numbers.1,
                completion_status: numbers.2,
                focus_mode,
                location: text(),
                notes: text(),
                mood_rating: numbers.3,
                productivity_rating: numbers.4,
                result,
                points_earned: large.1,
                metadata: metadata.map(|fields| Struct { fields }),
                create_time: time(),
                update_time: time(),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_session_is_written_as_by_an_encoder_that_knows_the_contract(session in sessions()) {
        let line = serde_json::to_string(&session).unwrap();
        prop_assert!(!line.contains('\n'));
        let written: Json = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(plain(written), plain(canonical(&session)));
    }
}
