//! The whole server, asked by real clients.

mod answers;
mod escapes;
mod streams;

use crate::kit::server::Serving;
use crate::kit::wait::NEVER;
use crate::service;
use hyper::service::service_fn;
use ringmill::fs::File;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const LOOPS: usize = 2;

/// When the files of a site were written: at 784111777 s, the date of RFC 9110's examples, and a
/// part of a second.
const WRITTEN: Duration = Duration::from_millis(784_111_777_250);
const WRITTEN_DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// A directory that is served, and one beside it that is not.
struct Site {
    base: tempfile::TempDir,
    serving: Serving,
}

impl Site {
    fn start() -> Self {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(base.path().join("secret"), "secret").unwrap();
        let serving = Serving::start(LOOPS, async move |_, ready| {
            let root = Arc::new(File::open(root).await.unwrap());
            let answer = service_fn(move |request| service::answer(root.clone(), request));
            let server = ringmill::hyper::serve(("127.0.0.1", 0), answer)
                .signals(false)
                .on_ready(ready);
            server.await.unwrap();
        });
        Site { base, serving }
    }

    /// A path beneath the root.
    fn path(&self, name: &str) -> PathBuf {
        self.base.path().join("root").join(name)
    }

    /// Puts a file there, as old as [`WRITTEN`].
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        set_age(&path, SystemTime::UNIX_EPOCH + WRITTEN);
    }

    fn connect(&self) -> Client {
        Client::connect(self.serving.address)
    }

    /// Ends the server. Clients are to be dropped before: it waits a second for those that are told of
    /// the end and do not close.
    fn end(self) {
        self.serving.end();
    }
}

fn set_age(path: &Path, time: SystemTime) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

struct Client(TcpStream);

struct Reply {
    status: u16,
    /// The status line and the headers, each line in lower case.
    head: String,
    body: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(NEVER)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(stream)
    }

    fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) {
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: test\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        self.0.write_all(request.as_bytes()).unwrap();
    }

    /// Reads an answer up to its body, and not further.
    fn head(&mut self) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let came = self.0.read_exact(&mut byte);
            assert!(
                came.is_ok(),
                "{came:?}, after {:?}",
                String::from_utf8_lossy(&head)
            );
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        Reply {
            status: head[9..12].parse().unwrap(),
            head,
            body: Vec::new(),
        }
    }

    /// Asks, and reads the whole answer. What should not follow the answer to HEAD or a 304 would be
    /// taken for the next one's head.
    fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(method, target, headers);
        let mut reply = self.head();
        if method != "HEAD" && reply.status != 304 {
            reply.body = vec![0; reply.len() as usize];
            self.0.read_exact(&mut reply.body).unwrap();
        }
        reply
    }

    fn get(&mut self, target: &str) -> Reply {
        self.ask("GET", target, &[])
    }

    #[track_caller]
    fn expect(&mut self, target: &str, headers: &[(&str, &str)], status: u16, body: &str) {
        let reply = self.ask("GET", target, headers);
        assert_eq!(
            (reply.status, &*reply.text()),
            (status, body),
            "{target} {headers:?}"
        );
    }

    #[track_caller]
    fn expect_status(&mut self, target: &str, status: u16) {
        let reply = self.get(target);
        assert_eq!(reply.status, status, "{target}: {}", reply.text());
    }
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let (_, value) = lines.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    fn len(&self) -> u64 {
        self.header("content-length").unwrap().parse().unwrap()
    }

    fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}
