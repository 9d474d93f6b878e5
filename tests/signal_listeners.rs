//! Listeners for signals: who hears what, and what a signal does once nobody listens any more.
//!
//! A signal is the whole process's, so each test runs in a process of its own.

mod kit;

use futures_core::Stream;
use kit::child::{Running, alone, is_child};
use kit::driver::{apply, on_each_driver};
use kit::polls::glance;
use kit::wait::{eventually, here, soon};
use kit::{ON_PURPOSE, block_on, build, builder, hush, runtime};
use ringmill::channel::mpsc;
use ringmill::signal::{Signal, SignalKind, ctrl_c, shutdown_requested, unix};
use ringmill::{Handle, spawn, yield_now};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::{fs, thread};

const USR1: SignalKind = SignalKind::user_defined1();
const USR2: SignalKind = SignalKind::user_defined2();

/// Sends this process a signal; it is delivered to one of its threads.
fn send(kind: SignalKind) {
    // SAFETY: plain integers.
    let sent = unsafe { libc::kill(libc::getpid(), kind.as_raw()) };
    assert_eq!(sent, 0);
}

fn listen(kind: SignalKind) -> Signal {
    unix(kind).unwrap()
}

async fn next(signal: &mut Signal) {
    assert_eq!(soon("the signal", signal.recv()).await, Some(()));
}

#[apply(on_each_driver)]
fn every_listener_hears_it_on_every_loop_and_on_a_thread_without_one() {
    alone(
        "every_listener_hears_it_on_every_loop_and_on_a_thread_without_one",
        || {
            const ROUNDS: usize = 100;
            let runtime = runtime(2);
            let (heard, mut hears) = mpsc::channel(64);
            let plain = thread::spawn({
                let (mut signal, heard) = (listen(USR1), heard.clone());
                move || {
                    for _ in 0..ROUNDS {
                        here("the signal", signal.recv()).unwrap();
                        heard.blocking_send("plain").unwrap();
                    }
                }
            });
            runtime.block_on(async {
                for _ in 0..3 {
                    let heard = heard.clone();
                    let listeners = Handle::current().spawn_on_each(move |_| {
                        let (mut signal, heard) = (listen(USR1), heard.clone());
                        async move {
                            // Announced before the first round: it listens already.
                            heard.send("ready").await.unwrap();
                            for _ in 0..ROUNDS {
                                next(&mut signal).await;
                                heard.send("loop").await.unwrap();
                            }
                        }
                    });
                    drop(listeners);
                }
                for _ in 0..6 {
                    let ready = soon("a listener", hears.recv()).await.unwrap();
                    assert_eq!(ready, "ready");
                }
                for _ in 0..ROUNDS {
                    send(USR1);
                    let mut plain = 0;
                    for _ in 0..7 {
                        let who = soon("the others", hears.recv()).await.unwrap();
                        plain += usize::from(who == "plain");
                    }
                    assert_eq!(plain, 1);
                }
            });
            plain.join().unwrap();
        },
    );
}

#[apply(on_each_driver)]
fn a_signal_between_two_looks_is_kept_and_a_dropped_look_loses_none() {
    alone(
        "a_signal_between_two_looks_is_kept_and_a_dropped_look_loses_none",
        || {
            block_on(async {
                let (mut one, mut other) = (listen(USR1), listen(USR2));
                for _ in 0..100 {
                    send(USR1);
                    next(&mut one).await;
                    // One signal is told once.
                    assert!(glance(one.recv()).is_pending());
                    // The look above was dropped, and this one comes late.
                    send(USR1);
                    send(USR2);
                    next(&mut other).await;
                    next(&mut one).await;
                    assert!(glance(other.recv()).is_pending());
                    // As a stream, too.
                    send(USR1);
                    let stream = poll_fn(|cx| Pin::new(&mut one).poll_next(cx));
                    assert_eq!(soon("the signal", stream).await, Some(()));
                }
                let late = &mut listen(USR1);
                assert!(glance(late.recv()).is_pending(), "from before it was made");
            });
        },
    );
}

