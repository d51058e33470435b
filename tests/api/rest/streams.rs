//! Streams as lines of JSON.

use reqwest::Method;
use serde_json::{Value as Json, json};

use super::call::request;
use crate::{harness::Server, support::ids::tenant, values::USER};

async fn lines(server: &Server, method: Method, target: &str, body: Option<String>) -> Vec<Json> {
    let mut request = request(server, method, target).header("x-tenant-id", tenant(1).to_string());
    if let Some(body) = body {
        request = request
            .header("content-type", "application/x-ndjson")
            .body(body);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let text = answer.text().await.unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn record(day: u32) -> String {
    let record = json!({"user_id": USER, "date": format!("2026-03-{day:02}"),
        "increment": {"login_count": day.to_string()}});
    format!("{}\n", json!({ "record": record }))
}

#[tokio::test]
async fn many_messages_go_in_and_come_out_line_by_line() {
    let server = Server::sqlite().await;
    // Empty lines are none, and the last one needs no end.
    let body = format!("{}\n{}  \r\n{}", record(1), record(2), record(3).trim_end());
    let answers = lines(&server, Method::POST, "/v1/usage:import", Some(body)).await;
    assert_eq!(
        answers,
        [json!({}), json!({"index": "1"}), json!({"index": "2"})]
    );
    let target = "/v1/usage-stats?start_date=2026-03-01&end_date=2026-03-31";
    let days = lines(&server, Method::GET, target, None).await;
    let counts: Vec<_> = days.iter().map(|day| &day["usage"]["loginCount"]).collect();
    assert_eq!(counts, ["1", "2", "3"]);
    let answers = lines(
        &server,
        Method::POST,
        "/v1/usage:import",
        Some(String::new()),
    )
    .await;
    assert!(answers.is_empty());
}

#[tokio::test]
async fn a_line_that_is_no_message_is_the_last() {
    let server = Server::sqlite().await;
    let body = [&record(1), "{\"nothing\": 1}\n", &record(2)].concat();
    let answers = lines(&server, Method::POST, "/v1/usage:import", Some(body)).await;
    let error = &answers.last().unwrap()["error"];
    assert_eq!(error["code"], 3);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("line 2: body"),
        "{error}"
    );
    // One that is a message and wrong ends nothing.
    let body = [
        &record(4),
        "{\"record\": {\"user_id\": \"x\"}}\n",
        &record(5),
    ]
    .concat();
    let answers = lines(&server, Method::POST, "/v1/usage:import", Some(body)).await;
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[1]["code"], 3);
}

#[tokio::test]
async fn a_stream_that_cannot_begin_is_refused_as_a_call_is() {
    let server = Server::sqlite().await;
    for (target, http) in [
        ("/v1/usage-stats?start_date=2026-03-01", 400),
        (&*format!("/v1/users/{USER}:export"), 404),
    ] {
        let asked =
            request(&server, Method::GET, target).header("x-tenant-id", tenant(1).to_string());
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), http, "{target}");
        assert_eq!(answer.headers()["content-type"], "application/json");
    }
}
