//! The seed of a runtime's random numbers: who chooses it, and when it is told.

use super::error::BuildError;

/// Chooses the seed of runtimes whose builder does not.
const VARIABLE: &str = "RINGMILL_SEED";

/// What the builder says, else the environment, else chance.
pub(super) fn chosen(builder: Option<u64>) -> Result<u64, BuildError> {
    if let Some(seed) = builder {
        return Ok(seed);
    }
    let Some(value) = std::env::var_os(VARIABLE) else {
        return Ok(fastrand::u64(..));
    };
    let seed = value.to_str().and_then(|value| value.parse().ok());
    seed.ok_or_else(|| {
        BuildError::option(
            format!("{VARIABLE} is {value:?}"),
            "give RINGMILL_SEED a whole number from 0 to 2^64 - 1, or none",
        )
    })
}

/// Tells the seed where a panic ends the runtime, if it may have to do with that.
pub(super) struct SeedNote {
    seed: u64,
    matters: bool,
}

impl SeedNote {
    pub(super) fn new(seed: u64, matters: bool) -> Self {
        SeedNote { seed, matters }
    }

    /// To be called by the runtime's drop: whether anybody drew random numbers.
    pub(super) fn tell_of_panic(&self, drew: bool) {
        if (self.matters || drew) && std::thread::panicking() {
            eprintln!("ringmill: {VARIABLE}={}", self.seed);
        }
    }
}
