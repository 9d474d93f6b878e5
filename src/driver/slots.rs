//! The slot table: what the kernel may touch, in pages that never move.
//!
//! ```text
//! pages ──► [ slot 0 … slot 127 ] ──► [ slot 128 … ]      boxed; only ever added
//! slot   =  generation | state | free link | vtable | payload (96 bytes)
//! ```
//!
//! Rules, cited below by number:
//! 1. A slot's address is stable: pages are boxed and dropped only with the table, which is leaked
//!    while anything is in flight.
//! 2. `state` other than `Free` means that `payload` holds a live value of the type that `vtable`
//!    was made for. A [`Key`] of the present generation proves that its holder put it there.
//! 3. A payload in flight is touched by the kernel, and by `complete`, and by nothing else, except
//!    what no kernel knows: [`Waited`](super::Waited)'s own fields, whose users never call out, and
//!    what `abandoned` looks at, when nothing else is called any more.
//! 4. The table is used by one thread.

use super::operation::{After, Attempt, Completion, Event, Operation};
use super::{Driver, waited::Waited};
use crate::sys::contained;
use crate::sys::preflight::Preflight;
use crate::sys::ring::Sqe;
use std::alloc::Layout;
use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;

/// Slots a page: 128 × 128 bytes, 16 KiB, so that a small program has one page.
const PAGE: usize = 128;
/// Payload bytes in the slot; a larger operation (a connect with its address) is boxed.
const INLINE: usize = 96;
/// The end of the free list.
const NIL: u32 = u32::MAX;
/// Bits of a generation that fit in `user_data` beside the kind and the index.
const GENERATION_MASK: u32 = (1 << 28) - 1;

/// Names an operation for as long as it has its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// Generation and slot, as they travel in `user_data` (the top four bits are the kind's).
    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Key {
            index: bits as u32,
            generation: (bits >> 32) as u32 & GENERATION_MASK,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// In the free list.
    Free,
    /// Submitted to the driver; the kernel has not seen it.
    Queued,
    /// The kernel's, until its terminal completion.
    InFlight { cancelled: bool },
    /// Completed; the result waits for its future.
    Kept,
}

#[derive(Clone, Copy)]
struct VTable {
    prepare: unsafe fn(*mut u8, Preflight) -> Sqe,
    attempt: unsafe fn(*mut u8, Option<Event>) -> Attempt,
    complete: unsafe fn(*mut u8, Completion, &Driver) -> After,
    abandoned: unsafe fn(*mut u8),
    drop: unsafe fn(*mut u8),
    finishes: bool,
}

/// Room for an operation, read and written through a pointer only.
#[repr(align(16))]
struct Payload {
    _room: [MaybeUninit<u8>; INLINE],
}

struct Slot {
    payload: UnsafeCell<Payload>,
    vtable: Cell<Option<&'static VTable>>,
    generation: Cell<u32>,
    next_free: Cell<u32>,
    state: Cell<State>,
}

pub(super) struct Slots {
    pages: UnsafeCell<Vec<Box<[Slot; PAGE]>>>,
    free: Cell<u32>,
    used: Cell<u32>,
    in_flight: Cell<u32>,
}

/// How an operation lies in a payload: itself where it fits, else in a box.
struct Placed<O>(std::marker::PhantomData<O>);

impl<O: Operation> Placed<O> {
    const INLINE: bool = {
        let layout = Layout::new::<O>();
        layout.size() <= INLINE && layout.align() <= 16
    };

    const VTABLE: VTable = VTable {
        prepare: Self::prepare,
        attempt: Self::attempt,
        complete: Self::complete,
        abandoned: Self::abandoned,
        drop: Self::drop,
        finishes: O::FINISHES,
    };

    /// # Safety
    ///
    /// `payload` is a slot's free payload.
    unsafe fn write(payload: *mut u8, operation: O) {
        // SAFETY: the payload is large and aligned enough for an O by `INLINE`, else for a box.
        unsafe {
            if Self::INLINE {
                payload.cast::<O>().write(operation);
            } else {
                payload.cast::<Box<O>>().write(Box::new(operation));
            }
        }
    }

    /// # Safety
    ///
    /// `payload` holds what `write` put there.
    unsafe fn get(payload: *mut u8) -> *mut O {
        if Self::INLINE {
            payload.cast()
        } else {
            // SAFETY: `write` put a box there.
            unsafe { &raw mut **payload.cast::<Box<O>>() }
        }
    }

    unsafe fn prepare(payload: *mut u8, able: Preflight) -> Sqe {
        // SAFETY: rule 2; the kernel does not know the payload now, so the borrow is alone.
        unsafe { (*Self::get(payload)).prepare(able) }
    }

    unsafe fn attempt(payload: *mut u8, event: Option<Event>) -> Attempt {
        // SAFETY: rule 2; the driver that attempts hands no payload to the kernel.
        unsafe { (*Self::get(payload)).attempt(event) }
    }