#[apply(on_each_driver)]
fn a_listener_that_goes_in_mid_wait_takes_nobody_along() {
    alone(
        "a_listener_that_goes_in_mid_wait_takes_nobody_along",
        || {
            block_on(async {
                let mut stays = listen(USR1);
                for _ in 0..100 {
                    let waits = || {
                        let mut signal = listen(USR1);
                        spawn(async move { next(&mut signal).await })
                    };
                    let (goes, hears) = (waits(), waits());
                    yield_now().await;
                    goes.abort();
                    send(USR1);
                    soon("the other", hears).await.unwrap();
                    next(&mut stays).await;
                    assert!(goes.await.is_err_and(|lost| lost.is_cancelled()));
                }
            });
        },
    );
}

#[apply(on_each_driver)]
fn once_nobody_listens_the_signal_ends_the_process_again() {
    const NAME: &str = "once_nobody_listens_the_signal_ends_the_process_again";
    if is_child(NAME) {
        block_on(async {
            let (mut first, mut second) = (listen(USR1), listen(USR1));
            send(USR1);
            next(&mut first).await;
            // Heard by both: a signal that is still on its way when nobody listens ends the process.
            next(&mut second).await;
            drop(first);
            // There is one left.
            send(USR1);
            next(&mut second).await;
            drop(second);
            // Once more, from the beginning.
            let mut third = listen(USR1);
            send(USR1);
            next(&mut third).await;
            drop(third);
            println!("nobody listens");
            send(USR1);
            println!("and nothing happened");
        });
        return;
    }
    let mut child = Running::start(NAME);
    child.line("nobody listens");
    let ended = child.finish();
    assert_eq!(ended.status.signal(), Some(libc::SIGUSR1));
    assert!(!ended.output.contains("nothing happened"));
}

#[apply(on_each_driver)]
fn a_second_ctrl_c_ends_a_program_that_waited_for_one() {
    const NAME: &str = "a_second_ctrl_c_ends_a_program_that_waited_for_one";
    if is_child(NAME) {
        block_on(async {
            let listens = async {
                let mut first = pin!(ctrl_c());
                assert!(glance(first.as_mut()).is_pending());
                println!("listens");
                soon("ctrl-c", first).await
            };
            listens.await.unwrap();
            let mut either = pin!(shutdown_requested());
            assert!(glance(either.as_mut()).is_pending());
            println!("cleans up");
            soon("SIGTERM", either).await.unwrap();
            println!("hangs");
            std::future::pending::<()>().await;
        });
        return;
    }
    let mut child = Running::start(NAME);
    child.line("listens");
    child.signal(libc::SIGINT);
    child.line("cleans up");
    child.signal(libc::SIGTERM);
    child.line("hangs");
    child.signal(libc::SIGINT);
    assert_eq!(child.finish().status.signal(), Some(libc::SIGINT));
}

#[test]
fn what_was_ignored_is_ignored_again() {
    alone("what_was_ignored_is_ignored_again", || {
        // Rust programs ignore it from their start.
        let kind = SignalKind::pipe();
        let mut signal = listen(kind);
        send(kind);
        here("the signal", signal.recv()).unwrap();
        drop(signal);
        send(kind);
    });
}

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BEFORE: AtomicUsize = AtomicUsize::new(0);

extern "C" fn counts(signal: i32) {
    CALLS.fetch_add(1, Ordering::SeqCst);
    let before = BEFORE.load(Ordering::SeqCst);
    if before != libc::SIG_DFL {
        // SAFETY: what sigaction gave as the handler of before.
        let before = unsafe {
            std::mem::transmute::<*const (), extern "C" fn(i32, *mut (), *mut ())>(
                before as *const (),
            )
        };
        before(signal, std::ptr::null_mut(), std::ptr::null_mut());
    }
}

