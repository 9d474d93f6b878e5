//! The stack of a thread that stalls, with names.

use super::StallFrame;
use crate::sys::stack;
use crate::sys::thread::ThreadId;
use std::path::Path;

/// The function that polls tasks: what is below it on the stack is the same for all of them.
const POLLER: &str = "ringmill::task::harness::";

/// The addresses on the thread's stack, as [`stack::of_thread`] gives them; none if it does not answer.
pub(super) fn of_thread(thread: ThreadId) -> Vec<usize> {
    stack::of_thread(thread).unwrap_or_default()
}

/// The functions at these addresses, down to the task's poll if that is among them. The first time,
/// this reads the program's debug information.
pub(super) fn named(addresses: Vec<usize>) -> Vec<StallFrame> {
    let mut frames = Vec::new();
    for behind in addresses {
        let known = frames.len();
        let address = behind.wrapping_sub(1);
        // It subtracts 1 itself.
        backtrace::resolve(behind as *mut _, |symbol| {
            frames.push(StallFrame {
                address,
                function: symbol.name().map(|name| format!("{name:#}")),
                file: symbol.filename().map(Path::to_owned),
                line: symbol.lineno(),
            });
        });
        if frames.len() == known {
            frames.push(StallFrame {
                address,
                function: None,
                file: None,
                line: None,
            });
        }
        let is_poller = |frame: &StallFrame| {
            let name = frame.function.as_deref();
            name.is_some_and(|name| name.contains(POLLER))
        };
        if let Some(end) = frames[known..].iter().position(is_poller) {
            frames.truncate(known + end);
            break;
        }
    }
    frames
}
