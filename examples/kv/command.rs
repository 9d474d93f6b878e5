//! The commands that there are, and how many arguments each takes.

use std::ops::RangeInclusive;

/// Which keys a command is about: that decides where it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// None: answered by whoever hears it.
    Plain(Plain),
    /// That of its first argument.
    Key(OneKey),
    /// Several, with a command of its own for each.
    Keys(ManyKeys),
    /// All that there are.
    Every(EveryKey),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    Ping,
    Echo,
    Quit,
    Select,
    Hello,
    Client,
    Command,
    Config,
    Info,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneKey {
    Get,
    Set,
    /// Of one key; [`ManyKeys::Del`] is made of these.
    Del,
    /// As above.
    Exists,
    Strlen,
    Append,
    /// Adds what the number is multiplied with: 1 without a number.
    Incr(i64),
    /// Milliseconds in the unit of its argument.
    Expire(i64),
    /// Milliseconds in the unit of its answer.
    Ttl(i64),
    Persist,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManyKeys {
    /// All values, in order.
    MGet,
    /// Keys and values by turns.
    MSet,
    /// How many there were.
    Del,
    Exists,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EveryKey {
    DbSize,
    FlushAll,
}

pub struct Spec {
    pub name: &'static str,
    /// How many arguments, the name included.
    pub arity: RangeInclusive<usize>,
    pub kind: Kind,
}

const ANY: usize = usize::MAX;

/// The most frequent first, as they are looked for one after the other.
static COMMANDS: &[Spec] = &[
    spec("get", 2..=2, Kind::Key(OneKey::Get)),
    spec("set", 3..=ANY, Kind::Key(OneKey::Set)),
    spec("incr", 2..=2, Kind::Key(OneKey::Incr(1))),
    spec("mget", 2..=ANY, Kind::Keys(ManyKeys::MGet)),
    spec("del", 2..=ANY, Kind::Keys(ManyKeys::Del)),
    spec("expire", 3..=3, Kind::Key(OneKey::Expire(1_000))),
    spec("ping", 1..=2, Kind::Plain(Plain::Ping)),
    spec("mset", 3..=ANY, Kind::Keys(ManyKeys::MSet)),
    spec("exists", 2..=ANY, Kind::Keys(ManyKeys::Exists)),
    spec("ttl", 2..=2, Kind::Key(OneKey::Ttl(1_000))),
    spec("pttl", 2..=2, Kind::Key(OneKey::Ttl(1))),
    spec("pexpire", 3..=3, Kind::Key(OneKey::Expire(1))),
    spec("persist", 2..=2, Kind::Key(OneKey::Persist)),
    spec("decr", 2..=2, Kind::Key(OneKey::Incr(-1))),
    spec("incrby", 3..=3, Kind::Key(OneKey::Incr(1))),
    spec("decrby", 3..=3, Kind::Key(OneKey::Incr(-1))),
    spec("strlen", 2..=2, Kind::Key(OneKey::Strlen)),
    spec("append", 3..=3, Kind::Key(OneKey::Append)),
    spec("unlink", 2..=ANY, Kind::Keys(ManyKeys::Del)),
    spec("echo", 2..=2, Kind::Plain(Plain::Echo)),
    spec("quit", 1..=ANY, Kind::Plain(Plain::Quit)),
    spec("select", 2..=2, Kind::Plain(Plain::Select)),
    spec("dbsize", 1..=1, Kind::Every(EveryKey::DbSize)),
    spec("flushall", 1..=2, Kind::Every(EveryKey::FlushAll)),
    spec("flushdb", 1..=2, Kind::Every(EveryKey::FlushAll)),
    spec("hello", 1..=ANY, Kind::Plain(Plain::Hello)),
    spec("client", 2..=ANY, Kind::Plain(Plain::Client)),
    spec("command", 1..=ANY, Kind::Plain(Plain::Command)),
    spec("config", 2..=ANY, Kind::Plain(Plain::Config)),
    spec("info", 1..=ANY, Kind::Plain(Plain::Info)),
];

const fn spec(name: &'static str, arity: RangeInclusive<usize>, kind: Kind) -> Spec {
    Spec { name, arity, kind }
}

/// The command of that name, in upper or lower case.
pub fn find(name: &[u8]) -> Option<&'static Spec> {
    let matches = |spec: &&Spec| spec.name.as_bytes().eq_ignore_ascii_case(name);
    COMMANDS.iter().find(matches)
}

impl Spec {
    /// Whether so many arguments, the name included, are right.
    pub fn takes(&self, arguments: usize) -> bool {
        // Of keys and values there is an even number.
        let paired = self.kind != Kind::Keys(ManyKeys::MSet) || arguments % 2 == 1;
        self.arity.contains(&arguments) && paired
    }
}
