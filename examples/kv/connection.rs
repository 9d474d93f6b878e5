//! One client: its commands are done here or sent to the loops of their keys, a batch at a time.

use super::batch::{Batch, Errand};
use super::command::{self, EveryKey, Kind, ManyKeys, OneKey, Plain};
use super::resp::{self, Command, Parser};
use super::session::{self, Session};
use super::shard::{self, Shard};
use ringmill::net::TcpStream;
use ringmill::{AbortOnDrop, Drain, Handle, JoinError, LoopRef, PerLoop};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// Room for an unfinished command that a client keeps.
const KEEP: usize = 64 << 10;

/// The shards of all loops.
#[derive(Clone)]
pub struct Store {
    shards: PerLoop<RefCell<Shard>>,
    /// Names the shard of a key. The seed is a secret: else clients could choose keys of one shard.
    hasher: RandomState,
}

/// The store, as the connections of one loop see it.
#[derive(Clone)]
pub struct Shards {
    store: Store,
    here: Rc<RefCell<Shard>>,
    index: usize,
}

impl Store {
    pub async fn new(handle: &Handle) -> Result<Self, JoinError> {
        Ok(Store {
            shards: PerLoop::new(handle, |_| RefCell::default()).await?,
            hasher: RandomState::new(),
        })
    }

    /// The store from this loop.
    pub fn here(&self) -> Shards {
        Shards {
            here: self.shards.get(),
            index: LoopRef::current().map_or(0, |here| here.index()),
            store: self.clone(),
        }
    }
}

impl Shards {
    fn count(&self) -> usize {
        self.store.shards.loops()
    }

    /// The loop of a key.
    fn home(&self, key: &[u8]) -> usize {
        match self.count() {
            1 => 0,
            count => self.store.hasher.hash_one(key) as usize % count,
        }
    }

    /// Does commands on another loop, as many as it takes for a bounded amount of replies.
    fn call(&self, target: usize, mut errand: Errand) -> AbortOnDrop<Errand> {
        let execute = |shard: Rc<RefCell<Shard>>| async move {
            errand.run(|command, out| execute_one(&shard, command, out));
            errand
        };
        self.store.shards.call_on(target, execute)
    }

    /// Asks every shard in turn, and sums up the answers.
    async fn every(&self, what: EveryKey) -> Result<i64, JoinError> {
        let mut sum = 0;
        for target in 0..self.count() {
            let ask = move |shard: Rc<RefCell<Shard>>| async move {
                let mut shard = shard.borrow_mut();
                if what == EveryKey::FlushAll {
                    shard.clear();
                }
                shard.len() as i64
            };
            sum += self.store.shards.call_on(target, ask).await?;
        }
        Ok(sum)
    }
}

/// Does a command for one key of this shard that a connection has sent on.
fn execute_one(shard: &Rc<RefCell<Shard>>, command: Command<'_>, out: &mut Vec<u8>) {
    if let Some(Kind::Key(what)) = kind(command) {
        shard::execute(shard, what, command, out);
    }
}

fn kind(command: Command<'_>) -> Option<Kind> {
    let spec = command::find(command.argument(0)?)?;
    // What a command for several keys is made of.
    Some(match spec.kind {
        Kind::Keys(ManyKeys::Del) => Kind::Key(OneKey::Del),
        Kind::Keys(ManyKeys::Exists) => Kind::Key(OneKey::Exists),
        kind => kind,
    })
}

/// Serves a client until it ends, or the server does.
pub async fn serve(mut stream: TcpStream, drain: Drain, shards: Shards) {
    // A connection that fails is the client's affair.
    let _ = converse(&mut stream, drain, shards).await;
}

async fn converse(stream: &mut TcpStream, drain: Drain, shards: Shards) -> io::Result<()> {
    let mut client = Client {
        batch: Batch::new(shards.count()),
        parser: Parser::default(),
        session: Session::new(),
        shards,
    };
    // An unfinished command.
    let mut kept = Vec::new();
    let mut started = pin!(drain.started());
    loop {
        let received = {
            let mut received = pin!(stream.recv());
            poll_fn(|cx| match received.as_mut().poll(cx) {
                Poll::Pending => started.as_mut().poll(cx).map(|()| Ok(None)),
                received => received,
            })
            .await?
        };
        let Some(received) = received else {
            return Ok(());
        };
        let all = if kept.is_empty() {
            &received[..]
        } else {
            kept.extend_from_slice(&received);
            &kept[..]
        };
        let Some(done) = client.execute(all, stream).await? else {
            return Ok(());
        };
        if kept.is_empty() {
            kept.extend_from_slice(&received[done..]);
        } else {
            kept.drain(..done);
        }
        if done > 0 {
            kept.shrink_to(KEEP);
        }
    }
}

/// What follows a command.
enum Next {
    Command,
    /// First the replies so far, then this.
    Every(EveryKey),
    Close,
}

struct Client {
    batch: Batch,
    parser: Parser,
    session: Session,
    shards: Shards,
}

