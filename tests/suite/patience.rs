//! Calls that wait for somebody else.

use std::io::{ErrorKind, Result};

/// Makes a call again that a pause of the machine has ended: where a time limit is set, the system does not go on with it by itself.
pub(crate) fn again<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
