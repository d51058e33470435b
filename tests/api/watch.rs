//! `WatchSessions`: what happens is told as it happens, once, wherever and whenever one goes on.

use std::time::Duration;

use dwell::pb::v1::{self as pb, session_event::Kind};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use crate::{
    auth::{self, setup},
    harness::{Caller, MORNING, Server},
    values::{OTHER_USER, USER, id, reason, start, time},
};

on_both_engines! {
    what_happens_is_told_as_it_happens
    who_goes_on_misses_nothing_also_over_a_restart
    a_watch_of_one_user_is_told_of_no_other
    who_does_not_read_is_cut_off_and_can_go_on
    what_was_forgotten_is_out_of_range
}

/// Longer than anything takes that comes at all.
const PATIENCE: Duration = Duration::from_mins(1);

/// A watch, and where to go on after it.
struct Watch {
    stream: Streaming<pb::WatchSessionsResponse>,
    token: String,
}

impl Watch {
    async fn begin(caller: &mut Caller, request: pb::WatchSessionsRequest) -> Result<Self, Status> {
        let resumed = request.resume_token.clone();
        let stream = caller.sessions.watch_sessions(request).await?.into_inner();
        let mut watch = Self {
            stream,
            token: String::new(),
        };
        // The first message comes at once and only carries a token.
        let first = watch.message().await?;
        assert_eq!(first.event, None);
        assert!(resumed.is_empty() || first.resume_token == resumed);
        Ok(watch)
    }

    async fn from_now(caller: &mut Caller) -> Self {
        let all = pb::WatchSessionsRequest::default();
        Self::begin(caller, all).await.unwrap()
    }

    async fn after(caller: &mut Caller, token: &str) -> Result<Self, Status> {
        Self::begin(caller, after(token)).await
    }

    async fn message(&mut self) -> Result<pb::WatchSessionsResponse, Status> {
        let message = timeout(PATIENCE, self.stream.message()).await;
        let message = message.expect("a message or an end")?.unwrap();
        self.token.clone_from(&message.resume_token);
        Ok(message)
    }

    async fn next(&mut self) -> Result<pb::SessionEvent, Status> {
        loop {
            if let Some(event) = self.message().await?.event {
                return Ok(event);
            }
        }
    }

    /// So many events, as kinds and sessions.
    async fn told(&mut self, count: usize) -> Vec<(Kind, String)> {
        let mut told = Vec::new();
        while told.len() < count {
            told.push(named(&self.next().await.unwrap()));
        }
        told
    }
}

fn after(token: &str) -> pb::WatchSessionsRequest {
    pb::WatchSessionsRequest {
        resume_token: token.to_owned(),
        ..Default::default()
    }
}

fn of_user(user_id: &str) -> pb::WatchSessionsRequest {
    pb::WatchSessionsRequest {
        user_id: user_id.to_owned(),
        ..Default::default()
    }
}

fn named(event: &pb::SessionEvent) -> (Kind, String) {
    (event.kind(), event.session.clone().unwrap().id)
}

fn session(user_id: &str, number: u128) -> pb::StartSessionRequest {
    pb::StartSessionRequest {
        session_id: id(number),
        ..start(user_id)
    }
}

fn started(numbers: impl IntoIterator<Item = u128>) -> Vec<(Kind, String)> {
    let numbers = numbers.into_iter();
    numbers.map(|number| (Kind::Started, id(number))).collect()
}

