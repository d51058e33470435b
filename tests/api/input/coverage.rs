//! Which fields the requests of the contract have, by its descriptors.

use std::collections::{BTreeMap, BTreeSet};

use dwell::pb::FILE_DESCRIPTOR_SET;
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};

use crate::wire::SERVICES;

/// Fields in which nothing is wrong.
const ANYTHING: [&str; 38] = [
    // Either is right.
    "StartSessionRequest.focus_mode",
    "RecordSessionRequest.focus_mode",
    "ListSessionsRequest.include_totals",
    "RevokeSessionsRequest.dry_run",
    "DeleteUserDataRequest.dry_run",
    "PurgeSessionsRequest.dry_run",
    "GetUserUsageStatsRequest.include_open_sessions",
    "GetCalendarRequest.include_sessions",
    "CreateGoalRequest.goal.reminder_enabled",
    "UpdateGoalRequest.goal.reminder_enabled",
    "DeleteGoalRequest.abandon",
    // Lists are filtered by the subject's type and id alone.
    "ListSessionsRequest.subject.name",
    "ExportSessionsRequest.filter.subject.name",
    // A file has no pages.
    "ExportSessionsRequest.filter.page_size",
    "ExportSessionsRequest.filter.page_token",
    "ExportSessionsRequest.filter.include_totals",
    "ListGoalsRequest.subject.name",
    // What the service says of a goal is not read.
    "CreateGoalRequest.goal.status",
    "CreateGoalRequest.goal.complete_time",
    "CreateGoalRequest.goal.create_time",
    "CreateGoalRequest.goal.current_value",
    "CreateGoalRequest.goal.days_remaining",
    "CreateGoalRequest.goal.on_track",
    "CreateGoalRequest.goal.percentage_complete",
    "CreateGoalRequest.goal.update_time",
    "UpdateGoalRequest.goal.complete_time",
    "UpdateGoalRequest.goal.create_time",
    "UpdateGoalRequest.goal.current_value",
    "UpdateGoalRequest.goal.days_remaining",
    "UpdateGoalRequest.goal.on_track",
    "UpdateGoalRequest.goal.percentage_complete",
    "UpdateGoalRequest.goal.update_time",
    // And what a mask cannot name.
    "UpdateGoalRequest.goal.user_id",
    "UpdateGoalRequest.goal.goal_type",
    "UpdateGoalRequest.goal.start_date",
    "UpdateGoalRequest.goal.subject.type",
    "UpdateGoalRequest.goal.subject.id",
    "UpdateGoalRequest.goal.subject.name",
];

/// Fails if a field of a request is neither covered nor in the list above.
pub fn assert_complete(covered: &BTreeSet<String>) {
    let fields = fields();
    let anything: BTreeSet<_> = ANYTHING.into_iter().map(str::to_owned).collect();
    let known: BTreeSet<_> = covered.union(&anything).cloned().collect();
    let forgotten: Vec<_> = fields.difference(&known).collect();
    assert!(forgotten.is_empty(), "not in the table: {forgotten:#?}");
    let gone: Vec<_> = anything.difference(&fields).collect();
    assert!(gone.is_empty(), "no such fields: {gone:#?}");
}

/// `user_ids[3]` is the field `user_ids`.
pub fn without_index(field: &str) -> String {
    let parts = field.split('.').map(|part| part.split('[').next());
    parts.flatten().collect::<Vec<_>>().join(".")
}

/// `Request.path.of.field` of every field that a caller can fill.
fn fields() -> BTreeSet<String> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let ours = set.file.iter().filter(|file| file.package() == "dwell.v1");
    let messages: BTreeMap<_, _> = ours
        .clone()
        .flat_map(|file| &file.message_type)
        .map(|message| (format!(".dwell.v1.{}", message.name()), message))
        .collect();
    let services = ours.flat_map(|file| &file.service).filter(|service| {
        let name = format!("dwell.v1.{}", service.name());
        SERVICES.contains(&&*name)
    });
    let methods = services.flat_map(|service| &service.method);
    let mut fields = BTreeSet::new();
    for method in methods {
        let request = messages[method.input_type()];
        collect(&messages, request, request.name(), &mut fields);
    }
    fields
}

/// A message of the contract is its fields; one of another package, and a map, is a value.
fn collect(
    messages: &BTreeMap<String, &DescriptorProto>,
    message: &DescriptorProto,
    path: &str,
    fields: &mut BTreeSet<String>,
) {
    for field in &message.field {
        let path = format!("{path}.{}", field.name());
        match messages.get(field.type_name()) {
            Some(inner) if field.r#type() == Type::Message => {
                collect(messages, inner, &path, fields);
            }
            _ => {
                fields.insert(path);
            }
        }
    }
}
