//! The operations, with their scenes. **Whoever adds an operation to the library adds a row here**:
//! `completeness` finds it in the sources and fails until it has one, or an exception with a reason.

use crate::cut::Cut;
use crate::scenes::{
    blocking, channels, connections, contexts, directories, files, loops, pipes, processes, scopes,
    signals, standard, streams, sync, timers,
};
use ringmill::net::{ReadHalf, TcpStream, WriteHalf};
use ringmill::stdio::{Stderr, Stdout};
use std::pin::Pin;

pub struct Row {
    /// Module, type and name, as `completeness` reads them off the sources; behind a space, what is
    /// special about the scene.
    pub name: &'static str,
    pub scene: fn(Cut) -> Pin<Box<dyn Future<Output = ()>>>,
    /// It uses what there is one of in a process: it does not run beside others.
    pub is_alone: bool,
}

impl Row {
    pub fn operation(&self) -> &'static str {
        self.name
            .split_once(" (")
            .map_or(self.name, |(name, _)| name)
    }

    /// Whether it is to go on where it is cancelled.
    pub fn is_shielded(&self) -> bool {
        self.name == "scope::Shield"
    }
}

macro_rules! rows {
    ($is_alone:literal: $($name:literal => $scene:path;)*) => {
        &[$(Row { name: $name, scene: |cut| Box::pin($scene(cut)), is_alone: $is_alone }),*]
    };
}

pub fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.into_iter().flatten()
}

const TABLES: [&[Row]; 10] = [
    NET,
    FS,
    PIPE_AND_PROCESS,
    CHANNEL,
    SYNC,
    CONTEXT,
    TIME_AND_BLOCKING,
    RUNTIME,
    SCOPE,
    ALONE,
];

const NET: &[Row] = rows! { false:
    "net::lookup_host" => connections::look_up;
    "net::TcpStream::connect" => connections::connect;
    "net::TcpStream::connect (by name)" => connections::connect_by_name;
    "net::TcpStream::connect_timeout" => connections::connect_timeout;
    "net::TcpSocket::connect" => connections::socket_connect;
    "net::TcpListener::bind" => connections::bind;
    "net::TcpListener::bind_with" => connections::bind_with;
    "net::TcpListener::accept" => connections::accept;
    "net::TcpListener::close" => connections::close;
    "net::Incoming as Stream" => connections::incoming;
    "net::TcpStream::read" => streams::read::<TcpStream>;
    "net::TcpStream::read_vectored" => streams::read_vectored::<TcpStream>;
    "net::TcpStream::read_exact" => streams::read_exact::<TcpStream>;
    "net::TcpStream::recv" => streams::recv::<TcpStream>;
    "net::TcpStream::write" => streams::write::<TcpStream>;
    "net::TcpStream::write_vectored" => streams::write_vectored::<TcpStream>;
    "net::TcpStream::write_all" => streams::write_all::<TcpStream>;
    "net::TcpStream::send" => streams::send::<TcpStream>;
    "net::TcpStream::flush" => streams::flush::<TcpStream>;
    "net::TcpStream::shutdown" => streams::shutdown::<TcpStream>;
    "net::TcpStream::send_file" => streams::send_file;
    "net::ReadHalf::read" => streams::read::<ReadHalf>;
    "net::ReadHalf::read_vectored" => streams::read_vectored::<ReadHalf>;
    "net::ReadHalf::read_exact" => streams::read_exact::<ReadHalf>;
    "net::ReadHalf::recv" => streams::recv::<ReadHalf>;
    "net::WriteHalf::write" => streams::write::<WriteHalf>;
    "net::WriteHalf::write_vectored" => streams::write_vectored::<WriteHalf>;
    "net::WriteHalf::write_all" => streams::write_all::<WriteHalf>;
    "net::WriteHalf::send" => streams::send::<WriteHalf>;
    "net::WriteHalf::flush" => streams::flush::<WriteHalf>;
    "net::WriteHalf::shutdown" => streams::shutdown::<WriteHalf>;
};