async fn what_happens_is_told_as_it_happens(server: Server) {
    let mut caller = server.tenant(1);
    let mut watch = Watch::from_now(&mut caller).await;
    let mut neighbour = server.tenant(2);
    neighbour.start(session(USER, 1)).await;
    let begun = caller.start(session(USER, 1)).await;
    let event = watch.next().await.unwrap();
    assert_eq!(event.kind(), Kind::Started);
    assert_eq!(event.event_time, time(MORNING));
    assert_eq!(event.session, Some(begun));

    server.pass(Duration::from_mins(1));
    let session_id = id(1);
    let pause = pb::PauseSessionRequest {
        session_id: session_id.clone(),
    };
    let paused = caller.sessions.pause_session(pause).await.unwrap();
    let event = watch.next().await.unwrap();
    assert_eq!(event.kind(), Kind::Paused);
    assert_eq!(event.session, paused.into_inner().session);

    server.pass(Duration::from_mins(1));
    let resume = pb::ResumeSessionRequest {
        session_id: session_id.clone(),
    };
    let resumed = caller.sessions.resume_session(resume).await.unwrap();
    let event = watch.next().await.unwrap();
    assert_eq!(event.kind(), Kind::Resumed);
    assert_eq!(event.session, resumed.into_inner().session);

    let activity = pb::LogActivityRequest {
        session_id: session_id.clone(),
        activity_type: "testing".to_owned(),
        items_completed: 3,
        items_correct: 2,
        ..Default::default()
    };
    caller.sessions.log_activity(activity).await.unwrap();
    let event = watch.next().await.unwrap();
    assert_eq!(event.kind(), Kind::ActivityLogged);
    assert_eq!(event.session, Some(caller.get(&session_id).await));

    server.pass(Duration::from_mins(1));
    let end = pb::EndSessionRequest {
        session_id,
        notes: "well done".to_owned(),
        ..Default::default()
    };
    let ended = caller.end(end).await;
    let event = watch.next().await.unwrap();
    assert_eq!(event.kind(), Kind::Ended);
    assert_eq!(event.event_time, time("2026-03-02T09:03:00Z"));
    assert_eq!(event.session, Some(ended));
}

async fn who_goes_on_misses_nothing_also_over_a_restart(server: Server) {
    let mut caller = server.tenant(1);
    let mut watch = Watch::from_now(&mut caller).await;
    let begin = watch.token.clone();
    for number in 1..=300 {
        caller.start(session(USER, number)).await;
    }
    assert_eq!(watch.told(200).await, started(1..=200));
    let middle = watch.token.clone();
    // The service says so, whatever was on its way.
    server.stop.cancel();
    let ended = loop {
        if let Err(status) = watch.message().await {
            break status;
        }
    };
    assert_eq!(ended.code(), Code::Unavailable, "{ended:?}");
    assert_eq!(reason(&ended), "SHUTTING_DOWN");
    let last = watch.token.clone();

    let server = server.restarted().await;
    let mut caller = server.tenant(1);
    let mut again = Watch::after(&mut caller, &middle).await.unwrap();
    assert_eq!(again.told(100).await, started(201..=300));
    assert_eq!(again.token, {
        let mut whole = Watch::after(&mut caller, &begin).await.unwrap();
        assert_eq!(whole.told(300).await, started(1..=300));
        whole.token
    });
    // What comes next, comes to all: the last message's token is as good.
    let mut gone_on = Watch::after(&mut caller, &last).await.unwrap();
    caller.start(session(USER, 301)).await;
    assert_eq!(again.told(1).await, started([301]));
    while named(&gone_on.next().await.unwrap()) != (Kind::Started, id(301)) {}
}

