//! Work that blocks.

use crate::builtin::Unanswered;
use std::io;

/// Does what blocks on a thread of its own.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Unanswered> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|fault| Unanswered::Failed(fault.to_string())),
        Err(fault) => Err(Unanswered::Failed(fault.to_string())),
    }
}
