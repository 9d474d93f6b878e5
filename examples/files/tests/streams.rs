//! Large files: on their way to clients that read fast, slowly or not at all, and files that change
//! meanwhile.

use super::{Client, Site};
use crate::kit::child;
use crate::kit::driver::{apply, on_each_driver};
use crate::kit::process;
use crate::kit::tcp::megabytes;
use crate::kit::wait::eventually;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

/// Copies of the eight megabytes of the pattern: more than the buffers of a connection hold.
const COPIES: usize = 6;

fn byte_count() -> usize {
    COPIES * megabytes().len()
}

fn write_large(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for _ in 0..COPIES {
        file.write_all(megabytes()).unwrap();
    }
}

/// Reads as much as comes, up to `most`, and checks that it is what is at `at` in the large file.
#[track_caller]
fn check(client: &mut Client, mut at: usize, most: usize) -> usize {
    let mut room = vec![0; 256 * 1024];
    let mut come = 0;
    while come < most {
        let len = room.len().min(most - come);
        // A reset is an end like any other.
        let count = client.0.read(&mut room[..len]).unwrap_or(0);
        if count == 0 {
            break;
        }
        let mut rest = &room[..count];
        while !rest.is_empty() {
            let expected = &megabytes()[at % megabytes().len()..];
            let len = rest.len().min(expected.len());
            assert!(rest[..len] == expected[..len], "behind {at}");
            rest = &rest[len..];
            at += len;
        }
        come += count;
    }
    come
}

/// How often this process has the file open.
fn times_open(path: &Path) -> usize {
    let path = path.canonicalize().unwrap();
    let open = fs::read_dir("/proc/self/fd").unwrap();
    let links = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| *link == path).count()
}

#[apply(on_each_driver)]
fn a_large_file_is_the_same_whole_and_by_parts() {
    let site = Site::start();
    write_large(&site.path("large"));
    let mut client = site.connect();
    client.send("GET", "/large", &[]);
    assert_eq!(client.head().len(), byte_count() as u64);
    assert_eq!(check(&mut client, 0, byte_count()), byte_count());
    // Parts that begin and end at no chunk's edge, on the same connection.
    let mut at = 0;
    for step in [1, 65_535, 65_536, 65_537, 1_234_567].iter().cycle() {
        let end = (at + step * 3).min(byte_count());
        let range = format!("bytes={at}-{}", end - 1);
        client.send("GET", "/large", &[("range", &range)]);
        let head = client.head();
        assert_eq!((head.status, head.len()), (206, (end - at) as u64));
        assert_eq!(check(&mut client, at, end - at), end - at);
        at = end;
        if at == byte_count() {
            break;
        }
    }
    drop(client);
    eventually("the close", || times_open(&site.path("large")) == 0);
    site.end();
}

#[apply(on_each_driver)]
fn a_client_that_goes_away_ends_its_answer() {
    let site = Site::start();
    let path = site.path("large");
    write_large(&path);
    for _ in 0..10 {
        let mut client = site.connect();
        client.send("GET", "/large", &[]);
        assert_eq!(client.head().status, 200);
        assert_eq!(check(&mut client, 0, 1000), 1000);
        assert_eq!(times_open(&path), 1, "most is yet to come");
        drop(client);
        eventually("the close", || times_open(&path) == 0);
    }
    site.end();
}

#[apply(on_each_driver)]
fn slow_readers_cost_little_and_hold_nobody_up() {
    const READERS: usize = 8;
    let name = "tests::streams::slow_readers_cost_little_and_hold_nobody_up";
    child::alone(name, || {
        let site = Site::start();
        write_large(&site.path("large"));
        site.write("small", "text");
        let mut slow: Vec<Client> = (0..READERS).map(|_| site.connect()).collect();
        let before = process::peak_resident_kib();
        for client in &mut slow {
            client.send("GET", "/large", &[]);
            assert_eq!(client.head().status, 200);
        }
        for _ in 0..100 {
            site.connect().expect("/small", &[], 200, "text");
        }
        // By turns, a little each; then the rest.
        let mut come = [0; READERS];
        for most in [100_000, 100_000, 100_000, byte_count()] {
            for (client, come) in slow.iter_mut().zip(&mut come) {
                *come += check(client, *come, most.min(byte_count() - *come));
            }
        }
        assert_eq!(come, [byte_count(); READERS]);
        let more = process::peak_resident_kib() - before;
        println!("{more} KiB more");
        assert!(more < 32 << 10, "{more} KiB more");
        drop(slow);
        site.end();
    });
}

#[apply(on_each_driver)]
fn a_file_that_shrinks_meanwhile_closes_the_connection() {
    const LEFT: usize = 1 << 20;
    let site = Site::start();
    let path = site.path("large");
    write_large(&path);
    let mut client = site.connect();
    client.send("GET", "/large", &[]);
    assert_eq!(client.head().len(), byte_count() as u64);
    assert_eq!(check(&mut client, 0, 1000), 1000);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(LEFT as u64).unwrap();
    drop(file);
    // What was read before may still come; nothing else does.
    let come = 1000 + check(&mut client, 1000, byte_count());
    assert!(come < byte_count(), "{come} bytes");
    eventually("the close", || times_open(&path) == 0);
    // Others are served, and told of the new length.
    client = site.connect();
    client.send("GET", "/large", &[]);
    assert_eq!(client.head().len(), LEFT as u64);
    assert_eq!(check(&mut client, 0, LEFT), LEFT);
    drop(client);
    site.end();
}

#[apply(on_each_driver)]
fn a_file_that_grows_or_is_replaced_meanwhile_comes_as_it_was() {
    let site = Site::start();
    let path = site.path("large");
    write_large(&path);
    let mut clients = [site.connect(), site.connect()];
    for client in &mut clients {
        client.send("GET", "/large", &[]);
        assert_eq!(client.head().len(), byte_count() as u64);
    }
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    file.write_all(b"more").unwrap();
    site.write("next", "other");
    fs::rename(site.path("next"), &path).unwrap();
    for client in &mut clients {
        assert_eq!(check(client, 0, byte_count()), byte_count());
        // The connection goes on behind it.
        client.expect("/large", &[], 200, "other");
    }
    drop(clients);
    site.end();
}
