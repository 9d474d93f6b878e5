//! Buffers: the pool that receives fill, its leases, and what may be sent by handing it over.

mod io_buf;
mod pool;
mod recv_buf;

pub use io_buf::IoBuf;
pub(crate) use pool::{BufferPool, SegmentQueue, Starved};
pub use recv_buf::RecvBuf;
