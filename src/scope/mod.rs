//! Structured concurrency.

mod cancel_scope;
mod checkpoint;
mod child;
mod current;
mod error_group;
mod node;
mod reason;
mod run;
#[allow(clippy::module_inception, reason = "the module is about it")]
mod scope;
mod shield;
mod token;

pub use cancel_scope::{
    CancelScope, effective_deadline, fail_after, fail_at, move_on_after, move_on_at,
};
pub use checkpoint::{checkpoint, checkpoints, is_cancelled};
pub use child::{Child, NoValue, Outcome, Ready};
pub use error_group::{ErrorGroup, Failure, FailureKind};
pub use reason::{CancelReason, Cancelled};
pub use run::Run;
pub use scope::{Scope, scope};
pub use shield::{Shield, shield, with_cleanup};
pub use token::{CancelToken, Ended, WaitCancelled};
