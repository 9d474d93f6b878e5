//! Random numbers that can be had again: each loop draws from a generator of its own, which comes
//! from the runtime's [seed](crate::Builder::seed).
//!
//! A program that takes its chances from here does the same again under the same seed, as far as
//! its tasks run in the same order. The numbers are fast and evenly spread (wyrand, of the crate
//! fastrand), and no secrets: keys and tokens need another source. Which numbers a seed gives may
//! change with the crate's version.
//!
//! On a thread that runs no loop the numbers are of a generator of the thread's, which nobody seeds.
//!
//! ```
//! use ringmill::random;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let draw = || {
//!     let runtime = ringmill::Builder::new().loops(1).seed(7).build()?;
//!     Ok::<_, ringmill::BuildError>(runtime.block_on(async { (random::u64(), random::below(6)) }))
//! };
//! assert_eq!(draw()?, draw()?);
//! # Ok(())
//! # }
//! ```

use crate::event_loop::context;
use fastrand::Rng;

/// Draws from the loop's generator, or the thread's.
fn draw<R>(of_loop: impl FnOnce(&mut Rng) -> R) -> R {
    match context::try_current() {
        Some(current) => current.random(of_loop),
        None => of_loop(&mut Rng::new()),
    }
}

/// A number of all that there are.
pub fn u64() -> u64 {
    draw(|random| random.u64(..))
}

/// A number from 0 to `bound - 1`, each as likely as the others.
///
/// # Panics
///
/// If `bound` is 0.
#[track_caller]
pub fn below(bound: u64) -> u64 {
    assert!(bound > 0, "there is no number below 0");
    draw(|random| random.u64(..bound))
}

/// A number from 0, included, to 1, not included.
pub fn f64() -> f64 {
    draw(Rng::f64)
}

/// True or false, each as likely as the other.
pub fn bool() -> bool {
    draw(Rng::bool)
}

/// Puts the elements in an order in which they may be as likely as in any other.
pub fn shuffle<T>(elements: &mut [T]) {
    draw(|random| random.shuffle(elements));
}

/// Fills the bytes.
pub fn fill(bytes: &mut [u8]) {
    draw(|random| random.fill(bytes));
}