const FS: &[Row] = rows! { false:
    "fs::File::open" => files::open;
    "fs::File::create" => files::create;
    "fs::File::open_beneath" => files::open_beneath;
    "fs::OpenOptions::open" => files::open_with;
    "fs::File::close" => files::close;
    "fs::File::read_at" => files::read_at;
    "fs::File::read_at (registered)" => files::read_at_registered;
    "fs::File::read_exact_at" => files::read_exact_at;
    "fs::File::read_vectored_at" => files::read_vectored_at;
    "fs::File::read_exact_vectored_at" => files::read_exact_vectored_at;
    "fs::File::write_at" => files::write_at;
    "fs::File::write_at (registered)" => files::write_at_registered;
    "fs::File::write_all_at" => files::write_all_at;
    "fs::File::write_vectored_at" => files::write_vectored_at;
    "fs::File::write_all_vectored_at" => files::write_all_vectored_at;
    "fs::File::sync_all" => files::sync_all;
    "fs::File::sync_data" => files::sync_data;
    "fs::File::set_len" => files::set_len;
    "fs::File::allocate" => files::allocate;
    "fs::File::metadata" => files::metadata;
    "fs::File::set_permissions" => files::set_permissions;
    "fs::File::lock" => files::lock;
    "fs::File::lock_shared" => files::lock_shared;
    "fs::Cursor::seek" => files::cursor_seek;
    "fs::Cursor::read" => files::cursor_read;
    "fs::Cursor::read_to_end" => files::cursor_read_to_end;
    "fs::Cursor::write" => files::cursor_write;
    "fs::Cursor::write_all" => files::cursor_write_all;
    "fs::Cursor::flush" => files::cursor_flush;
    "fs::replace" => files::replace;
    "fs::temporary_file" => files::temporary_file;
    "fs::temporary_directory" => files::temporary_directory;
    "fs::TemporaryDirectory::close" => files::close_temporary_directory;
    "fs::read" => directories::read;
    "fs::read_to_string" => directories::read_to_string;
    "fs::metadata" => directories::metadata;
    "fs::symlink_metadata" => directories::symlink_metadata;
    "fs::exists" => directories::exists;
    "fs::canonicalize" => directories::canonicalize;
    "fs::read_link" => directories::read_link;
    "fs::create_dir" => directories::create_dir;
    "fs::create_dir_all" => directories::create_dir_all;
    "fs::remove_file" => directories::remove_file;
    "fs::remove_dir" => directories::remove_dir;
    "fs::remove_dir_all" => directories::remove_dir_all;
    "fs::copy" => directories::copy;
    "fs::rename" => directories::rename;
    "fs::hard_link" => directories::hard_link;
    "fs::symlink" => directories::symlink;
    "fs::write" => directories::write;
    "fs::set_permissions" => directories::set_permissions;
    "fs::read_dir" => directories::read_dir;
    "fs::ReadDir::next_entry" => directories::next_entry;
    "fs::ReadDir as Stream" => directories::entries;
    "fs::DirEntry::metadata" => directories::entry_metadata;
};

const PIPE_AND_PROCESS: &[Row] = rows! { false:
    "pipe::Receiver::read" => pipes::read;
    "pipe::Receiver::read_exact" => pipes::read_exact;
    "pipe::Receiver::read_to_end" => pipes::read_to_end;
    "pipe::Sender::write" => pipes::write;
    "pipe::Sender::write_vectored" => pipes::write_vectored;
    "pipe::Sender::write_all" => pipes::write_all;
    "process::Command::status" => processes::status;
    "process::Command::output" => processes::output;
    "process::Child::wait" => processes::wait;
    "process::Child::wait_with_output" => processes::wait_with_output;
    "process::Child::kill" => processes::kill;
};

