//! Sessions in files, read by parsers that are not ours.

use std::{collections::BTreeMap, time::Duration};

use dwell::pb::{
    FILE_DESCRIPTOR_SET,
    v1::{self as pb, export_sessions_request::Format},
};
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value as Json, json};
use tonic::{Code, Status, Streaming};

use crate::{
    harness::{Caller, Server},
    values::{OTHER_USER, USER, id, seconds, start, structure, time},
};

on_both_engines! {
    a_table_says_what_the_sessions_say
    lines_are_the_sessions_as_proto_json
    a_filter_is_that_of_a_list
    many_pages_come_whole_and_in_order
    slow_readers_hold_no_connection
    a_file_ends_when_the_service_stops
}

/// More than two pages of the store.
const MANY: u128 = 1_203;
/// The bytes of a chunk.
const CHUNK: usize = 64 * 1024;

async fn open(
    caller: &mut Caller,
    format: Format,
    filter: Option<pb::ListSessionsRequest>,
) -> Streaming<pb::ExportSessionsResponse> {
    let request = pb::ExportSessionsRequest {
        format: format.into(),
        filter,
    };
    let answer = caller.reports.export_sessions(request).await;
    answer.unwrap().into_inner()
}

/// What is left of a file.
async fn rest(chunks: Streaming<pb::ExportSessionsResponse>) -> Result<String, Status> {
    let chunks: Vec<_> = chunks.map_ok(|answer| answer.chunk).try_collect().await?;
    let lengths: Vec<_> = chunks.iter().map(Vec::len).collect();
    let whole = lengths.iter().rev().skip(1).all(|length| *length == CHUNK);
    assert!(whole && !lengths.contains(&0), "{lengths:?}");
    assert!(lengths.iter().all(|length| *length <= CHUNK));
    Ok(String::from_utf8(chunks.concat()).unwrap())
}

async fn export(
    caller: &mut Caller,
    format: Format,
    filter: Option<pb::ListSessionsRequest>,
) -> String {
    rest(open(caller, format, filter).await).await.unwrap()
}

/// Each row by the names of the header.
fn table(file: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

/// As proto JSON has it, by an encoder that knows the contract from its descriptors.
fn canonical(session: &pb::Session) -> Json {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let descriptor = pool.get_message_by_name("dwell.v1.Session").unwrap();
    let message = DynamicMessage::decode(descriptor, &*session.encode_to_vec()).unwrap();
    serde_json::to_value(message).unwrap()
}

/// Three sessions: one of which everything is said, one that is open, one plain; newest first.
async fn furnish(caller: &mut Caller) -> Vec<pb::Session> {
    let full = pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        session_type: "tutoring".to_owned(),
        client_type: "web".to_owned(),
        subject: Some(pb::Subject {
            r#type: "course".to_owned(),
            id: "=1+1".to_owned(),
            name: " +Äpfel, \"Birnen\"".to_owned(),
        }),
        start_time: time("2026-03-01T10:00:00.000123Z"),
        duration: Some(prost_types::Duration {
            seconds: 3_661,
            nanos: 500_000_000,
        }),
        result: Some(pb::SessionResult {
            words_spoken: 900_719_925,
            scores: [("fluency".to_owned(), 81.5), ("grammar".to_owned(), 70.0)].into(),
            topics: vec!["travel".to_owned(), "=A1".to_owned()],
            vocabulary_learned: Vec::new(),
            areas_to_improve: vec!["a,b".to_owned()],
        }),
        mood_rating: 4,
        productivity_rating: 5,
        notes: "@SUM(A1)\r\nsecond \"line\",\n\tthird 🦀".to_owned(),
        focus_mode: true,
        location: "-2+3".to_owned(),
        metadata: Some(structure(
            json!({"level": 2.5, "tags": ["a", null], "on": true}),
        )),
        ..Default::default()
    };
    caller.sessions.record_session(full).await.unwrap();
    let plain = pb::RecordSessionRequest {
        user_id: OTHER_USER.to_owned(),
        start_time: time("2026-02-28T10:00:00Z"),
        duration: seconds(60),
        completion_status: 3,
        ..Default::default()
    };
    caller.sessions.record_session(plain).await.unwrap();
    let open = pb::StartSessionRequest {
        client_info: "=cmd|' /C calc'!A0".to_owned(),
        ip_address: "2001:db8::7".to_owned(),
        ..start(USER)
    };
    caller.start(open).await;
    let list = pb::ListSessionsRequest::default();
    let list = caller.sessions.list_sessions(list).await.unwrap();
    list.into_inner().sessions
}