/// Puts a handler of somebody else's there, which calls the one that it finds.
fn put_handler() {
    // SAFETY: the handler touches atomics only.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let mut before: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = counts as extern "C" fn(i32) as usize;
        assert_eq!(libc::sigaction(USR1.as_raw(), &action, &mut before), 0);
        BEFORE.store(before.sa_sigaction, Ordering::SeqCst);
    }
}

#[test]
fn a_handler_that_was_there_before_is_called_along_and_left_there() {
    alone(
        "a_handler_that_was_there_before_is_called_along_and_left_there",
        || {
            put_handler();
            for round in 0..10 {
                let mut signal = listen(USR1);
                send(USR1);
                here("the signal", signal.recv()).unwrap();
                eventually("its call", || CALLS.load(Ordering::SeqCst) == 2 * round + 1);
                drop(signal);
                send(USR1);
                eventually("its call", || CALLS.load(Ordering::SeqCst) == 2 * round + 2);
            }
        },
    );
}

#[test]
fn a_handler_that_was_put_over_it_stays_and_listeners_hear_through_it() {
    alone(
        "a_handler_that_was_put_over_it_stays_and_listeners_hear_through_it",
        || {
            let signal = listen(USR1);
            put_handler();
            drop(signal);
            for round in 0..10 {
                send(USR1);
                eventually("its call", || CALLS.load(Ordering::SeqCst) == 2 * round + 1);
                let mut signal = listen(USR1);
                send(USR1);
                here("the signal", signal.recv()).unwrap();
                eventually("its call", || CALLS.load(Ordering::SeqCst) == 2 * round + 2);
            }
        },
    );
}

#[test]
fn a_listener_hears_although_somebody_set_the_default_back() {
    alone(
        "a_listener_hears_although_somebody_set_the_default_back",
        || {
            let mut first = listen(USR1);
            // SAFETY: plain integers.
            unsafe { libc::signal(USR1.as_raw(), libc::SIG_DFL) };
            let mut second = listen(USR1);
            send(USR1);
            here("the signal", first.recv()).unwrap();
            here("the signal", second.recv()).unwrap();
        },
    );
}

