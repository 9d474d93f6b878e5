//! What is known of one client, and the commands that are about no key.

use super::command::Plain;
use super::resp::{self, Command};
use std::sync::atomic::{AtomicI64, Ordering};

/// Bytes of a client's name; it is kept for as long as the client is.
const MAX_NAME: usize = 1 << 10;

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub struct Session {
    /// No other connection to this process has or had it.
    id: i64,
    name: Vec<u8>,
}

impl Session {
    pub fn new() -> Self {
        static NEXT: AtomicI64 = AtomicI64::new(1);
        Session {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name: Vec::new(),
        }
    }

    /// Does a command that is about no key, and writes the reply.
    pub fn execute(&mut self, what: Plain, command: Command<'_>, out: &mut Vec<u8>) {
        if let Err(error) = self.try_execute(what, command, out) {
            resp::write_error(out, &error);
        }
    }

    fn try_execute(
        &mut self,
        what: Plain,
        command: Command<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let argument = command.argument(1).unwrap_or_default();
        match what {
            Plain::Ping if command.len() == 1 => resp::write_simple(out, "PONG"),
            Plain::Ping | Plain::Echo => resp::write_bulk(out, argument),
            Plain::Select if argument == b"0" => resp::write_simple(out, "OK"),
            Plain::Select => return Err("ERR DB index is out of range".to_owned()),
            Plain::Hello => self.hello(command, out)?,
            Plain::Client => self.client(command, out)?,
            Plain::Command => resp::write_array(out, 0),
            Plain::Config => config(command, out)?,
            Plain::Info => {
                let server = "# Server\r\nserver_name:ringmill-kv\r\nserver_version:";
                resp::write_bulk(out, format!("{server}{VERSION}\r\n").as_bytes());
            }
            Plain::Quit => resp::write_simple(out, "OK"),
        }
        Ok(())
    }

    /// What libraries say first: which version of the protocol they speak, and perhaps a name.
    fn hello(&mut self, command: Command<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        let mut words = command.arguments_from(1);
        match words.next().map(resp::integer) {
            None | Some(Some(2)) => {}
            Some(Some(_)) => return Err("NOPROTO unsupported protocol version".to_owned()),
            Some(None) => {
                return Err("ERR Protocol version is not an integer or out of range".to_owned());
            }
        }
        while let Some(option) = words.next() {
            match words.next() {
                Some(name) if option.eq_ignore_ascii_case(b"setname") => self.set_name(name)?,
                _ => {
                    let option = printable(option);
                    return Err(format!("ERR Syntax error in HELLO option '{option}'"));
                }
            }
        }
        resp::write_array(out, 14);
        for text in ["server", "ringmill-kv", "version", VERSION, "proto"] {
            resp::write_bulk(out, text.as_bytes());
        }
        resp::write_integer(out, 2);
        resp::write_bulk(out, b"id");
        resp::write_integer(out, self.id);
        for text in ["mode", "standalone", "role", "master", "modules"] {
            resp::write_bulk(out, text.as_bytes());
        }
        resp::write_array(out, 0);
        Ok(())
    }

    fn client(&mut self, command: Command<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        let name = subcommand(command);
        match (&name[..], command.len()) {
            ("id", 2) => resp::write_integer(out, self.id),
            ("getname", 2) if self.name.is_empty() => resp::write_nil(out),
            ("getname", 2) => resp::write_bulk(out, &self.name),
            ("setname", 3) => {
                self.set_name(command.argument(2).unwrap_or_default())?;
                resp::write_simple(out, "OK");
            }
            // Which library it is: of Redis 7.2, and nothing is made of it.
            ("setinfo", 4) => resp::write_simple(out, "OK"),
            ("id" | "getname" | "setname" | "setinfo", _) => {
                return Err(wrong_number(&format!("client|{name}")));
            }
            _ => return Err(unknown_subcommand("CLIENT", command)),
        }
        Ok(())
    }

    fn set_name(&mut self, name: &[u8]) -> Result<(), String> {
        if !name.iter().all(u8::is_ascii_graphic) {
            let rule = "ERR Client names cannot contain spaces, newlines or special characters.";
            return Err(rule.to_owned());
        }
        if name.len() > MAX_NAME {
            return Err(format!("ERR Client names have at most {MAX_NAME} bytes"));
        }
        self.name = name.to_vec();
        Ok(())
    }
}

/// There are no settings: each is empty, and may be set to no effect. Tools ask for some.
fn config(command: Command<'_>, out: &mut Vec<u8>) -> Result<(), String> {
    let name = subcommand(command);
    let settings = command.arguments_from(2);
    match (&name[..], settings.len()) {
        ("get", 1..) => {
            resp::write_array(out, settings.len() * 2);
            for name in settings {
                resp::write_bulk(out, name);
                resp::write_bulk(out, b"");
            }
        }
        ("set", 2..) if settings.len() % 2 == 1 => return Err("ERR syntax error".to_owned()),
        ("set", 2..) => resp::write_simple(out, "OK"),
        ("resetstat", 0) => resp::write_simple(out, "OK"),
        ("get" | "set" | "resetstat", _) => return Err(wrong_number(&format!("config|{name}"))),
        _ => return Err(unknown_subcommand("CONFIG", command)),
    }
    Ok(())
}

fn subcommand(command: Command<'_>) -> String {
    let name = command.argument(1).unwrap_or_default();
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

fn unknown_subcommand(of: &str, command: Command<'_>) -> String {
    let name = printable(command.argument(1).unwrap_or_default());
    format!("ERR unknown subcommand '{name}'. Try {of} HELP.")
}

pub fn unknown_command(name: &[u8]) -> String {
    format!("ERR unknown command '{}'", printable(name))
}

pub fn wrong_number(command: &str) -> String {
    format!("ERR wrong number of arguments for '{command}' command")
}

/// The beginning of what a client sent, fit for an error: on one line.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(128)]);
    text.escape_default().to_string()
}
