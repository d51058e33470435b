//! Eight clients of one session on two instances of the service: each answer is one that some
//! order of the calls allows.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dwell::{
    domain::{
        activity::ActivityDetails,
        commands::LogActivity,
        fingerprint::Fingerprint,
        ids::{ActivityId, SessionId},
        rejection::Rejection,
        session::{Phase, SessionReview, SessionView},
    },
    store::Error,
};

use crate::fixture::{Fixture, completed, not_found, session, start_session, user};

on_both_engines! {
    every_answer_is_one_that_some_order_allows
}

const SEEDS: u64 = 25;
const CLIENTS: usize = 8;
const CALLS: usize = 10;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Call {
    Start,
    Heartbeat,
    Pause,
    Resume,
    /// Its number is what the session keeps as notes.
    End(usize),
    /// Its number is the bit that it adds to the session's correct items.
    LogActivity(usize),
    Get,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum State {
    Active,
    Paused,
    Ended,
}

/// All that the calls change of a session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Session {
    state: State,
    /// Which call ended it.
    ended_by: Option<usize>,
    items: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    NotFound,
    Ended,
    Logged,
    /// The session, and whether this call was the one that made or ended it.
    Told(Session, bool),
}

/// What a call does, and is told, if it is alone: the rules in their plainest form.
fn alone(before: Option<Session>, call: Call) -> (Option<Session>, Answer) {
    let Some(mut now) = before else {
        let new = Session {
            state: State::Active,
            ended_by: None,
            items: 0,
        };
        return match call {
            Call::Start => (Some(new), Answer::Told(new, true)),
            _ => (None, Answer::NotFound),
        };
    };
    let over = now.state == State::Ended;
    let answer = match call {
        Call::Heartbeat | Call::Pause | Call::Resume if over => Answer::Ended,
        Call::Start | Call::Heartbeat | Call::Get => Answer::Told(now, false),
        Call::Pause => {
            now.state = State::Paused;
            Answer::Told(now, false)
        }
        Call::Resume => {
            now.state = State::Active;
            Answer::Told(now, false)
        }
        Call::End(_) if over => Answer::Told(now, false),
        Call::End(number) => {
            now.state = State::Ended;
            now.ended_by = Some(number);
            Answer::Told(now, true)
        }
        Call::LogActivity(bit) => {
            now.items |= 1 << bit;
            Answer::Logged
        }
    };
    (Some(now), answer)
}

/// A call that was answered, and the numbers of these two events among all of the history.
#[derive(Clone, Copy, Debug)]
struct Event {
    call: Call,
    answer: Answer,
    called: u64,
    answered: u64,
}

/// Whether there is an order of the calls in which each is answered as it was, and none comes
/// after one that was called only when it had been answered. As Wing and Gong search for it
/// (Testing and Verifying Concurrent Objects, 1993), each situation once, as Lowe has it.
fn is_allowed(history: &[Event]) -> bool {
    fn search(
        history: &[Event],
        done: u128,
        session: Option<Session>,
        seen: &mut HashSet<(u128, Option<Session>)>,
    ) -> bool {
        let left = || {
            let events = history.iter().enumerate();
            events.filter(move |(index, _)| done & 1 << index == 0)
        };
        let Some(first) = left().map(|(_, event)| event.answered).min() else {
            return true;
        };
        seen.insert((done, session))
            && left().any(|(index, event)| {
                let (next, answer) = alone(session, event.call);
                event.called < first
                    && answer == event.answer
                    && search(history, done | 1 << index, next, seen)
            })
    }
    search(history, 0, None, &mut HashSet::new())
}

fn told(view: &SessionView, first: bool) -> Answer {
    let session = &view.session;
    let told = Session {
        state: match session.phase {
            Phase::Active => State::Active,
            Phase::Paused { .. } => State::Paused,
            Phase::Ended { .. } => State::Ended,
        },
        ended_by: session.review.notes.parse().ok(),
        items: session.items_correct,
    };
    Answer::Told(told, first)
}

/// An answer that is no view of the session.
fn refused(error: &Error) -> Answer {
    match error {
        Error::Rejected(Rejection::SessionEnded { .. }) => Answer::Ended,
        error if *error == not_found() => Answer::NotFound,
        other => panic!("{other:?}"),
    }
}

async fn log(db: &Fixture, id: SessionId, bit: usize) -> Result<(), Error> {
    let details = ActivityDetails {
        activity_type: "reading".to_owned(),
        content_type: String::new(),
        content_id: String::new(),
        items_completed: 1 << bit,
        items_correct: 1 << bit,
        metadata: None,
    };
    let activity_id = ActivityId(db.new_id());
    let logged = db.submit_for(id, |user_id| LogActivity {
        user_id,
        session_id: id,
        activity_id,
        details: details.clone(),
        start_time: None,
        duration: Duration::ZERO,
        fingerprint: Some(Fingerprint::of("LogActivity", &(id, bit))),
    });
    logged.await.map(|_| ())
}