impl Client {
    /// Does the commands in `input`, and sends the replies. How much of it was understood; `None` if
    /// the connection is to be closed.
    async fn execute(&mut self, input: &[u8], stream: &mut TcpStream) -> io::Result<Option<usize>> {
        let mut at = 0;
        loop {
            let next = match self.parser.parse(&input[at..]) {
                Ok(Some((command, len))) => {
                    at += len;
                    dispatch(command, &mut self.batch, &mut self.session, &self.shards)
                }
                Ok(None) => {
                    self.send(stream).await?;
                    return Ok(Some(at));
                }
                Err(error) => {
                    resp::write_error(self.batch.out(), &format!("ERR {error}"));
                    self.batch.end_reply();
                    Next::Close
                }
            };
            match next {
                Next::Command if self.batch.is_full() => self.send(stream).await?,
                Next::Command => {}
                Next::Every(what) => {
                    self.send(stream).await?;
                    let answer = self.shards.every(what).await;
                    let out = self.batch.out();
                    match (what, answer) {
                        (EveryKey::DbSize, Ok(size)) => resp::write_integer(out, size),
                        (EveryKey::FlushAll, Ok(_)) => resp::write_simple(out, "OK"),
                        (_, Err(_)) => resp::write_error(out, "ERR a loop is gone"),
                    }
                }
                Next::Close => {
                    self.send(stream).await?;
                    return Ok(None);
                }
            }
        }
    }

    /// Sends the replies, those of other loops among them.
    async fn send(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        match self.batch.only_here() {
            Some([]) => {}
            Some(replies) => stream.write_all(replies).await?,
            None => self.send_joined(stream).await?,
        }
        self.batch.clear();
        Ok(())
    }

    async fn send_joined(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        let (mut join, mut replies) = (self.batch.join(), Vec::new());
        loop {
            let start = |(target, errand)| (target, self.shards.call(target, errand));
            // All at work before the first is waited for.
            let calls: Vec<_> = join.leave().map(start).collect();
            for (target, call) in calls {
                join.is_back(target, call.await.ok());
            }
            let all = join.fill(&mut replies);
            stream.write_all(&replies).await?;
            if all {
                return Ok(());
            }
            replies.clear();
        }
    }
}

/// Does a command, or puts it down for the loops of its keys.
fn dispatch(
    command: Command<'_>,
    batch: &mut Batch,
    session: &mut Session,
    shards: &Shards,
) -> Next {
    let Some(name) = command.argument(0) else {
        return Next::Command;
    };
    let out = batch.out();
    match command::find(name) {
        None => resp::write_error(out, &session::unknown_command(name)),
        Some(spec) if !spec.takes(command.len()) => {
            resp::write_error(out, &session::wrong_number(spec.name));
        }
        Some(spec) => match spec.kind {
            Kind::Key(what) => {
                one_key(command, what, batch, shards);
                return Next::Command;
            }
            Kind::Keys(what) => {
                many_keys(command, what, batch, shards);
                return Next::Command;
            }
            Kind::Every(what) => return Next::Every(what),
            Kind::Plain(Plain::Quit) => {
                resp::write_simple(out, "OK");
                batch.end_reply();
                return Next::Close;
            }
            Kind::Plain(what) => session.execute(what, command, out),
        },
    }
    batch.end_reply();
    Next::Command
}

fn one_key(command: Command<'_>, what: OneKey, batch: &mut Batch, shards: &Shards) {
    let home = shards.home(command.argument(1).unwrap_or_default());
    // Of a command for many keys, what no longer fits is put off.
    if home == shards.index && !batch.is_out_full() {
        shard::execute(&shards.here, what, command, batch.out());
        batch.end_reply();
    } else {
        resp::write_command(batch.away(home), command.arguments_from(0));
    }
}

/// A command for each key: their replies, or what they come to.
fn many_keys(command: Command<'_>, what: ManyKeys, batch: &mut Batch, shards: &Shards) {
    let keys = command.arguments_from(1);
    let (name, one, step) = match what {
        ManyKeys::MGet => (&b"get"[..], OneKey::Get, 1),
        ManyKeys::MSet => (&b"set"[..], OneKey::Set, 2),
        ManyKeys::Del => (&b"del"[..], OneKey::Del, 1),
        ManyKeys::Exists => (&b"exists"[..], OneKey::Exists, 1),
    };
    let count = keys.len() / step;
    match what {
        ManyKeys::MGet => {
            resp::write_array(batch.out(), count);
            batch.end_reply();
        }
        ManyKeys::MSet => batch.all_ok(count),
        ManyKeys::Del | ManyKeys::Exists => batch.sum(count),
    }
    let arguments: Vec<&[u8]> = keys.collect();
    for arguments in arguments.chunks(step) {
        let words = [name, arguments[0], arguments[step - 1]];
        let single = Command::of(&words[..1 + step]);
        one_key(single, one, batch, shards);
    }
}
