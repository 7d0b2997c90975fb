//! HTTP/1.1 as strictly as health data deserves: own framing rules before hyper sees a byte, limits on everything,
//! slow clients closed, requests drained on shutdown.

mod closing;
mod framing;
mod peer;
mod serve;

pub use closing::Closing;
pub use framing::Patience;
pub use peer::Peer;
pub use serve::{Limits, serve};
