//! Buffers: the pool that receives fill, its leases, and what may be sent by handing it over.
//!
//! The pool is here, below the driver that registers it, because its leases outlive the driver.

mod aligned;
mod io_buf;
mod pool;
mod recv_buf;
mod segment_queue;

pub use aligned::AlignedBuf;
pub use io_buf::{IoBuf, IoBufMut, Registration};
pub(crate) use pool::{BufferPool, Starved};
pub use recv_buf::RecvBuf;
pub(crate) use segment_queue::SegmentQueue;