async fn a_table_says_what_the_sessions_say(server: Server) {
    let mut caller = server.tenant(1);
    let empty = export(&mut caller, Format::Unspecified, None).await;
    assert_eq!(empty.lines().count(), 1);
    assert!(empty.starts_with("id,user_id,session_type,") && empty.ends_with(",update_time\r\n"));
    let sessions = furnish(&mut caller).await;
    let file = export(&mut caller, Format::Unspecified, None).await;
    assert!(file.starts_with(&empty));
    let rows = table(&file);
    let ids: Vec<_> = rows.iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, sessions.iter().map(|one| &one.id).collect::<Vec<_>>());
    let told = |row: usize, column: &str| rows[row][column].as_str();
    let of = |row: usize, columns: &[&str]| -> Vec<String> {
        columns
            .iter()
            .map(|column| told(row, column).to_owned())
            .collect()
    };
    // What a spreadsheet would run is not, and the rest is as it was.
    let texts = ["subject_id", "subject_name", "notes", "location"];
    assert_eq!(
        of(1, &texts),
        [
            "'=1+1",
            "' +Äpfel, \"Birnen\"",
            "'@SUM(A1)\r\nsecond \"line\",\n\tthird 🦀",
            "'-2+3"
        ]
    );
    assert_eq!(
        of(0, &["client_info", "ip_address"]),
        ["'=cmd|' /C calc'!A0", "2001:db8::7"]
    );
    let numbers = [
        "duration_seconds",
        "duration_minutes",
        "mood_rating",
        "productivity_rating",
        "words_spoken",
        "points_earned",
    ];
    assert_eq!(
        of(1, &numbers),
        ["3661.500", "61", "4", "5", "900719925", "30"]
    );
    assert_eq!(of(2, &numbers), ["60", "1", "", "", "", "0"]);
    let times = ["start_time", "end_time", "expire_time"];
    let expected = [
        "2026-03-01T10:00:00.000123Z",
        "2026-03-01T11:01:01.500123Z",
        "",
    ];
    assert_eq!(of(1, &times), expected);
    assert_eq!(
        of(0, &times),
        ["2026-03-02T09:00:00Z", "", "2026-03-02T09:30:00Z"]
    );
    let states = [
        "state",
        "end_reason",
        "completion_status",
        "focus_mode",
        "subject_type",
    ];
    assert_eq!(
        of(0, &states),
        ["SESSION_STATE_ACTIVE", "", "", "false", ""]
    );
    assert_eq!(
        of(1, &states),
        [
            "SESSION_STATE_ENDED",
            "END_REASON_RECORDED",
            "COMPLETION_STATUS_COMPLETED",
            "true",
            "course"
        ]
    );
    let parsed = |column: &str| serde_json::from_str::<Json>(told(1, column)).unwrap();
    assert_eq!(parsed("scores"), json!({"fluency": 81.5, "grammar": 70.0}));
    assert_eq!(parsed("topics"), json!(["travel", "=A1"]));
    assert_eq!(parsed("vocabulary_learned"), json!([]));
    assert_eq!(parsed("areas_to_improve"), json!(["a,b"]));
    assert_eq!(
        parsed("metadata"),
        json!({"level": 2.5, "tags": ["a", null], "on": true})
    );
    assert_eq!(of(2, &["scores", "metadata"]), ["", ""]);
    // Every field of the message is in some column.
    let full = canonical(&sessions[1]);
    let columns = rows[1].keys().map(|name| name.replace('_', ""));
    let columns: Vec<_> = columns.collect();
    for name in full.as_object().unwrap().keys() {
        let name = name.to_lowercase();
        let inner = ["subject", "result"].contains(&&*name);
        assert!(
            inner || columns.iter().any(|column| column.starts_with(&name)),
            "{name}"
        );
    }
}

async fn lines_are_the_sessions_as_proto_json(server: Server) {
    let mut caller = server.tenant(1);
    let empty = open(&mut caller, Format::Ndjson, None).await;
    assert_eq!(rest(empty).await.unwrap(), "");
    let sessions = furnish(&mut caller).await;
    let file = export(&mut caller, Format::Ndjson, None).await;
    assert!(file.ends_with('\n'));
    let lines: Vec<Json> = file
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    for (line, session) in lines.iter().zip(sessions) {
        let kept = caller.get(&session.id).await;
        assert_eq!(*line, canonical(&kept));
    }
    let result = &lines[1]["result"];
    assert_eq!(result["wordsSpoken"], "900719925");
    assert_eq!(lines[1]["startTime"], "2026-03-01T10:00:00.000123Z");
    assert_eq!(lines[1]["duration"], "3661.500s");
}

