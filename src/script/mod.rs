//! The script as it runs: a compact bytecode in which every name is resolved, and the machine that runs it.

mod machine;
mod op;
mod operator;
mod program;
mod reach;
mod task;

pub use machine::{Step, run};
pub use op::Op;
pub use operator::{BinaryOperator, Test, UnaryOperator, apply, apply_unary};
pub use program::{Program, RouteBlock, SwitchLabel, SwitchTable};
pub use task::{End, Task};
