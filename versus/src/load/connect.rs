//! Opens the connections and makes one checked exchange on each, which also teaches the length of
//! an answer.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::script::Script;
use crate::during::During;

/// A first answer takes microseconds; a server this slow is broken.
const PATIENCE: Duration = Duration::from_secs(5);

/// No answer of these workloads is longer, but for an echo, whose length is known.
const MAX_ANSWER: usize = 128 * 1024;

/// A blocking socket and the length of one answer on it.
pub struct Connected {
    pub stream: TcpStream,
    pub answer: usize,
}

/// Opens `count` connections to a loopback port.
///
/// # Errors
/// When one of them fails, or its first answer is wrong or does not come.
pub fn open(port: u16, count: usize, script: &Script) -> io::Result<Vec<Connected>> {
    (0..count)
        .map(|index| {
            open_one(port, index, script).during(format_args!("connection {index} of {count}"))
        })
        .collect()
}

fn open_one(port: u16, index: usize, script: &Script) -> io::Result<Connected> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).during("connecting")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream
        .write_all(script.requests(index, 1))
        .during("sending the first request")?;
    let answer = first_answer(&mut stream, index, script).during("awaiting the first answer")?;
    Ok(Connected { stream, answer })
}

fn first_answer(stream: &mut TcpStream, index: usize, script: &Script) -> io::Result<usize> {
    let mut bytes = vec![0; MAX_ANSWER];
    let mut filled = 0;
    loop {
        if let Some(length) = script.answer_length(&bytes[..filled])? {
            if filled == length {
                return if script.agrees_fully(index, length, &bytes[..filled]) {
                    Ok(length)
                } else {
                    Err(io::Error::other("the answer's content is wrong"))
                };
            }
            if filled > length || length > MAX_ANSWER {
                return Err(io::Error::other(format!("an answer of {filled} bytes")));
            }
        }
        match stream.read(&mut bytes[filled..])? {
            0 => return Err(io::Error::other("the server closed the connection")),
            read => filled += read,
        }
    }
}