#[test]
fn signals_that_nobody_can_listen_for_are_refused() {
    for (number, words) in [
        (libc::SIGKILL, "SIGKILL cannot be listened for: the kernel"),
        (libc::SIGSTOP, "SIGSTOP cannot be listened for: the kernel"),
        (libc::SIGSEGV, "SIGSEGV cannot be listened for: it tells"),
        (libc::SIGBUS, "SIGBUS cannot be listened for: it tells"),
        (libc::SIGILL, "SIGILL cannot be listened for: it tells"),
        (libc::SIGFPE, "SIGFPE cannot be listened for: it tells"),
        (0, "signal 0 cannot be listened for: there is no"),
        (-1, "signal -1 cannot be listened for: there is no"),
        (65, "signal 65 cannot be listened for: there is no"),
        (i32::MAX, "cannot be listened for: there is no"),
        // The C library's own.
        (32, "signal 32 cannot be listened for: "),
    ] {
        let error = unix(SignalKind::from_raw(number)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn real_time_signals_are_heard() {
    alone("real_time_signals_are_heard", || {
        let kind = SignalKind::from_raw(libc::SIGRTMAX());
        let mut signal = listen(kind);
        send(kind);
        here("the signal", signal.recv()).unwrap();
    });
}

/// Counts the USR1 that it is told of, up to a USR2.
async fn count_until_usr2(ready: mpsc::Sender<()>) -> usize {
    let (mut counted, mut end) = (listen(USR1), listen(USR2));
    ready.send(()).await.unwrap();
    let mut count = 0;
    poll_fn(|cx| {
        while let Poll::Ready(Some(())) = Pin::new(&mut counted).poll_next(cx) {
            count += 1;
        }
        Pin::new(&mut end).poll_next(cx)
    })
    .await;
    count
}

#[apply(on_each_driver)]
fn a_storm_of_10_000_signals_comes_to_its_end_while_listeners_come_and_go() {
    alone(
        "a_storm_of_10_000_signals_comes_to_its_end_while_listeners_come_and_go",
        || {
            const SIGNALS: usize = 10_000;
            let runtime = runtime(2);
            let _always = listen(USR1);
            let over = Arc::new(AtomicBool::new(false));
            let visitors = thread::spawn({
                let over = over.clone();
                move || {
                    let mut visits = 0;
                    while !over.load(Ordering::SeqCst) {
                        let mut signal = listen(USR1);
                        let _ = glance(signal.recv());
                        visits += 1;
                    }
                    visits
                }
            });
            let counts = runtime.block_on(async {
                let (ready, mut is_ready) = mpsc::channel(2);
                let listeners = Handle::current().spawn_on_each(move |_| {
                    let ready = ready.clone();
                    async move { count_until_usr2(ready).await }
                });
                for _ in 0..2 {
                    soon("a listener", is_ready.recv()).await.unwrap();
                }
                let sender = thread::spawn(|| (0..SIGNALS).for_each(|_| send(USR1)));
                while !sender.is_finished() {
                    yield_now().await;
                }
                sender.join().unwrap();
                send(USR2);
                let mut counts = Vec::new();
                for listener in listeners {
                    counts.push(soon("the end", listener).await.unwrap());
                }
                counts
            });
            over.store(true, Ordering::SeqCst);
            let visits = visitors.join().unwrap();
            println!("{SIGNALS} signals, told {counts:?}, {visits} listeners came and went");
            assert!(counts.iter().all(|&count| (1..=SIGNALS).contains(&count)));
            assert!(visits > 0);
        },
    );
}

struct Panics(AtomicUsize);

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("{ON_PURPOSE}");
    }
}

#[apply(on_each_driver)]
fn a_waker_that_panics_keeps_the_signal_from_nobody() {
    alone("a_waker_that_panics_keeps_the_signal_from_nobody", || {
        hush();
        let panics = Arc::new(Panics(AtomicUsize::new(0)));
        let waker = Waker::from(panics.clone());
        let mut bad = listen(USR1);
        block_on(async {
            let mut good = listen(USR1);
            for round in 0..10 {
                let mut cx = Context::from_waker(&waker);
                assert!(Pin::new(&mut bad).poll_next(&mut cx).is_pending());
                let mut waits = pin!(good.recv());
                assert!(glance(waits.as_mut()).is_pending());
                send(USR1);
                soon("the signal", waits).await.unwrap();
                eventually("the panic", || panics.0.load(Ordering::SeqCst) == round + 1);
                // It was told all the same.
                let told = Pin::new(&mut bad).poll_next(&mut cx);
                assert_eq!(told, Poll::Ready(Some(())));
            }
        });
    });
}

/// The processors that threads of a name may run on, as /proc shows them.
fn processors_of(name: &str) -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let status = threads.map(|entry| fs::read_to_string(entry.unwrap().path().join("status")));
    status
        .map(|status| status.unwrap())
        .filter(|status| status.contains(&format!("Name:\t{name}\n")))
        .map(|status| {
            let line = status
                .lines()
                .find(|line| line.starts_with("Cpus_allowed:"));
            line.unwrap().to_owned()
        })
        .collect()
}

#[apply(on_each_driver)]
fn the_thread_that_takes_signals_is_not_pinned_as_the_loop_that_started_it() {
    alone(
        "the_thread_that_takes_signals_is_not_pinned_as_the_loop_that_started_it",
        || {
            let status = fs::read_to_string("/proc/thread-self/status").unwrap();
            let before = status
                .lines()
                .find(|line| line.starts_with("Cpus_allowed:"))
                .unwrap()
                .to_owned();
            build(builder(2).pin(true)).block_on(async {
                let mut signal = listen(USR1);
                send(USR1);
                next(&mut signal).await;
                assert_eq!(processors_of("ringmill-signal"), [before]);
            });
        },
    );
}