const CHANNEL: &[Row] = rows! { false:
    "channel::mpsc::Receiver::recv" => channels::mpsc_recv;
    "channel::mpsc::Receiver::recv_many" => channels::mpsc_recv_many;
    "channel::mpsc::Receiver as Stream" => channels::mpsc_next;
    "channel::mpsc::Sender::send" => channels::mpsc_send;
    "channel::spsc::Receiver::recv" => channels::spsc_recv;
    "channel::spsc::Receiver::recv_many" => channels::spsc_recv_many;
    "channel::spsc::Receiver as Stream" => channels::spsc_next;
    "channel::spsc::Sender::send" => channels::spsc_send;
    "channel::spsc::Sender::send_many" => channels::spsc_send_many;
    "channel::oneshot::Receiver" => channels::oneshot;
    "channel::oneshot::Sender::closed" => channels::oneshot_closed;
    "channel::broadcast::Receiver::recv" => channels::broadcast_recv;
    "channel::broadcast::Receiver as Stream" => channels::broadcast_next;
    "channel::watch::Receiver::changed" => channels::watch_changed;
    "channel::watch::Receiver::wait_for" => channels::watch_wait_for;
    "channel::watch::Receiver as Stream" => channels::watch_next;
};

const SYNC: &[Row] = rows! { false:
    "sync::Barrier::wait" => sync::shared::barrier;
    "sync::Barrier::wait (local)" => sync::local::barrier;
    "sync::CapacityLimiter::acquire_on_behalf_of" => sync::shared::borrow;
    "sync::CapacityLimiter::acquire_on_behalf_of (local)" => sync::local::borrow;
    "sync::CapacityLimiter::acquire_on_behalf_of_owned" => sync::shared::borrow_owned;
    "sync::CapacityLimiter::acquire_on_behalf_of_owned (local)" => sync::local::borrow_owned;
    "sync::Condvar::wait" => sync::shared::condvar_wait;
    "sync::Condvar::wait (local)" => sync::local::condvar_wait;
    "sync::Condvar::wait_while" => sync::shared::condvar_wait_while;
    "sync::Condvar::wait_while (local)" => sync::local::condvar_wait_while;
    "sync::Event::wait" => sync::shared::event;
    "sync::Event::wait (local)" => sync::local::event;
    "sync::Lazy::get" => sync::shared::lazy;
    "sync::Lazy::get (local)" => sync::local::lazy;
    "sync::MVar::put" => sync::shared::mvar_put;
    "sync::MVar::put (local)" => sync::local::mvar_put;
    "sync::MVar::read" => sync::shared::mvar_read;
    "sync::MVar::read (local)" => sync::local::mvar_read;
    "sync::MVar::take" => sync::shared::mvar_take;
    "sync::MVar::take (local)" => sync::local::mvar_take;
    "sync::MVar::update" => sync::shared::mvar_update;
    "sync::MVar::update (local)" => sync::local::mvar_update;
    "sync::Mutex::lock" => sync::shared::lock;
    "sync::Mutex::lock (local)" => sync::local::lock;
    "sync::Mutex::lock_owned" => sync::shared::lock_owned;
    "sync::Mutex::lock_owned (local)" => sync::local::lock_owned;
    "sync::Notified" => sync::shared::notified;
    "sync::Notified (local)" => sync::local::notified;
    "sync::OnceCell::get_or_init" => sync::shared::get_or_init;
    "sync::OnceCell::get_or_init (local)" => sync::local::get_or_init;
    "sync::OnceCell::get_or_try_init" => sync::shared::get_or_try_init;
    "sync::OnceCell::get_or_try_init (local)" => sync::local::get_or_try_init;
    "sync::RwLock::read" => sync::shared::read;
    "sync::RwLock::read (local)" => sync::local::read;
    "sync::RwLock::read_owned" => sync::shared::read_owned;
    "sync::RwLock::read_owned (local)" => sync::local::read_owned;
    "sync::RwLock::write" => sync::shared::write;
    "sync::RwLock::write (local)" => sync::local::write;
    "sync::RwLock::write_owned" => sync::shared::write_owned;
    "sync::RwLock::write_owned (local)" => sync::local::write_owned;
    "sync::Semaphore::acquire" => sync::shared::acquire;
    "sync::Semaphore::acquire (local)" => sync::local::acquire;
    "sync::Semaphore::acquire_many" => sync::shared::acquire_many;
    "sync::Semaphore::acquire_many (local)" => sync::local::acquire_many;
    "sync::Semaphore::acquire_many_owned" => sync::shared::acquire_many_owned;
    "sync::Semaphore::acquire_many_owned (local)" => sync::local::acquire_many_owned;
    "sync::Semaphore::acquire_owned" => sync::shared::acquire_owned;
    "sync::Semaphore::acquire_owned (local)" => sync::local::acquire_owned;
};

