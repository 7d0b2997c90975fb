//! Which tenants have new work on this node: a transaction that emitted an event or asked for a job says so when it has
//! committed, and the dispatcher need not wait for its next look. Nothing is sent to the database for it.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

/// Tenants with new work.
pub(crate) struct Wake {
    tenants: Mutex<HashSet<Uuid>>,
    bell: Notify,
    listeners: broadcast::Sender<Uuid>,
}

/// Commits that a listener may be behind before it is told that it missed some.
const BEHIND: usize = 256;

impl Default for Wake {
    fn default() -> Self {
        Self { tenants: Mutex::default(), bell: Notify::default(), listeners: broadcast::Sender::new(BEHIND) }
    }
}

impl Wake {
    /// This tenant has new work.
    pub fn tenant(&self, tenant: Uuid) {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        self.bell.notify_one();
        // Nobody may be listening.
        self.listeners.send(tenant).ok();
    }

    /// Each commit of this node that left work, by its tenant.
    pub fn listen(&self) -> broadcast::Receiver<Uuid> {
        self.listeners.subscribe()
    }

    /// Waits until there are some, and takes them.
    pub async fn woken(&self) -> Vec<Uuid> {
        loop {
            let taken: Vec<Uuid> = self.tenants.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
            if !taken.is_empty() {
                return taken;
            }
            self.bell.notified().await;
        }
    }
}
