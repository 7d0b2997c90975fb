//! Those who listen for alerts on this node, and one look at the database for all of an organization.
//!
//! What holds: twice a second it is looked up whether what let each of them in still stands: session or key, account, organization,
//! roles, policy. Whether any alert changed is looked up when a transaction of this node committed, and ten times a second for what
//! other nodes did. Only then does anybody read, each through the door as themself. A thousand who listen cost as many looks as one.

use salus_core::{Error, Result};
use salus_domains::{alerts, auth};
use salus_store::{Db, runtime};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    time::{Instant, sleep_until, timeout_at},
};
use uuid::Uuid;

/// Between two looks at alerts when nothing rings.
const LOOK: Duration = Duration::from_millis(100);
/// Between two looks at what lets listeners in.
const STAND: Duration = Duration::from_millis(500);
/// Between two looks however often it rings: reading alerts is recorded, and so rings itself.
const REST: Duration = Duration::from_millis(25);
/// How far back it is looked whether anything changed: longer than any transaction that raises an alert.
const BACK: time::Duration = time::Duration::hours(1);
/// Listeners of one node, and of one user.
const MOST: usize = 4096;
const MOST_EACH: usize = 5;

/// Who listens on this node.
#[derive(Default)]
pub struct Listeners(Mutex<Places>);

#[derive(Default)]
struct Places {
    /// How many of each user.
    each: HashMap<Uuid, usize>,
    tenants: HashMap<Uuid, Watched>,
}

struct Watched {
    /// By which sessions and keys, and how many connections of each.
    seats: HashMap<Uuid, usize>,
    tell: watch::Sender<Beat>,
}

/// What a look found.
#[derive(Clone, Default, PartialEq)]
struct Beat {
    /// A sign of how the alerts stand; none before the first look.
    alerts: Option<(i64, i64)>,
    /// How each session and key stands that was asked about; none where it lets nobody in any more.
    seats: Arc<HashMap<Uuid, Option<String>>>,
    /// Whether the database could not be asked. Then nobody knows who may still listen.
    is_lost: bool,
}

/// What is new for one who listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct News {
    /// Some alert changed.
    pub(crate) alerts: bool,
    /// Something changed by which the caller is let in.
    pub(crate) access: bool,
}

/// A place among those who listen, given up when it is dropped.
pub(crate) struct Place {
    all: Arc<Listeners>,
    tenant: Uuid,
    user: Uuid,
    seat: Uuid,
    heard: watch::Receiver<Beat>,
    alerts: Option<(i64, i64)>,
    stands: Option<String>,
}

impl Listeners {
    /// Takes a place by a session or a key. What changes after this is told of by [`Place::news`].
    ///
    /// # Errors
    /// [`Error::TooMany`]; [`Error::Unavailable`] when the database cannot be asked.
    pub(crate) async fn take(
        self: &Arc<Self>,
        db: &Db,
        (tenant, user, seat): (Uuid, Uuid, Option<Uuid>),
    ) -> Result<Place> {
        let seat = seat.ok_or(Error::Unauthenticated)?;
        let mut place = self.sit(db, (tenant, user, seat))?;
        // Who reads how alerts stand before the first look would not hear of what changed in between.
        let first =
            place.heard.wait_for(|beat| beat.alerts.is_some() || beat.is_lost).await.map_err(Error::internal)?.clone();
        if first.is_lost {
            return Err(lost());
        }
        place.alerts = first.alerts;
        Ok(place)
    }

    fn sit(self: &Arc<Self>, db: &Db, (tenant, user, seat): (Uuid, Uuid, Uuid)) -> Result<Place> {
        let mut places = self.lock();
        if places.each.values().sum::<usize>() >= MOST || places.each.get(&user).is_some_and(|n| *n >= MOST_EACH) {
            return Err(Error::TooMany(60));
        }
        *places.each.entry(user).or_default() += 1;
        let watched = places.tenants.entry(tenant).or_insert_with(|| {
            runtime::spawn(Arc::clone(self).watch(db.clone(), tenant));
            Watched { seats: HashMap::new(), tell: watch::Sender::new(Beat::default()) }
        });
        *watched.seats.entry(seat).or_default() += 1;
        let heard = watched.tell.subscribe();
        Ok(Place { all: Arc::clone(self), tenant, user, seat, heard, alerts: None, stands: None })
    }