    unsafe fn complete(payload: *mut u8, completion: Completion, driver: &Driver) -> After {
        // SAFETY: rules 2 and 3.
        unsafe { (*Self::get(payload)).complete(completion, driver) }
    }

    unsafe fn abandoned(payload: *mut u8) {
        // SAFETY: rules 2 and 3: an operation touches nothing there that the kernel knows.
        unsafe { (*Self::get(payload)).abandoned() }
    }

    unsafe fn drop(payload: *mut u8) {
        // SAFETY: rule 2; the caller has taken the slot out of use.
        unsafe {
            if Self::INLINE {
                payload.cast::<O>().drop_in_place();
            } else {
                payload.cast::<Box<O>>().drop_in_place();
            }
        }
    }
}

impl Slots {
    pub(super) fn new() -> Self {
        Slots {
            pages: UnsafeCell::new(Vec::new()),
            free: Cell::new(NIL),
            used: Cell::new(0),
            in_flight: Cell::new(0),
        }
    }

    /// Slots in use: queued, in flight, or kept for their futures.
    pub(super) fn used(&self) -> u32 {
        self.used.get()
    }

    /// Operations that the kernel has.
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.get()
    }

    fn slot(&self, index: u32) -> Option<&Slot> {
        // SAFETY: one thread (rule 4); the vector is borrowed only for this look-up, and what is
        // returned borrows from the page, which does not move (rule 1).
        let pages = unsafe { &*self.pages.get() };
        let page: *const [Slot; PAGE] = &raw const **pages.get(index as usize / PAGE)?;
        // SAFETY: as above: the page lives as long as the table.
        Some(unsafe { &(&*page)[index as usize % PAGE] })
    }

    fn find(&self, key: Key) -> Option<&Slot> {
        self.slot(key.index)
            .filter(|slot| slot.generation.get() == key.generation)
    }

    /// Puts an operation into a slot, queued.
    pub(super) fn insert<O: Operation>(&self, operation: O) -> Key {
        if self.free.get() == NIL {
            self.grow();
        }
        let index = self.free.get();
        let slot = self.slot(index).expect("the free list names slots");
        self.free.set(slot.next_free.get());
        // SAFETY: the slot is free, so its payload is nobody's.
        unsafe { Placed::write(slot.payload.get().cast(), operation) };
        slot.vtable.set(Some(&Placed::<O>::VTABLE));
        slot.state.set(State::Queued);
        self.used.set(self.used.get() + 1);
        Key {
            index,
            generation: slot.generation.get(),
        }
    }

    fn grow(&self) {
        // SAFETY: one thread (rule 4), and no borrow of the vector is alive outside `slot`.
        let pages = unsafe { &mut *self.pages.get() };
        let base = (pages.len() * PAGE) as u32;
        let page: Vec<Slot> = (0..PAGE as u32)
            .map(|offset| Slot {
                payload: UnsafeCell::new(Payload {
                    _room: [MaybeUninit::uninit(); INLINE],
                }),
                vtable: Cell::new(None),
                generation: Cell::new(0),
                next_free: Cell::new(if offset + 1 == PAGE as u32 {
                    NIL
                } else {
                    base + offset + 1
                }),
                state: Cell::new(State::Free),
            })
            .collect();
        let page: Box<[Slot; PAGE]> = match page.into_boxed_slice().try_into() {
            Ok(page) => page,
            Err(_) => unreachable!("a page was made of PAGE slots"),
        };
        pages.push(page);
        self.free.set(base);
    }

    fn release(&self, index: u32, slot: &Slot) {
        let vtable = slot.vtable.take().expect("a used slot has a vtable");
        // The slot is out of use before the payload's drop runs, which may call back in.
        slot.generation
            .set((slot.generation.get() + 1) & GENERATION_MASK);
        slot.state.set(State::Free);
        self.used.set(self.used.get() - 1);
        // SAFETY: rule 2; nothing finds the slot any more (new generation, not yet in the free
        // list), so the payload is dropped once.
        unsafe { (vtable.drop)(slot.payload.get().cast()) };
        slot.next_free.set(self.free.get());
        self.free.set(index);
    }

    /// The state of an operation; `None` once its slot is freed.
    pub(super) fn state(&self, key: Key) -> Option<State> {
        self.find(key).map(|slot| slot.state.get())
    }

    /// Moves a queued operation to the kernel's side. False if it was withdrawn.
    pub(super) fn start(&self, key: Key) -> bool {
        self.find(key).is_some_and(|slot| self.start_in(slot))
    }

    #[inline]
    fn start_in(&self, slot: &Slot) -> bool {
        if slot.state.get() != State::Queued {
            return false;
        }
        slot.state.set(State::InFlight { cancelled: false });
        self.in_flight.set(self.in_flight.get() + 1);
        true
    }

    /// Starts an operation and builds its submission; `None` if it was withdrawn.
    pub(super) fn submission(&self, key: Key, able: Preflight) -> Option<Sqe> {
        let slot = self.find(key)?;
        if !self.start_in(slot) {
            return None;
        }
        let vtable = slot.vtable.get()?;
        // SAFETY: rule 2, and the kernel has not seen it.
        Some(unsafe { (vtable.prepare)(slot.payload.get().cast(), able) })
    }

    /// Tries an operation that was started; `None` if it has ended or is about to.
    pub(super) fn attempt(&self, key: Key, event: Option<Event>) -> Option<Attempt> {
        let slot = self.find(key)?;
        if slot.state.get() != (State::InFlight { cancelled: false }) {
            return None;
        }
        let vtable = slot.vtable.get()?;
        // SAFETY: rule 2.
        Some(unsafe { (vtable.attempt)(slot.payload.get().cast(), event) })
    }

    /// Delivers a completion. Returns true if the operation asks to be submitted again.
    pub(super) fn complete(&self, key: Key, completion: Completion, driver: &Driver) -> bool {
        let Some(slot) = self.find(key) else {
            return false;
        };
        let State::InFlight { .. } = slot.state.get() else {
            return false;
        };
        let Some(vtable) = slot.vtable.get() else {
            return false;
        };
        // SAFETY: rules 2 and 3.
        let mut after = unsafe { (vtable.complete)(slot.payload.get().cast(), completion, driver) };
        if completion.more() {
            return false;
        }
        if matches!(after, After::Again)
            && slot.state.get() == (State::InFlight { cancelled: true })
        {
            // It was to end, by a cancel that came too late or found it half done (a send that was
            // partly sent reports that part): it does not start anew, which nobody would cancel.
            let cancelled = Completion::cancelled();
            // SAFETY: rules 2 and 3; the kernel has ended with it.
            after = unsafe { (vtable.complete)(slot.payload.get().cast(), cancelled, driver) };
        }
        self.in_flight.set(self.in_flight.get() - 1);
        match after {
            After::Done => {
                self.release(key.index, slot);
                false
            }
            After::Keep(waker) => {
                slot.state.set(State::Kept);
                if let Some(waker) = waker {
                    contained(|| waker.wake());
                }
                false
            }
            After::Again => {
                slot.state.set(State::Queued);
                true
            }
        }
    }

    /// Withdraws an operation that the kernel has not seen, or asks for the cancellation of one
    /// that it has: true if a cancel must be sent.
    pub(super) fn cancel(&self, key: Key) -> bool {
        let Some(slot) = self.find(key) else {
            return false;
        };
        match slot.state.get() {
            State::Queued => {
                self.release(key.index, slot);
                false
            }
            State::InFlight { cancelled: false } => {
                slot.state.set(State::InFlight { cancelled: true });
                true
            }
            State::InFlight { cancelled: true } | State::Kept | State::Free => false,
        }
    }

    /// Tells an operation that its driver is broken.
    pub(super) fn abandon(&self, key: Key) {
        if let Some(slot) = self.find(key)
            && let Some(vtable) = slot.vtable.get()
        {
            // SAFETY: rules 2 and 3.
            unsafe { (vtable.abandoned)(slot.payload.get().cast()) };
        }
    }

    /// Frees the slot of a kept result.
    pub(super) fn take_back(&self, key: Key) {
        if let Some(slot) = self.find(key) {
            debug_assert_eq!(slot.state.get(), State::Kept);
            self.release(key.index, slot);
        }
    }

    /// Looks at a waited operation. The closure must not call out.
    pub(super) fn with_waited<O: super::OneShot, R>(
        &self,
        key: Key,
        look: impl FnOnce(&mut Waited<O>, State) -> R,
    ) -> Option<R> {
        let slot = self.find(key)?;
        // SAFETY: rule 2: a key of a `Waited<O>` is made and held only by `Pending<O>`; rule 3:
        // the fields looked at are the waiter's own, and the closure does not call out, so no
        // second borrow is made meanwhile.
        let waited = unsafe { &mut *Placed::<Waited<O>>::get(slot.payload.get().cast()) };
        Some(look(waited, slot.state.get()))
    }

    /// The keys of what is in flight; `finishing` picks those that are let finish or the others.
    pub(super) fn keys_in_flight(&self, finishing: bool) -> Vec<Key> {
        // SAFETY: one thread; nothing is called while the borrow lives.
        let pages = unsafe { &*self.pages.get() };
        pages
            .iter()
            .flat_map(|page| page.iter())
            .enumerate()
            .filter(|(_, slot)| {
                matches!(slot.state.get(), State::InFlight { .. } | State::Queued)
                    && slot.vtable.get().is_some_and(|v| v.finishes == finishing)
            })
            .map(|(index, slot)| Key {
                index: index as u32,
                generation: slot.generation.get(),
            })
            .collect()
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // What is left was kept for a future that outlived the loop, or never started; nothing is
        // in flight, or the table would have been leaked.
        debug_assert_eq!(self.in_flight.get(), 0);
        let pages = self.pages.get_mut();
        let len = (pages.len() * PAGE) as u32;
        for index in 0..len {
            if let Some(slot) = self.slot(index)
                && slot.state.get() != State::Free
            {
                self.release(index, slot);
            }
        }
    }
}
