//! What happens when the reader of our output goes away.

/// Lets a closed pipe end the process quietly, as other commands end in `| head`; Rust turns it into an error of each write instead.
///
/// For commands that print and end, not for the server: it must outlive who reads its log.
pub fn end_with_the_reader() {
    // SAFETY: called before any thread is started, and SIG_DFL is no function of ours.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}
