//! Scenes: each brings an operation about, lets [`Cut`](crate::cut::Cut) end it, and checks what it
//! promises then. A scene in which nothing is ended comes to its end by itself.

pub mod blocking;
pub mod channels;
pub mod connections;
pub mod contexts;
pub mod directories;
pub mod files;
pub mod loops;
pub mod pipes;
pub mod processes;
pub mod scopes;
pub mod signals;
pub mod standard;
pub mod streams;
pub mod sync;
pub mod timers;

use ringmill::time::sleep;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// So long that the loop has nothing else to do, and waits.
pub async fn gap() {
    sleep(Duration::from_micros(50)).await;
}

/// A directory of the scene's own. It stays until the end of the program: what was dropped on its way
/// may still want it.
pub fn directory() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(PLACE).join(number.to_string());
    std::fs::create_dir(&path).unwrap();
    path
}

/// Where these directories are, in the directory for temporary files.
pub const PLACE: &str = "scenes";