async fn a_watch_of_one_user_is_told_of_no_other(server: Server) {
    let mut caller = server.tenant(1);
    let mut watch = Watch::begin(&mut caller, of_user(USER)).await.unwrap();
    let begin = watch.token.clone();
    for number in 1..=250 {
        caller.start(session(OTHER_USER, 1_000 + number)).await;
        if number % 50 == 0 {
            caller.start(session(USER, number)).await;
        }
    }
    let own = started([50, 100, 150, 200, 250]);
    assert_eq!(watch.told(5).await, own);
    let resumed = pb::WatchSessionsRequest {
        resume_token: begin.clone(),
        ..of_user(USER)
    };
    let mut again = Watch::begin(&mut caller, resumed).await.unwrap();
    assert_eq!(again.told(5).await, own);
    caller.start(session(USER, 251)).await;
    assert_eq!(watch.told(1).await, started([251]));
    assert_eq!(again.told(1).await, started([251]));

    // A token is good for its own watch alone.
    let list = pb::ListSessionsRequest {
        page_size: 1,
        ..Default::default()
    };
    let page = caller.sessions.list_sessions(list).await.unwrap();
    let of_list = page.into_inner().next_page_token;
    for (user_id, token) in [
        ("", &*begin),
        (OTHER_USER, &begin),
        (USER, &of_list),
        (USER, "AAAA"),
    ] {
        let request = pb::WatchSessionsRequest {
            resume_token: token.to_owned(),
            ..of_user(user_id)
        };
        let refused = caller.sessions.watch_sessions(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{user_id}");
    }
    let request = pb::WatchSessionsRequest {
        resume_token: begin,
        ..of_user(USER)
    };
    let neighbour = server.tenant(2).sessions.watch_sessions(request).await;
    assert_eq!(neighbour.unwrap_err().code(), Code::InvalidArgument);
}

async fn who_does_not_read_is_cut_off_and_can_go_on(server: Server) {
    // More than there is room for between here and there.
    const MANY: u128 = 2_500;
    let server = server.told(&["--keepalive-timeout", "1"]).await;
    let mut caller = server.tenant(1);
    let small = server.endpoint.clone().initial_stream_window_size(65_535);
    let mut slow_caller = Caller::of(&small.connect_lazy(), 1);
    let mut slow = Watch::from_now(&mut slow_caller).await;
    let mut quick = Watch::from_now(&mut caller).await;
    let many = usize::try_from(MANY).unwrap();
    let writes = async {
        for number in 1..=MANY {
            let begin = pb::StartSessionRequest {
                location: "a".repeat(100),
                ..session(USER, number)
            };
            caller.start(begin).await;
        }
    };
    let (told, ()) = tokio::join!(quick.told(many), writes);
    assert_eq!(told, started(1..=MANY));
    // As long as it may take nothing.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut told = Vec::new();
    let cut_off = loop {
        match slow.next().await {
            Ok(event) => {
                told.push(named(&event));
                assert!(told.len() < many, "it was never cut off");
            }
            Err(status) => break status,
        }
    };
    assert_eq!(cut_off.code(), Code::Aborted, "{cut_off:?}");
    assert_eq!(reason(&cut_off), "READER_TOO_SLOW");
    let mut rest = Watch::after(&mut caller, &slow.token).await.unwrap();
    told.extend(rest.told(many - told.len()).await);
    assert_eq!(told, started(1..=MANY));
}

async fn what_was_forgotten_is_out_of_range(server: Server) {
    // A day and an hour before what the next one believes.
    server.set_clock("2026-03-01T08:00:00Z");
    let mut caller = server.tenant(1);
    let mut watch = Watch::from_now(&mut caller).await;
    let begin = watch.token.clone();
    caller.start(session(USER, 1)).await;
    assert_eq!(watch.told(1).await, started([1]));
    let first = watch.token.clone();
    drop(watch);
    let server = server.restarted().await;
    let mut caller = server.tenant(1);
    // The job begins with the service.
    let refused = loop {
        match Watch::after(&mut caller, &begin).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code(), Code::OutOfRange, "{refused:?}");
    assert_eq!(reason(&refused), "EVENTS_FORGOTTEN");
    assert!(refused.message().contains("ListSessions"));
    // After the last one that was forgotten nothing is missing.
    let mut rest = Watch::after(&mut caller, &first).await.unwrap();
    caller.start(session(USER, 2)).await;
    // The sweep ends what was left open the day before.
    while named(&rest.next().await.unwrap()) != (Kind::Started, id(2)) {}
}

#[tokio::test]
async fn several_instances_tell_of_each_others() {
    let one = Server::postgres().await;
    let two = one.beside().await;
    let (mut here, mut there) = (one.tenant(1), two.tenant(1));
    let mut watches = [
        Watch::from_now(&mut here).await,
        Watch::from_now(&mut there).await,
    ];
    for number in 1..=20 {
        let caller = if number % 2 == 0 {
            &mut here
        } else {
            &mut there
        };
        caller.start(session(USER, number)).await;
    }
    let mut told = Vec::new();
    for watch in &mut watches {
        let mut mine = watch.told(20).await;
        mine.sort_by(|(_, a), (_, b)| a.cmp(b));
        assert_eq!(mine, started(1..=20));
        told.push(watch.token.clone());
    }
    // In the same order; and either goes on at the other.
    assert_eq!(told[0], told[1]);
    drop(one);
    let mut moved = Watch::after(&mut there, &told[0]).await.unwrap();
    there.start(session(USER, 21)).await;
    assert_eq!(moved.told(1).await, started([21]));
}

#[tokio::test]
async fn who_is_told_nothing_is_told_so() {
    let server = Server::limited(&["--watch-keep-alive", "1"]).await;
    let mut caller = server.tenant(1);
    let mut watch = Watch::begin(&mut caller, of_user(USER)).await.unwrap();
    let begin = watch.token.clone();
    caller.start(session(OTHER_USER, 1)).await;
    // It goes on behind what was not for it.
    let kept_alive = loop {
        let message = watch.message().await.unwrap();
        assert_eq!(message.event, None);
        if message.resume_token != begin {
            break message.resume_token;
        }
    };
    caller.start(session(USER, 2)).await;
    assert_eq!(watch.told(1).await, started([2]));
    let resumed = pb::WatchSessionsRequest {
        resume_token: kept_alive,
        ..of_user(USER)
    };
    let mut again = Watch::begin(&mut caller, resumed).await.unwrap();
    assert_eq!(again.told(1).await, started([2]));
}

#[tokio::test]
async fn a_user_watches_its_own() {
    let server = Server::with(setup()).await;
    let token = |role, user| auth::token(&server, 1, role, user);
    let mut service = Caller::bearing(&server.channel, &token("service", None));
    let mut user = Caller::bearing(&server.channel, &token("user", Some(USER)));
    let other = user.sessions.watch_sessions(of_user(OTHER_USER)).await;
    assert_eq!(other.unwrap_err().code(), Code::NotFound);
    let mut own = Watch::from_now(&mut user).await;
    let mut all = Watch::from_now(&mut service).await;
    let begin = all.token.clone();
    for (number, user) in [(1, OTHER_USER), (2, USER), (3, OTHER_USER), (4, USER)] {
        service.start(session(user, number)).await;
    }
    assert_eq!(own.told(2).await, started([2, 4]));
    assert_eq!(all.told(4).await, started(1..=4));
    // What the service was given is nothing for a user.
    for request in [after(&begin), after(&all.token)] {
        let refused = user.sessions.watch_sessions(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    let refused = service.sessions.watch_sessions(after(&own.token)).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn where_it_is_off_nothing_is_written_and_nobody_watches() {
    let server = Server::limited(&["--watch", "off"]).await;
    let mut caller = server.tenant(1);
    caller.start(session(USER, 1)).await;
    let all = pb::WatchSessionsRequest::default();
    let refused = caller.sessions.watch_sessions(all).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(reason(&refused), "WATCH_OFF");
    let counted = pb::DeleteUserDataRequest {
        user_id: USER.to_owned(),
        dry_run: true,
    };
    let counted = caller.settings.delete_user_data(counted).await.unwrap();
    assert_eq!(counted.into_inner().deleted_rows["session_events"], 0);
}

#[tokio::test]
async fn a_watch_ends_at_the_callers_deadline() {
    let server = Server::sqlite().await;
    let mut caller = server.tenant(1);
    let mut request = tonic::Request::new(pb::WatchSessionsRequest::default());
    request.set_timeout(Duration::from_secs(1));
    let stream = caller.sessions.watch_sessions(request).await.unwrap();
    let mut stream = stream.into_inner();
    let ended = loop {
        if let Err(status) = stream.message().await {
            break status;
        }
    };
    assert_eq!(ended.code(), Code::DeadlineExceeded);
}