const CONTEXT: &[Row] = rows! { false:
    "context::Scope" => contexts::scope;
    "context::Attached" => contexts::attached;
    "correlation::Waiter" => contexts::waiter;
};

const TIME_AND_BLOCKING: &[Row] = rows! { false:
    "time::Sleep" => timers::sleeping;
    "time::Timeout" => timers::timing_out;
    "time::Interval::tick" => timers::tick;
    "time::Interval as Stream" => timers::ticks;
    "blocking::Job" => blocking::job;
    "blocking::Job (compute)" => blocking::computing;
    "blocking::Acquire" => blocking::acquire;
};

const RUNTIME: &[Row] = rows! { false:
    "task::JoinHandle" => loops::join;
    "task::JoinHandle (another loop's)" => loops::join_from_another_loop;
    "task::JoinHandle (from anywhere)" => loops::join_from_anywhere;
    "task::AbortOnDrop" => loops::abort_on_drop;
    "runtime::YieldNow" => loops::yielding;
    "runtime::LoopRef::call" => loops::call;
    "runtime::Handle::for_each_loop" => loops::for_each_loop;
    "runtime::PerLoop::new" => loops::per_loop;
    "runtime::Serve" => loops::server;
    "runtime::Serve (serve_with)" => loops::server_with;
    "runtime::DrainStarted" => loops::draining;
};

const SCOPE: &[Row] = rows! { false:
    "scope::scope" => scopes::scoped;
    "scope::Scope::start" => scopes::start;
    "scope::Child" => scopes::child_value;
    "scope::join_all" => scopes::joining_all;
    "scope::race" => scopes::racing;
    "scope::first_ok" => scopes::first;
    "scope::JoinSet::join_next" => scopes::join_next;
    "scope::JoinSet::join_next (another loop's)" => scopes::on_another_loop;
    "scope::JoinSet as Stream" => scopes::next;
    "scope::JoinSet::join_all" => scopes::set_join_all;
    "scope::JoinSet::shutdown" => scopes::set_shutdown;
    "scope::checkpoint" => scopes::checking;
    "scope::Limited::spawn" => scopes::limited_spawn;
    "scope::Results::next" => scopes::results_next;
    "scope::Results as Stream" => scopes::results_stream;
    "scope::WaitCancelled" => scopes::cancelled;
    "scope::Ended" => scopes::ended;
    "scope::Run" => scopes::run;
    "scope::move_on_after" => scopes::moving_on_after;
    "scope::move_on_at" => scopes::moving_on_at;
    "scope::fail_after" => scopes::failing_after;
    "scope::fail_at" => scopes::failing_at;
    "scope::Shield" => scopes::shielded;
    "scope::with_cleanup" => scopes::cleaning_up;
};

const ALONE: &[Row] = rows! { true:
    "signal::Signal::recv" => signals::recv;
    "signal::Signal as Stream" => signals::next;
    "signal::ctrl_c" => signals::interrupted;
    "signal::shutdown_requested" => signals::shutting_down;
    "stdio::Stdin::read" => standard::read;
    "stdio::Stdout::write" => standard::write::<Stdout>;
    "stdio::Stdout::write_all" => standard::write_all::<Stdout>;
    "stdio::Stdout::flush" => standard::flush::<Stdout>;
    "stdio::Stderr::write" => standard::write::<Stderr>;
    "stdio::Stderr::write_all" => standard::write_all::<Stderr>;
    "stdio::Stderr::flush" => standard::flush::<Stderr>;
};

/// What has no row, and why.
pub const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "compat::hyper::Http1::serve_connection",
        "hyper's, over reads and writes that have rows; tests/hyper.rs has its ends",
    ),
    (
        "compat::hyper::Serve",
        "a `runtime::Serve` whose connections hyper reads and writes; tests/hyper.rs has its ends",
    ),
    (
        "test_util::AllBlocked",
        "it is for loops that rest, and for the mock clock; tests/test_util.rs has its ends",
    ),
    (
        "test_util::At",
        "dropping it breaks the sequence, as it promises; tests/test_util.rs has its ends",
    ),
];
