//! The watchdog: who holds its loop up is told of, once; who cannot help it is not.
//!
//! Tasks stall until they have been told of, so that no test depends on how fast the machine is.

mod kit;

use kit::child::{Running, alone, is_child};
use kit::driver::{apply, on_each_driver};
use kit::process;
use kit::wait::{NEVER, eventually, soon};
use kit::{ON_PURPOSE, block_on, build, builder, hush};
use ringmill::time::sleep;
use ringmill::{Handle, LoopStats, Runtime, Stall, StallFrame, Watchdog, spawn, yield_now};
use std::hint::black_box;
use std::panic::Location;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Short, so that the tests are.
const LIMIT: Duration = Duration::from_millis(20);

/// What was told so far.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Stall>>>);

impl Told {
    fn watchdog(&self) -> Watchdog {
        let told = self.clone();
        Watchdog::new(LIMIT).on_stall(move |stall| told.0.lock().unwrap().push(stall.clone()))
    }

    fn runtime(&self, loops: usize) -> Runtime {
        build(builder(loops).watchdog(self.watchdog()))
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    #[track_caller]
    fn only(&self) -> Stall {
        let all = self.0.lock().unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    }
}

fn stats(index: usize) -> LoopStats {
    Handle::current().stats()[index].clone()
}

/// A yield may come back in the same tick, a timer does not.
async fn next_tick() {
    sleep(Duration::from_millis(1)).await;
}

/// Keeps the processor busy until `true_now`.
#[inline(never)]
fn compute_until(what: &str, mut true_now: impl FnMut() -> bool) {
    let start = Instant::now();
    while !true_now() {
        for number in 0..10_000 {
            black_box(number);
        }
        assert!(start.elapsed() < NEVER, "never came: {what}");
    }
    black_box(());
}

#[inline(never)]
fn wait_blocked(news: &Receiver<()>) {
    news.recv_timeout(NEVER).expect("a report");
    black_box(());
}

/// With the feature `backtrace` the stack names the function; without it there is none.
#[track_caller]
fn assert_stack_names(stall: &Stall, function: &str) {
    if !cfg!(feature = "backtrace") {
        assert!(stall.frames.is_empty());
        return;
    }
    let name = |frame: &StallFrame| frame.function.clone().unwrap_or_default();
    let any = |is: &dyn Fn(&StallFrame) -> bool| stall.frames.iter().any(is);
    assert!(any(&|frame| name(frame).contains(function)), "{stall}");
    let here = |frame: &StallFrame| {
        let file = frame.file.as_ref();
        file.is_some_and(|file| file.ends_with(file!())) && frame.line.is_some()
    };
    assert!(any(&here), "{stall}");
    // Neither the handler nor the loop, which are the same for all.
    for ours in ["sys::stack", "task::harness"] {
        let shown = any(&|frame| name(frame).contains(ours));
        assert!(!shown, "{ours} is in {stall}");
    }
}

#[apply(on_each_driver)]
fn a_task_that_computes_is_told_of_once_with_its_spawn_site_and_stack() {
    let told = Told::default();
    told.runtime(2).block_on(async {
        let (site, task) = (
            Location::caller(),
            // On the line that `site` names.
            Handle::current().loops()[1].spawn({
                let told = told.clone();
                move || async move {
                    compute_until("the report", || told.count() > 0);
                    // And goes on for as long again.
                    let longest = stats(1).longest_stall;
                    compute_until("more", || stats(1).longest_stall > 2 * longest);
                    next_tick().await;
                    stats(1)
                }
            }),
        );
        let after = soon("the task", task).await.unwrap();
        let stall = told.only();
        assert_eq!((stall.index, stall.name.as_str()), (1, "ringmill-1"));
        let task = stall.task.expect("a task");
        assert_eq!(task.file(), site.file());
        // The tuple's members are on lines of their own.
        assert_eq!(task.line(), site.line() + 2);
        assert!(stall.duration >= LIMIT);
        assert!(stall.to_string().contains(&task.to_string()), "{stall}");
        assert_stack_names(&stall, "compute_until");
        assert_eq!(after.stalls, 1);
        assert!(after.longest_stall > 2 * stall.duration);
        // The loop that waited for it is without fault.
        assert_eq!(stats(0).stalls, 0);
    });
}

#[apply(on_each_driver)]
fn a_task_that_blocks_is_told_of_too_and_each_time_anew() {
    const TIMES: usize = 3;
    let told = Told::default();
    let (tell, news) = channel();
    let watchdog = Watchdog::new(LIMIT).on_stall({
        let told = told.clone();
        move |stall| {
            told.0.lock().unwrap().push(stall.clone());
            tell.send(()).unwrap();
        }
    });
    build(builder(1).watchdog(watchdog)).block_on(async {
        let task = spawn(async move {
            for _ in 0..TIMES {
                wait_blocked(&news);
                next_tick().await;
            }
        });
        soon("the task", task).await.unwrap();
        assert_eq!(stats(0).stalls, TIMES as u64);
    });
    let all = told.0.lock().unwrap();
    assert_eq!(all.len(), TIMES);
    for stall in &*all {
        assert!(stall.task.is_some());
        assert_stack_names(stall, "wait_blocked");
    }
}

#[apply(on_each_driver)]
fn the_future_of_block_on_is_told_of_as_well() {
    let told = Told::default();
    let runtime = told.runtime(1);
    let line = line!() + 1;
    runtime.block_on(async { compute_until("the report", || told.count() > 0) });
    let task = told.only().task.expect("a task");
    assert_eq!((task.file(), task.line()), (file!(), line));
}

#[apply(on_each_driver)]
fn loops_that_rest_or_work_in_small_pieces_are_not_told_of() {
    let told = Told::default();
    told.runtime(2).block_on(async {
        let busy = Handle::current().spawn_on_each(|_| async {
            let start = Instant::now();
            while start.elapsed() < 10 * LIMIT {
                yield_now().await;
            }
            sleep(10 * LIMIT).await;
        });
        for task in busy {
            soon("the task", task).await.unwrap();
        }
    });
    // Between two runs nobody is waited for.
    assert_eq!(told.count(), 0, "{:?}", told.0.lock().unwrap());
}

#[test]
fn between_two_runs_of_block_on_nothing_is_told() {
    kit::driver::on(ringmill::DriverKind::Epoll, || {
        let told = Told::default();
        let runtime = told.runtime(1);
        let mut before = 0;
        runtime.block_on(async { before = stats(0).ticks });
        // The thread has other work now, for many limits.
        let start = cpu_time();
        compute_until("its own time", || cpu_time() - start > 10 * LIMIT);
        runtime.block_on(async { assert!(stats(0).ticks > before) });
        assert_eq!(told.count(), 0);
    });
}

/// Processor time of this thread.
fn cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is writable.
    let read = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(read, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[apply(on_each_driver)]
fn a_loop_whose_thread_is_kept_off_the_processor_is_not_blamed() {
    alone(
        "a_loop_whose_thread_is_kept_off_the_processor_is_not_blamed",
        || {
            let told = Told::default();
            // Everything that this thread starts is on one processor: the watchdog, the burner.
            let mut one = nix::sched::CpuSet::new();
            one.set(0).unwrap();
            let here = nix::unistd::Pid::from_raw(0);
            nix::sched::sched_setaffinity(here, &one).expect("processor 0 is allowed");
            let runtime = told.runtime(1);
            let burner = thread::spawn(|| compute_for(Duration::from_secs(20)));
            // This thread, the loop's, has the processor only when nobody else wants it.
            // SAFETY: a policy of this thread's own, with the parameters that it asks for.
            unsafe {
                let parameters: libc::sched_param = std::mem::zeroed();
                let set = libc::sched_setscheduler(0, libc::SCHED_IDLE, &parameters);
                assert_eq!(set, 0);
            }
            let waited = runtime.block_on(async {
                let mut waited = Duration::ZERO;
                for _ in 0..40 {
                    // One poll takes ten limits, if not by its own doing.
                    let (start, cpu) = (Instant::now(), cpu_time());
                    while start.elapsed() < 10 * LIMIT && cpu_time() - cpu < LIMIT / 4 {
                        black_box(());
                    }
                    let took = start.elapsed();
                    waited += if took > 5 * LIMIT {
                        took
                    } else {
                        Duration::ZERO
                    };
                    if waited > 20 * LIMIT {
                        break;
                    }
                    next_tick().await;
                }
                waited
            });
            println!("{waited:?} in ticks of more than {:?}", 5 * LIMIT);
            assert!(waited > 20 * LIMIT, "the loop had the processor");
            assert_eq!(told.count(), 0, "{:?}", told.0.lock().unwrap());
            // The burner ends with the process.
            drop(burner);
        },
    );
}

fn compute_for(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        black_box(());
    }
}

#[apply(on_each_driver)]
fn a_process_that_was_stopped_is_not_blamed() {
    const NAME: &str = "a_process_that_was_stopped_is_not_blamed";
    if is_child(NAME) {
        let told = Told::default();
        told.runtime(1).block_on(async {
            println!("polls");
            // One poll, in which the process stops itself, from another thread.
            for _ in 0..5 {
                let stopper = thread::spawn(|| {
                    // SAFETY: plain integers.
                    unsafe { libc::kill(libc::getpid(), libc::SIGSTOP) };
                });
                while !stopper.is_finished() {
                    thread::yield_now();
                }
                println!("was stopped");
                next_tick().await;
            }
        });
        let all = told.0.lock().unwrap();
        // What it has computed counts, what it was stopped for does not.
        assert!(all.iter().all(|stall| stall.duration < 10 * LIMIT));
        println!("ended with {} told of", all.len());
        return;
    }
    let mut child = Running::start(NAME);
    child.line("polls");
    let stopped = || {
        let threads = std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap();
        threads.rsplit_once(") ").unwrap().1.starts_with('T')
    };
    for _ in 0..5 {
        eventually("the stop", stopped);
        // Many limits, in which it cannot answer for anything.
        thread::sleep(10 * LIMIT);
        child.signal(libc::SIGCONT);
    }
    child.finish().assert_passed(&kit::driver::full_name(NAME));
}

/// Whether a thread of the watchdog's name is in this process.
fn has_watchdog() -> bool {
    let activity = process::activity(std::process::id()).unwrap();
    // The kernel keeps 15 bytes of a name.
    activity
        .iter()
        .any(|thread| thread.name == "ringmill-watchd")
}

#[apply(on_each_driver)]
fn without_a_watchdog_there_is_no_thread_and_nothing_is_told() {
    alone(
        "without_a_watchdog_there_is_no_thread_and_nothing_is_told",
        || {
            block_on(async {
                let start = cpu_time();
                compute_until("time", || cpu_time() - start > 3 * LIMIT);
                assert!(!has_watchdog());
                assert_eq!(stats(0).stalls, 0);
            });
            let told = Told::default();
            let runtime = told.runtime(1);
            eventually("its thread", has_watchdog);
            drop(runtime);
            // A thread that has ended is listed for a moment more.
            eventually("its end, with the runtime", || !has_watchdog());
        },
    );
}

#[apply(on_each_driver)]
fn a_watchdog_that_sleeps_is_woken_by_a_loop_that_ticks() {
    alone(
        "a_watchdog_that_sleeps_is_woken_by_a_loop_that_ticks",
        || {
            let told = Told::default();
            let runtime = told.runtime(2);
            for round in 1..=2 {
                let watchdog = || {
                    let all = process::activity(std::process::id()).unwrap();
                    let mut all = all.into_iter();
                    all.find(|thread| thread.name == "ringmill-watchd")
                };
                eventually("its sleep", || {
                    let before = watchdog();
                    thread::sleep(5 * LIMIT);
                    before.is_some() && before == watchdog()
                });
                let stalls = told.clone();
                let target = runtime.handle().loops()[1].clone();
                let task = target.spawn(move || async move {
                    compute_until("the report", || stalls.count() == round);
                });
                runtime.block_on(async { soon("the task", task).await.unwrap() });
            }
        },
    );
}

#[apply(on_each_driver)]
fn a_hook_that_panics_is_called_again() {
    hush();
    let told = Told::default();
    let watchdog = Watchdog::new(LIMIT).on_stall({
        let told = told.clone();
        move |stall| {
            told.0.lock().unwrap().push(stall.clone());
            panic!("{ON_PURPOSE}");
        }
    });
    build(builder(1).watchdog(watchdog)).block_on(async {
        for round in 1..=3 {
            compute_until("the report", || told.count() == round);
            next_tick().await;
        }
    });
}

#[apply(on_each_driver)]
fn the_default_is_one_report_on_the_standard_error() {
    const NAME: &str = "the_default_is_one_report_on_the_standard_error";
    if is_child(NAME) {
        let runtime = build(builder(1).watchdog(Watchdog::default()));
        runtime.block_on(async {
            compute_until("the stall", || stats(0).stalls > 0);
            let longest = stats(0).longest_stall;
            compute_until("more", || stats(0).longest_stall > 2 * longest);
        });
        // The report may have names to look up.
        drop(runtime);
        return;
    }
    let ended = Running::start(NAME).finish();
    ended.assert_passed(&kit::driver::full_name(NAME));
    let reports = ended
        .errors
        .iter()
        .filter(|line| line.starts_with("ringmill: "));
    let reports: Vec<_> = reports.collect();
    assert_eq!(reports.len(), 1, "{}", ended.output);
    for part in ["loop 0 (ringmill-0)", "tests/watchdog.rs:"] {
        assert!(reports[0].contains(part), "{}", reports[0]);
    }
}

#[test]
fn a_limit_of_nothing_is_refused() {
    kit::driver::on(ringmill::DriverKind::Epoll, || {
        let error = builder(1).watchdog(Watchdog::new(Duration::ZERO)).build();
        let error = error.err().expect("a refusal");
        assert!(error.to_string().contains("watchdog"), "{error}");
    });
}
