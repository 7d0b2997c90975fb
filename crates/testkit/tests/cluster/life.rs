//! From the first start to the last stop, with every kind of death between.

use crate::home::{Home, kill, lives, psql, until};
use std::{process::Command, time::Duration};

const COUNT: &str = "SELECT count(*) FROM kept";

#[test]
fn is_made_once_and_stops_with_its_last_user() {
    let home = Home::new();
    let first = home.open();
    psql(first.socket_dir(), "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)").unwrap();
    let server = home.server();
    let second = home.user();
    assert_eq!(home.server(), server, "the second process uses the server of the first");
    drop(first);
    assert_eq!(psql(&second.socket_dir, COUNT).unwrap(), "1", "it outlives the process that started it");
    second.leave();
    assert!(!lives(server), "the last user's end waits until the server has stopped");
    assert!(home.postgres_log().contains("database system is shut down"), "cleanly");

    let again = home.open();
    assert_eq!(psql(again.socket_dir(), COUNT).unwrap(), "1");
}

#[test]
fn is_started_once_by_many() {
    let home = Home::new();
    let starting: Vec<_> = (0..4).map(|_| home.start_user()).collect();
    let users: Vec<_> = starting.into_iter().map(|child| home.wait(child)).collect();
    let server = home.server();
    assert!(users.iter().all(|u| psql(&u.socket_dir, "SELECT 1").unwrap() == "1"));
    for user in users {
        assert_eq!(home.server(), server);
        user.leave();
    }
    assert!(!lives(server));
}

#[test]
fn is_not_started_again_when_it_runs() {
    let home = Home::new();
    let _first = home.open();
    let server = home.server();
    drop(home.open());
    assert_eq!(home.server(), server, "the second user found the first one's server");
}

#[test]
fn stops_when_its_user_is_killed() {
    let home = Home::new();
    let user = home.user();
    let (server, guard) = (home.server(), home.guard());
    user.kill();
    until("the server has stopped", || !lives(server) && !lives(guard));
    assert!(home.postgres_log().contains("database system is shut down"), "cleanly");
}

#[test]
fn outlives_the_signals_of_a_terminal() {
    let home = Home::new();
    let user = home.user();
    let (server, guard) = (home.server(), home.guard());
    for signal in ["INT", "TERM", "HUP"] {
        kill(guard, signal);
    }
    std::thread::sleep(Duration::from_millis(300));
    assert!(lives(server) && lives(guard));
    let session = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let field = |pid| session(pid).rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap().to_owned();
    assert_eq!(field(guard), guard.to_string(), "it leads a session of its own");
    user.leave();
    assert!(!lives(server));
}

#[test]
fn a_killed_guard_is_replaced_and_its_server_adopted() {
    let home = Home::new();
    let user = home.user();
    let (server, guard) = (home.server(), home.guard());
    kill(guard, "KILL");
    until("there is another guard", || home.find_guard().is_some_and(|other| other != guard));
    assert_eq!(psql(&user.socket_dir, "SELECT 1").unwrap(), "1");
    assert_eq!(home.server(), server);
    user.leave();
    assert!(!lives(server), "the new guard stops the server it adopted");
}

#[test]
fn a_server_whose_guard_was_just_killed_is_stopped_all_the_same() {
    let home = Home::new();
    let user = home.user();
    let server = home.server();
    kill(home.guard(), "KILL");
    user.leave();
    assert!(!lives(server));
}

#[test]
fn a_server_left_alone_is_adopted() {
    let home = Home::new();
    let user = home.user();
    psql(&user.socket_dir, "CREATE TABLE kept (id int)").unwrap();
    let (server, guard) = (home.server(), home.guard());
    // Both at once, as a machine short of memory may do.
    kill(user.child.id().try_into().unwrap(), "KILL");
    kill(guard, "KILL");
    let user = home.user();
    assert_eq!(psql(&user.socket_dir, COUNT).unwrap(), "0");
    user.leave();
    assert!(!lives(server));
}

#[test]
fn recovers_when_everything_is_killed() {
    let home = Home::new();
    let user = home.user();
    psql(&user.socket_dir, "CREATE TABLE kept (id int); INSERT INTO kept SELECT generate_series(1, 1000)").unwrap();
    let (server, guard) = (home.server(), home.guard());
    for pid in [guard, server, user.child.id().try_into().unwrap()] {
        kill(pid, "KILL");
    }
    let again = home.user();
    assert_eq!(psql(&again.socket_dir, COUNT).unwrap(), "1000");
    assert_ne!(home.server(), server);
    again.leave();
}

#[test]
fn a_crashed_server_is_started_again() {
    let home = Home::new();
    let user = home.user();
    psql(&user.socket_dir, "CREATE TABLE kept (id int); INSERT INTO kept VALUES (1)").unwrap();
    let server = home.server();
    kill(server, "KILL");
    until("it answers again", || psql(&user.socket_dir, COUNT).is_ok_and(|n| n == "1"));
    assert_ne!(home.server(), server);
    assert!(home.guard_log().contains("started again"));
    user.leave();
}

#[test]
fn a_number_taken_by_another_process_is_no_server() {
    let home = Home::new();
    home.user().leave();
    let mut other = Command::new("sleep").arg("60").spawn().unwrap();
    let stale = format!("{}\n{}\n0\n5432\n../run\n\n0 0\nready   \n", other.id(), home.data().display());
    std::fs::write(home.data().join("postmaster.pid"), stale).unwrap();
    let cluster = home.open();
    assert_eq!(psql(cluster.socket_dir(), "SELECT 1").unwrap(), "1");
    other.kill().unwrap();
    other.wait().unwrap();
}
