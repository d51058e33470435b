//! `WatchSessions`: what the hub's readers tell, and before that, and wherever a watcher is behind
//! them, what it reads for itself.

mod hub;

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc, oneshot,
    },
    time::{Instant, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use uuid::Uuid;

pub use self::hub::Hub;
use self::hub::{PAGE, Told};
use crate::{
    domain::{
        event::EventPlace,
        ids::{TenantId, UserId},
    },
    grpc::{
        Context,
        caller::Access,
        convert::{self, Check},
        status,
        token::{ListTokens, Place},
    },
    pb::v1 as pb,
    store::{
        Store,
        events::{EventPage, Rest, ToldEvent},
    },
};

/// Messages that wait for a reader; with more of them it is waited for.
const AHEAD: usize = 32;

type Message = pb::WatchSessionsResponse;

/// How sessions are watched.
#[derive(Clone)]
pub struct Watch {
    pub hub: Arc<Hub>,
    /// How long a watcher is sent nothing.
    pub keep_alive: Duration,
    /// How long a watcher may take no message.
    pub patience: Duration,
}

pub async fn sessions(
    context: &Context,
    access: Access,
    request: &pb::WatchSessionsRequest,
) -> Result<BoxStream<'static, Result<Message, Status>>, Status> {
    let mut check = Check::default();
    let user = check.optional_uuid("user_id", &request.user_id);
    let user = access.narrowed(user.map(UserId));
    let tokens = access.list_tokens(&context.tokens, "WatchSessions", &user);
    let after = tokens.open(&mut check, "resume_token", &request.resume_token);
    let after = check.done(after)?.map(event_place);
    let tenant = access.to_list(user)?;
    let watch = context.watch.clone().ok_or_else(status::not_watched)?;

    // First, so that nothing is between what is read here and what is told.
    let told = watch.hub.subscribe(tenant);
    let page = context.store.list_events(tenant, user, after, PAGE).await?;
    let page = page.ok_or_else(status::events_forgotten)?;
    let (room, messages) = mpsc::channel(AHEAD);
    let watcher = Watcher {
        store: context.store.clone(),
        tenant,
        user,
        tokens,
        place: after.unwrap_or(page.upto),
        room,
        sent: Instant::now(),
        stopping: context.stopping.clone(),
        watch,
    };
    Ok(spawned(watcher.run(page, told), messages).boxed())
}

/// The messages, and then what the task that sends them ends with.
fn spawned(
    run: impl Future<Output = Option<Status>> + Send + 'static,
    messages: mpsc::Receiver<Message>,
) -> impl Stream<Item = Result<Message, Status>> {
    let (end, ended) = oneshot::channel();
    tokio::spawn(async move {
        // A caller that went away does not hear of it.
        let _ = end.send(run.await);
    });
    let messages = ReceiverStream::new(messages).map(Ok);
    messages.chain(stream::once(ended).filter_map(|ended| async { ended.ok().flatten().map(Err) }))
}

/// Why a watcher ends: what its caller is told, if there still is one.
type Ended = Option<Status>;

struct Watcher {
    store: Arc<dyn Store>,
    tenant: TenantId,
    user: Option<UserId>,
    tokens: ListTokens,
    /// All up to here is told.
    place: EventPlace,
    room: mpsc::Sender<Message>,
    /// When the last message was sent.
    sent: Instant,
    stopping: CancellationToken,
    watch: Watch,
}

impl Watcher {
    async fn run(mut self, page: EventPage, told: broadcast::Receiver<Told>) -> Ended {
        match self.watch_on(page, told).await {
            Err(ended) => ended,
        }
    }

    async fn watch_on(
        &mut self,
        page: EventPage,
        mut told: broadcast::Receiver<Told>,
    ) -> Result<Infallible, Ended> {
        self.send(None).await?;
        self.tell(&page).await?;
        if page.rest == Rest::More {
            self.catch_up().await?;
        }
        loop {
            let heard = tokio::select! {
                () = self.room.closed() => return Err(None),
                () = self.stopping.cancelled() => return Err(Some(status::stopping())),
                () = sleep_until(self.sent + self.watch.keep_alive) => None,
                heard = told.recv() => Some(heard),
            };
            match heard {
                None => self.send(None).await?,
                Some(Ok(Err(status))) => return Err(Some(status)),
                Some(Ok(Ok(batch))) => {
                    if batch.after > self.place {
                        self.catch_up().await?;
                    }
                    self.tell(&batch.page).await?;
                }
                // The next batch is further on.
                Some(Err(RecvError::Lagged(_))) => {}
                Some(Err(RecvError::Closed)) => return Err(Some(status::stopping())),
            }
        }
    }

    /// Tells what is stored, up to where nothing more can be told.
    async fn catch_up(&mut self) -> Result<(), Ended> {
        loop {
            let after = Some(self.place);
            let page = self.store.list_events(self.tenant, self.user, after, PAGE);
            let page = page.await.map_err(|error| Some(error.into()))?;
            let page = page.ok_or_else(|| Some(status::events_forgotten()))?;
            self.tell(&page).await?;
            if page.rest != Rest::More {
                return Ok(());
            }
        }
    }

    /// Tells those of the events that are for this watcher and were not told yet.
    async fn tell(&mut self, page: &EventPage) -> Result<(), Ended> {
        for event in &page.events {
            let is_asked_for = self
                .user
                .is_none_or(|user| user == event.view.session.user_id);
            if is_asked_for && event.place > self.place {
                self.place = event.place;
                self.send(Some(event)).await?;
            }
        }
        self.place = self.place.max(page.upto);
        Ok(())
    }

    /// Waits for room, as long as a reader may take.
    async fn send(&mut self, event: Option<&ToldEvent>) -> Result<(), Ended> {
        let message = Message {
            event: event.map(encoded),
            resume_token: self.tokens.seal(token_place(self.place)),
        };
        let room = tokio::select! {
            () = self.stopping.cancelled() => return Err(Some(status::stopping())),
            room = timeout(self.watch.patience, self.room.reserve()) => room,
        };
        match room {
            Ok(Ok(room)) => room.send(message),
            Ok(Err(_)) => return Err(None),
            Err(_) => return Err(Some(status::too_slow(self.watch.patience))),
        }
        self.sent = Instant::now();
        Ok(())
    }
}

fn encoded(event: &ToldEvent) -> pb::SessionEvent {
    pb::SessionEvent {
        kind: convert::event_kind(event.kind).into(),
        event_time: Some(convert::timestamp(event.at)),
        session: Some(convert::session(event.view.clone())),
    }
}

fn token_place(place: EventPlace) -> Place {
    let (epoch, number) = (place.epoch.cast_unsigned(), place.number.cast_unsigned());
    (place.position, Uuid::from_u64_pair(epoch, number))
}

/// What [`token_place`] was made of.
fn event_place((position, words): Place) -> EventPlace {
    let (epoch, number) = words.as_u64_pair();
    EventPlace {
        epoch: epoch.cast_signed(),
        position,
        number: number.cast_signed(),
    }
}
