//! [`Sharing`]: who shares a value of this module, and so what it is made of.
//!
//! The rules of waiting are written once and hold for both: what one does by a lock and
//! read-modify-writes, the other does by plain cells.

use super::cell::Hold;
use crate::sys::atomics::{AtomicUsize, Mutex, Ordering};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// Who shares a value: [`AcrossLoops`] or [`OneLoop`].
///
/// It cannot be implemented elsewhere.
pub trait Sharing: Sized + 'static + private::Sealed {
    /// What an owned guard keeps its lock by: `Arc` or `Rc`.
    type Counted<T: ?Sized>: Hold<Target = T> + Clone;
    #[doc(hidden)]
    type Word: Word;
    #[doc(hidden)]
    type Lock<T>: Lock<T>;
    #[doc(hidden)]
    type Once<T>: Once<T>;
}

/// Shared between loops and threads: the types of [`ringmill::sync`](crate::sync).
#[derive(Clone, Copy, Debug)]
pub enum AcrossLoops {}

/// Shared on one thread: the types of [`ringmill::sync::local`](crate::sync::local).
#[derive(Clone, Copy, Debug)]
pub enum OneLoop {}

mod private {
    pub trait Sealed {}
    impl Sealed for super::AcrossLoops {}
    impl Sealed for super::OneLoop {}
}

impl Sharing for AcrossLoops {
    type Counted<T: ?Sized> = Arc<T>;
    type Word = AtomicUsize;
    type Lock<T> = Mutex<T>;
    type Once<T> = OnceLock<T>;
}

impl Sharing for OneLoop {
    type Counted<T: ?Sized> = Rc<T>;
    type Word = Cell<usize>;
    type Lock<T> = RefCell<T>;
    type Once<T> = OnceCell<T>;
}

/// The state of something, where it fits in a word.
pub trait Word {
    fn load(&self) -> usize;

    /// Puts what `change` makes of the state in its place, and gives the one before; or, if `change`
    /// makes nothing of it, gives that as the error. `change` may be called several times.
    fn update(&self, change: impl FnMut(usize) -> Option<usize>) -> Result<usize, usize>;
}

impl Word for AtomicUsize {
    #[inline]
    fn load(&self) -> usize {
        self.load(Ordering::Acquire)
    }

    #[inline]
    fn update(&self, change: impl FnMut(usize) -> Option<usize>) -> Result<usize, usize> {
        self.fetch_update(Ordering::AcqRel, Ordering::Acquire, change)
    }
}

impl Word for Cell<usize> {
    #[inline]
    fn load(&self) -> usize {
        self.get()
    }

    #[inline]
    fn update(&self, mut change: impl FnMut(usize) -> Option<usize>) -> Result<usize, usize> {
        let before = self.get();
        match change(before) {
            Some(after) => {
                self.set(after);
                Ok(before)
            }
            None => Err(before),
        }
    }
}

/// What takes more than a word. No foreign code runs in `with` that might get there again: not a
/// waker's, not a user's drop.
pub trait Lock<T> {
    fn new(value: T) -> Self;
    fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R;
    fn get_mut(&mut self) -> &mut T;
    fn into_inner(self) -> T;
}

impl<T> Lock<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Mutex::new(value)
    }

    #[inline]
    fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        // Whole at every point where a panic could come, so that poison means nothing.
        change(&mut self.lock().unwrap_or_else(|poison| poison.into_inner()))
    }

    fn get_mut(&mut self) -> &mut T {
        self.get_mut().unwrap_or_else(|poison| poison.into_inner())
    }

    fn into_inner(self) -> T {
        self.into_inner()
            .unwrap_or_else(|poison| poison.into_inner())
    }
}

impl<T> Lock<T> for RefCell<T> {
    fn new(value: T) -> Self {
        RefCell::new(value)
    }

    #[inline]
    fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.borrow_mut())
    }

    fn get_mut(&mut self) -> &mut T {
        self.get_mut()
    }

    fn into_inner(self) -> T {
        self.into_inner()
    }
}

/// A value that is set once.
pub trait Once<T> {
    fn get(&self) -> Option<&T>;
    fn set(&self, value: T) -> Result<(), T>;
    fn get_mut(&mut self) -> Option<&mut T>;
    fn take(&mut self) -> Option<T>;
}

impl<T> Once<T> for OnceLock<T> {
    #[inline]
    fn get(&self) -> Option<&T> {
        self.get()
    }

    fn set(&self, value: T) -> Result<(), T> {
        self.set(value)
    }

    fn get_mut(&mut self) -> Option<&mut T> {
        self.get_mut()
    }

    fn take(&mut self) -> Option<T> {
        self.take()
    }
}

impl<T> Once<T> for OnceCell<T> {
    #[inline]
    fn get(&self) -> Option<&T> {
        self.get()
    }

    fn set(&self, value: T) -> Result<(), T> {
        self.set(value)
    }

    fn get_mut(&mut self) -> Option<&mut T> {
        self.get_mut()
    }

    fn take(&mut self) -> Option<T> {
        self.take()
    }
}

/// Constructors, once for each sharing, as no function of a trait can be `const`. In the bodies `S` is
/// the sharing.
macro_rules! constructors {
    (impl[$($generics:tt)*] $name:ident[$($arguments:tt)*] { $($functions:tt)* }) => {
        impl<$($generics)*> $name<$($arguments)* $crate::sync::AcrossLoops> {
            $crate::sync::sharing::constructors!(@ AcrossLoops $($functions)*);
        }
        impl<$($generics)*> $name<$($arguments)* $crate::sync::OneLoop> {
            $crate::sync::sharing::constructors!(@ OneLoop $($functions)*);
        }
    };
    (@ $sharing:ident
        $($(#[$attribute:meta])* $visible:vis fn $name:ident($($parameters:tt)*) -> Self $body:block)*
    ) => {
        $(
            $crate::sync::sharing::constant! {
                $(#[$attribute])*
                $visible fn $name($($parameters)*) -> Self {
                    #[allow(dead_code, reason = "not every body names it")]
                    type S = $crate::sync::$sharing;
                    $body
                }
            }
        )*
    };
}

/// A `const` function.
#[cfg(not(loom))]
macro_rules! constant {
    ($(#[$attribute:meta])* $visible:vis fn $($rest:tt)*) => {
        $(#[$attribute])* $visible const fn $($rest)*
    };
}

/// In loom's world atomics are made at run time.
#[cfg(loom)]
macro_rules! constant {
    ($($function:tt)*) => { $($function)* };
}

pub(super) use {constant, constructors};
