//! A thousand connections that send half a request and wait: others are served, and the server lets go of them.

use super::{
    caller::{Caller, PATIENTS},
    installation::Installation,
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const SOCKETS: usize = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_half_requests_keep_nobody_out_and_are_let_go() {
    let _turn = super::turn().await;
    // As many files as this needs; the server gets the limit that a shell begins with and raises it itself.
    salus_store::runtime::allow_open_files();
    let mut place = Installation::empty();
    place.limit_files = true;
    tokio::task::block_in_place(|| {
        place.start();
        place.furnish();
    });
    let mut slow = Vec::new();
    for _ in 0..SOCKETS {
        let mut stream = TcpStream::connect(place.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        slow.push(stream);
    }
    let caller = Caller::new(place.address, &place.key);
    for _ in 0..10 {
        let (status, told) = caller.get(PATIENTS).await.unwrap();
        assert_eq!(status, 200, "{told}");
    }
    for stream in &mut slow {
        let mut rest = Vec::new();
        let closed = timeout(Duration::from_mins(1), stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "a half-sent request stays open");
    }
    let (status, told) = caller.get(PATIENTS).await.unwrap();
    assert_eq!(status, 200, "{told}");
    place.stop();
}
