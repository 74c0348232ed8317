//! The script as it runs: a compact bytecode in which every name is resolved, and the machine that runs it.

mod machine;
mod op;
mod program;
mod reach;
mod task;

pub use machine::{Step, run};
pub use op::Op;
pub use program::{Program, RouteBlock, SwitchLabel, SwitchTable};
pub use task::{End, Task};