async fn a_filter_is_that_of_a_list(server: Server) {
    let mut caller = server.tenant(1);
    let sessions = furnish(&mut caller).await;
    furnish(&mut server.tenant(2)).await;
    let ids = |file: String| -> Vec<String> {
        table(&file)
            .into_iter()
            .map(|mut row| row.remove("id").unwrap())
            .collect()
    };
    let of_user = pb::ListSessionsRequest {
        user_id: USER.to_owned(),
        states: vec![pb::SessionState::Ended.into()],
        page_size: -1,
        page_token: "none".to_owned(),
        include_totals: true,
        ..Default::default()
    };
    let file = export(&mut caller, Format::Csv, Some(of_user.clone())).await;
    assert_eq!(ids(file), [sessions[1].id.clone()]);
    // Over by itself now, whether or not the sweep has been there.
    server.pass(Duration::from_mins(30));
    let file = export(&mut caller, Format::Csv, Some(of_user)).await;
    assert_eq!(ids(file), [sessions[0].id.clone(), sessions[1].id.clone()]);
}

/// One session a minute.
async fn fill(caller: &Caller) -> Vec<String> {
    let first = time("2026-02-01T00:00:00Z").unwrap();
    let sessions = (0..MANY).map(|number| {
        let mut start_time = first;
        start_time.seconds += 60 * i64::try_from(number).unwrap();
        let session = pb::RecordSessionRequest {
            user_id: id(number % 7),
            session_id: id(0x1_0000 + number),
            start_time: Some(start_time),
            duration: seconds(30),
            notes: "x".repeat(usize::try_from(number % 300).unwrap()),
            ..Default::default()
        };
        let mut caller = caller.clone();
        async move { caller.sessions.record_session(session).await.unwrap() }
    });
    let saved = stream::iter(sessions).buffer_unordered(64);
    saved.for_each(|_| async {}).await;
    (0..MANY)
        .rev()
        .map(|number| id(0x1_0000 + number))
        .collect()
}

async fn many_pages_come_whole_and_in_order(server: Server) {
    let mut caller = server.tenant(1);
    let ids = fill(&caller).await;
    let rows = table(&export(&mut caller, Format::Csv, None).await);
    assert_eq!(
        rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>(),
        ids
    );
    let file = export(&mut caller, Format::Ndjson, None).await;
    let lines = file.lines().map(|line| {
        let session: Json = serde_json::from_str(line).unwrap();
        session["id"].as_str().unwrap().to_owned()
    });
    assert_eq!(lines.collect::<Vec<_>>(), ids);
}

/// Chunks of which a connection takes far less than a page before somebody reads.
async fn slowly(server: &Server) -> Caller {
    let endpoint = server.endpoint.clone();
    let channel = endpoint.initial_stream_window_size(Some(1 << 14));
    Caller::of(&channel.connect().await.unwrap(), 1)
}

async fn slow_readers_hold_no_connection(server: Server) {
    /// More than either engine's pool of connections for reading.
    const READERS: usize = 12;
    let mut caller = server.tenant(1);
    let ids = fill(&caller).await;
    let mut slow = slowly(&server).await;
    let mut files = Vec::new();
    for _ in 0..READERS {
        let mut file = open(&mut slow, Format::Ndjson, None).await;
        let first = file.message().await.unwrap().unwrap();
        files.push((first.chunk.len(), file));
    }
    assert_eq!(caller.get(&ids[0]).await.id, ids[0]);
    let late = caller.start(start(USER)).await;
    for (first, file) in files {
        assert_eq!(first, CHUNK);
        // Newest first: what started since is not in it.
        let rest = rest(file).await.unwrap();
        assert!(!rest.contains(&late.id));
        assert!(rest.contains(ids.last().unwrap()));
    }
}

async fn a_file_ends_when_the_service_stops(server: Server) {
    let caller = server.tenant(1);
    fill(&caller).await;
    let mut slow = slowly(&server).await;
    let mut file = open(&mut slow, Format::Ndjson, None).await;
    file.message().await.unwrap().unwrap();
    server.stop.cancel();
    let ended = rest(file).await.map_err(|status| status.code());
    assert_eq!(ended, Err(Code::Unavailable));
}