async fn make(db: &Fixture, call: Call, number: u64) -> Answer {
    let id = session(number.into());
    let view = match call {
        Call::Start => {
            let started = db.submit(start_session(user(number.into()), id)).await;
            return started.map_or_else(
                |error| refused(&error),
                |started| told(&started.view, started.created),
            );
        }
        Call::End(number) => {
            let review = SessionReview {
                notes: number.to_string(),
                ..completed()
            };
            let ended = db.end_with(id, review, None).await;
            return ended.map_or_else(
                |error| refused(&error),
                |ended| told(&ended.view, !ended.already),
            );
        }
        Call::LogActivity(bit) => {
            let logged = log(db, id, bit).await;
            return logged.map_or_else(|error| refused(&error), |()| Answer::Logged);
        }
        Call::Get => db.find_session(id).await.ok_or_else(not_found),
        Call::Heartbeat => db.heartbeat(id).await,
        Call::Pause => db.pause(id).await,
        Call::Resume => db.resume(id).await,
    };
    view.map_or_else(|error| refused(&error), |view| told(&view, false))
}

fn any_call(random: &mut fastrand::Rng, number: usize) -> Call {
    match random.u8(..16) {
        0..3 => Call::Start,
        3..5 => Call::Heartbeat,
        5..7 => Call::Pause,
        7..9 => Call::Resume,
        9 => Call::End(number),
        // Bits that an integer of the ledger has.
        10..13 if number < 60 => Call::LogActivity(number),
        _ => Call::Get,
    }
}

/// What all clients did with the session of this number, and were told.
async fn history(instances: &[Fixture; 2], number: u64) -> Vec<Event> {
    let events = Arc::new(AtomicU64::new(0));
    let clients = (0..CLIENTS).map(|client| {
        let db = instances[client % 2].clone();
        let events = events.clone();
        let mut random = fastrand::Rng::with_seed(number << 8 | u64::try_from(client).unwrap());
        tokio::spawn(async move {
            let mut own = Vec::new();
            for turn in 0..CALLS {
                let call = any_call(&mut random, turn * CLIENTS + client);
                let called = events.fetch_add(1, Ordering::SeqCst);
                let answer = make(&db, call, number).await;
                let answered = events.fetch_add(1, Ordering::SeqCst);
                own.push(Event {
                    call,
                    answer,
                    called,
                    answered,
                });
            }
            own
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut history = Vec::new();
    for client in clients {
        history.extend(client.await.unwrap());
    }
    history.sort_by_key(|event| event.called);
    history
}

async fn every_answer_is_one_that_some_order_allows(db: Fixture) {
    let instances = [db.second_instance().await, db.clone()];
    // Short ones after each other, so that calls meet often.
    for seed in 1..=SEEDS {
        let history = history(&instances, seed).await;
        assert!(is_allowed(&history), "seed {seed}: {history:#?}");
    }
}

/// A history of calls that are answered as said, at these times.
fn told_at(events: &[(Call, Answer, u64, u64)]) -> Vec<Event> {
    let events = events.iter();
    let event = |&(call, answer, called, answered)| Event {
        call,
        answer,
        called,
        answered,
    };
    events.map(event).collect()
}

#[test]
fn the_search_finds_an_order_if_there_is_one() {
    let new = alone(None, Call::Start).0.unwrap();
    let paused = Session {
        state: State::Paused,
        ..new
    };
    let ended = |by| Session {
        state: State::Ended,
        ended_by: Some(by),
        ..new
    };
    let start = (Call::Start, Answer::Told(new, true), 0, 1);
    let beat = Call::Heartbeat;
    // At the same time: the heartbeat may have been first.
    let both = [
        start,
        (Call::End(1), Answer::Told(ended(1), true), 2, 5),
        (beat, Answer::Told(new, false), 3, 4),
    ];
    assert!(is_allowed(&told_at(&both)));
    // One after the other: it was not.
    let late = [
        start,
        (Call::End(1), Answer::Told(ended(1), true), 2, 3),
        (beat, Answer::Told(new, false), 4, 5),
    ];
    assert!(!is_allowed(&told_at(&late)));
    // Two that ended it.
    let twice = [
        start,
        (Call::End(1), Answer::Told(ended(1), true), 2, 4),
        (Call::End(2), Answer::Told(ended(2), true), 3, 5),
    ];
    assert!(!is_allowed(&told_at(&twice)));
    // A pause that was answered, and lost.
    let lost = [
        start,
        (Call::Pause, Answer::Told(paused, false), 2, 3),
        (Call::Get, Answer::Told(new, false), 4, 5),
    ];
    assert!(!is_allowed(&told_at(&lost)));
    // An activity that two others do not agree about.
    let logged = Session { items: 1, ..new };
    let back = [
        start,
        (Call::LogActivity(0), Answer::Logged, 2, 9),
        (Call::Get, Answer::Told(logged, false), 3, 4),
        (Call::Get, Answer::Told(new, false), 5, 6),
    ];
    assert!(!is_allowed(&told_at(&back)));
}
