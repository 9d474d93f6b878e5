//! Several threads, for real.

use super::*;
use std::sync::Mutex;
use std::sync::mpsc;

#[test]
fn a_remote_task_is_made_run_and_dropped_on_its_loop() {
    let (send, receive) = mpsc::channel();
    let on_loop = thread::spawn(move || {
        let on = Loop::new();
        send.send(on.shared.clone()).unwrap();
        let spawned_there = on.spawn(poll_fn({
            let shared = on.shared.clone();
            move |_| {
                if Arc::strong_count(&shared) < 4 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }
        }));
        drop(spawned_there);
        // Until the sender has gone, and with it its reference.
        while Arc::strong_count(&on.shared) > 3 || !on.shared.inbox.is_empty() {
            let _ = on.run();
            thread::yield_now();
        }
        thread::current().id()
    });
    let shared: Arc<Shared> = receive.recv().unwrap();
    let make = || {
        let not_send = Rc::new(thread::current().id());
        async move { *not_send }
    };
    let (entry, handle) = remote(make, ToInbox(shared.clone()), Location::caller());
    assert_ne!(shared.push(entry), Pushed::Closed);
    let ran_on = wait(handle).unwrap();
    drop(shared);
    assert_eq!(ran_on, on_loop.join().unwrap());
}

/// Awaits a handle on a thread without a loop.
fn wait<T>(mut handle: JoinHandle<T>) -> Result<T, JoinError> {
    struct Unpark(Thread);

    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match poll(&mut handle, &waker) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Tasks that wait for numbers from other threads, one wake a number; the loop sleeps whenever it
/// can.
#[test]
fn wakes_from_many_threads_are_all_seen() {
    const THREADS: usize = 4;
    const TASKS: usize = 16;
    const ROUNDS: usize = if cfg!(miri) { 10 } else { 2_000 };

    struct Slot {
        sent: AtomicUsize,
        waker: Mutex<Option<Waker>>,
    }

    let on = Loop::new();
    let slots: Arc<[Slot]> = (0..TASKS)
        .map(|_| Slot {
            sent: AtomicUsize::new(0),
            waker: Mutex::new(None),
        })
        .collect();
    let handles: Vec<_> = (0..TASKS)
        .map(|index| {
            let slots = slots.clone();
            on.spawn(poll_fn(move |cx| {
                let slot = &slots[index];
                *slot.waker.lock().unwrap() = Some(cx.waker().clone());
                match slot.sent.load(Ordering::Relaxed) {
                    sent if sent == THREADS * ROUNDS => Poll::Ready(sent),
                    _ => Poll::Pending,
                }
            }))
        })
        .collect();
    let senders: Vec<_> = (0..THREADS)
        .map(|_| {
            let slots = slots.clone();
            thread::spawn(move || {
                for _ in 0..ROUNDS {
                    for slot in slots.iter() {
                        slot.sent.fetch_add(1, Ordering::Relaxed);
                        let waker = slot.waker.lock().unwrap().take();
                        if let Some(waker) = waker {
                            waker.wake();
                        }
                    }
                }
            })
        })
        .collect();
    on.run_until(|| on.tasks.len() == 0);
    for sender in senders {
        sender.join().unwrap();
    }
    for handle in handles {
        assert_eq!(output(handle).unwrap(), THREADS * ROUNDS);
    }
    let _ = on.run();
    drop(slots);
    assert_eq!(Arc::strong_count(&on.shared), 1, "a task was leaked");
}

/// Handles dropped, aborted and awaited elsewhere, while the tasks run: every future and output is
/// dropped once.
#[test]
fn handles_on_other_threads_lose_and_leak_nothing() {
    const TASKS: usize = if cfg!(miri) { 60 } else { 30_000 };

    let on = Loop::new();
    let drops = Drops::default();
    let (send, receive) = mpsc::channel::<JoinHandle<DropGuard>>();
    let joiner = thread::spawn(move || {
        let (mut ended, mut cancelled) = (0, 0);
        for (index, handle) in receive.into_iter().enumerate() {
            match index % 3 {
                0 => drop(handle),
                1 => drop(handle.abort_on_drop()),
                _ => {
                    if index % 2 == 0 {
                        handle.abort();
                    }
                    match wait(handle) {
                        Ok(_) => ended += 1,
                        Err(error) => cancelled += usize::from(error.is_cancelled()),
                    }
                }
            }
        }
        (ended, cancelled)
    });
    for _ in 0..TASKS {
        let guard = drops.guard();
        let mut yielded = false;
        let handle = on.spawn(async move {
            poll_fn(move |cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut yielded, true) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            guard
        });
        send.send(handle).unwrap();
        let _ = on.run();
    }
    drop(send);
    let (ended, cancelled) = joiner.join().unwrap();
    assert_eq!(ended + cancelled, TASKS / 3);
    let _ = on.run();
    assert_eq!(on.tasks.len(), 0);
    assert_eq!(drops.count(), TASKS);
    assert_eq!(Arc::strong_count(&on.shared), 1, "a task was leaked");
}

/// What must stay on its thread cannot leave it, what may travel can.
#[test]
fn thread_affinity_is_a_type() {
    use crate::task::{AbortHandle, ReadyQueue};

    struct Ask<T>(std::marker::PhantomData<T>);
    trait No {
        const SEND: bool = false;
    }
    impl<T> No for Ask<T> {}
    impl<T: Send> Ask<T> {
        const SEND: bool = true;
    }

    const {
        assert!(!Ask::<OwnedTasks>::SEND);
        assert!(!Ask::<ReadyQueue>::SEND);
        assert!(!Ask::<JoinHandle<Rc<()>>>::SEND);
        assert!(Ask::<JoinHandle<Cell<u8>>>::SEND);
        assert!(Ask::<&JoinHandle<Cell<u8>>>::SEND);
        assert!(Ask::<&AbortHandle>::SEND);
        assert!(Ask::<&Inbox>::SEND);
        assert!(Ask::<Scheduled>::SEND);
    }
}