    /// Looks until nobody of the organization listens any more.
    async fn watch(self: Arc<Self>, db: Db, tenant: Uuid) {
        let mut commits = db.commits();
        let mut since = db.env().now() - BACK;
        let mut seats = Arc::default();
        let mut asked = None;
        loop {
            let begun = Instant::now();
            let now = db.env().now();
            if (now - since).abs() > BACK * 2 {
                since = now - BACK;
            }
            let is_due = asked.is_none_or(|at: Instant| at.elapsed() >= STAND);
            let Some(ids) = self.seats(tenant) else { return };
            let found = async {
                let alerts = alerts::pulse(&db, tenant, since).await?;
                if is_due {
                    seats = Arc::new(standing(&db, tenant, ids).await?);
                    asked = Some(begun);
                }
                Ok(alerts)
            };
            let beat = match found.await {
                Ok(alerts) => Beat { alerts: Some(alerts), seats: Arc::clone(&seats), is_lost: false },
                // Closed, with its keys destroyed.
                Err(Error::NotFound) => {
                    let all = self.seats(tenant).unwrap_or_default().into_iter().map(|id| (id, None)).collect();
                    Beat { alerts: Some((0, 0)), seats: Arc::new(all), is_lost: false }
                }
                Err(e) => {
                    tracing::info!(%tenant, error = %e, "who listens for alerts cannot be told what is new");
                    Beat { alerts: None, seats: Arc::clone(&seats), is_lost: true }
                }
            };
            if let Some(watched) = self.lock().tenants.get(&tenant) {
                watched.tell.send_if_modified(|was| std::mem::replace(was, beat.clone()) != beat);
            }
            sleep_until(begun + REST).await;
            let rung = async {
                // What rings for another organization is nothing to these.
                loop {
                    match commits.recv().await {
                        Ok(of) if of != tenant => {}
                        other => return other,
                    }
                }
            };
            if matches!(timeout_at(begun + LOOK, rung).await, Ok(Err(RecvError::Closed))) {
                self.lock().tenants.remove(&tenant);
                return;
            }
            // What rang meanwhile is seen by the same look.
            while commits.try_recv().is_ok() {}
        }
    }

    /// By which sessions and keys the organization listens; none when nobody does any more, and then it is forgotten.
    fn seats(&self, tenant: Uuid) -> Option<Vec<Uuid>> {
        let mut places = self.lock();
        let ids: Vec<Uuid> = places.tenants.get(&tenant)?.seats.keys().copied().collect();
        if ids.is_empty() {
            places.tenants.remove(&tenant);
            return None;
        }
        Some(ids)
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn standing(db: &Db, tenant: Uuid, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Option<String>>> {
    let mut stand = auth::standing(db, tenant, &ids).await?;
    Ok(ids.into_iter().map(|id| (id, stand.remove(&id))).collect())
}

fn lost() -> Error {
    Error::Unavailable("Who may listen cannot be looked up: connect again".into())
}

impl Place {
    /// Waits until something is new. May be given up at any moment.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the session, key, account or organization lives no more; [`Error::Unavailable`] when
    /// that cannot be looked up.
    pub(crate) async fn news(&mut self) -> Result<News> {
        loop {
            self.heard.changed().await.map_err(Error::internal)?;
            let beat = self.heard.borrow_and_update().clone();
            if beat.is_lost {
                return Err(lost());
            }
            let mut news = News { alerts: beat.alerts != self.alerts, access: false };
            self.alerts = beat.alerts;
            match beat.seats.get(&self.seat) {
                Some(None) => return Err(Error::Unauthenticated),
                Some(now) if *now != self.stands => {
                    self.stands.clone_from(now);
                    news.access = true;
                }
                // As it was; or not asked about, who sat down during a look.
                Some(_) | None => {}
            }
            if news.alerts || news.access {
                return Ok(news);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.all.lock();
        let places = &mut *places;
        give_up(&mut places.each, self.user);
        if let Some(watched) = places.tenants.get_mut(&self.tenant) {
            give_up(&mut watched.seats, self.seat);
        }
    }
}

fn give_up(all: &mut HashMap<Uuid, usize>, one: Uuid) {
    if let Some(n) = all.get_mut(&one) {
        *n -= 1;
        if *n == 0 {
            all.remove(&one);
        }
    }
}
