//! One reader for each tenant that is watched here, whoever many watch it.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, broadcast},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    domain::{event::EventPlace, ids::TenantId},
    grpc::status,
    store::{
        Store,
        events::{EventPage, Rest},
    },
};

/// Events that are read at a time.
pub const PAGE: usize = 200;
/// Pages that are there for whoever is behind; who falls further back reads for itself.
const BEHIND: usize = 8;
/// When it is looked for events that nobody told of.
const POLL: Duration = Duration::from_secs(1);
/// Between two looks, so that many small commits are one.
const GATHER: Duration = Duration::from_millis(20);

/// Some of a tenant's events, all there are after a place.
#[derive(Debug)]
pub struct Batch {
    pub after: EventPlace,
    pub page: EventPage,
}

/// What a reader tells, or why it ends.
pub type Told = Result<Arc<Batch>, Status>;

/// The tenants that are watched here.
pub struct Hub {
    store: Arc<dyn Store>,
    stopping: CancellationToken,
    watched: Mutex<HashMap<TenantId, broadcast::Sender<Told>>>,
}

impl Hub {
    pub fn new(store: Arc<dyn Store>, stopping: CancellationToken) -> Self {
        Self {
            store,
            stopping,
            watched: Mutex::default(),
        }
    }

    /// What is read from now on of a tenant's events.
    pub fn subscribe(self: &Arc<Self>, tenant: TenantId) -> broadcast::Receiver<Told> {
        match self.watched().entry(tenant) {
            Entry::Occupied(reader) => reader.get().subscribe(),
            Entry::Vacant(vacant) => {
                let (sender, receiver) = broadcast::channel(BEHIND);
                vacant.insert(sender.clone());
                tokio::spawn(self.clone().read(tenant, sender));
                receiver
            }
        }
    }

    /// Reads until nobody watches any more, or until it cannot.
    async fn read(self: Arc<Self>, tenant: TenantId, sender: broadcast::Sender<Told>) {
        let read = self.read_on(tenant, &sender);
        if let Some(Err(status)) = self.stopping.run_until_cancelled(read).await {
            // Whoever comes now gets a reader of its own.
            self.watched().remove(&tenant);
            let _ = sender.send(Err(status));
        }
    }

    async fn read_on(
        &self,
        tenant: TenantId,
        sender: &broadcast::Sender<Told>,
    ) -> Result<(), Status> {
        let wake = self.store.event_wake(tenant);
        let mut place = None;
        let mut pause = GATHER;
        while self.is_watched(tenant, sender) {
            let page = self.store.list_events(tenant, None, place, PAGE).await?;
            let page = page.ok_or_else(status::events_forgotten)?;
            let (rest, is_first) = (page.rest, place.is_none());
            let after = place.unwrap_or(page.upto);
            place = Some(page.upto);
            // Who was there before the first look may have missed something before it.
            if is_first || page.upto != after {
                pause = GATHER;
                let _ = sender.send(Ok(Arc::new(Batch { after, page })));
            }
            pause = wait(rest, pause, &wake).await;
        }
        Ok(())
    }

    /// Whether anybody watches; if not, the reader is nobody's any more.
    fn is_watched(&self, tenant: TenantId, sender: &broadcast::Sender<Told>) -> bool {
        let mut watched = self.watched();
        let is_watched = sender.receiver_count() > 0;
        if !is_watched {
            watched.remove(&tenant);
        }
        is_watched
    }

    /// Nothing panics while it holds the lock.
    fn watched(&self) -> MutexGuard<'_, HashMap<TenantId, broadcast::Sender<Told>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until it is worth another look; returns how long to wait if that one finds nothing either that
/// may be told.
async fn wait(rest: Rest, pause: Duration, wake: &Notify) -> Duration {
    match rest {
        Rest::More => return GATHER,
        Rest::HeldBack => {
            sleep(pause).await;
            return POLL.min(pause * 2);
        }
        Rest::Nothing => {}
    }
    sleep(GATHER).await;
    // Without a word it is looked all the same.
    let _ = timeout(POLL, wake.notified()).await;
    GATHER
}
