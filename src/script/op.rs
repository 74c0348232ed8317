//! Instructions.

use crate::language::{BinaryOperator, Test, UnaryOperator};

/// One instruction of the machine: a stack of values, a register `last` that holds the result of the last action, and jumps to absolute places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Pushes undefined.
    Null,
    /// Pushes a small integer.
    Int(i32),
    /// Pushes a constant.
    Constant(u32),
    /// Pushes the value of a variable.
    Load(u32),
    /// Pushes 1 when `last` is above 0, else 0.
    LoadTruth,
    /// Pushes `last`.
    LoadLast,
    /// Pops one operand, pushes the result.
    Unary(UnaryOperator),
    /// Pops two operands, pushes the result.
    Binary(BinaryOperator),
    /// Pops two operands, pushes their sum as integers.
    AddInts,
    /// Pops the value of a word and what it is compared with, pushes the result.
    Test(Test, BinaryOperator),
    /// Pops a value, pushes whether it is undefined.
    IsNull,
    /// Pops a value, pushes whether a constant pattern matches it.
    Match(u32),
    /// The same, and keeps the first group for `$re` at this nesting.
    MatchGroup(u32, u16),
    /// Pops pattern and value, pushes whether it matches.
    MatchComputed,
    /// Replaces the top by 1 when it is not 0, else 0.
    Truth,
    /// Goes on at a place.
    Jump(u32),
    /// Pops a condition of `if` or `while`; jumps unless it is above 0.
    JumpUnless(u32),
    /// Pops; pushes 0 and jumps when it is 0: `&&`.
    JumpIfZero(u32),
    /// Pops; pushes 1 and jumps when it is not 0: `||`.
    JumpIfNotZero(u32),
    /// Pops the value of a `switch` and jumps by a table.
    Switch(u32),
    /// Pops a value into a variable; `last` is 1, or -1 when it could not be written.
    Store(u32),
    /// The same with what a transformation made: when that is undefined it is written, and `last` is -1.
    StoreMade(u32),
    /// Begins an action: the error of the one before becomes the previous one. Only where a function of the config reads errors.
    Action,
    /// Sets `last`.
    SetLast(i32),
    /// Calls a function; `last` and `$rc` are its code.
    Call(u32),
    /// Calls a route; the second number is how deep blocks are nested around the call.
    Route(u16, u16),
    /// Pops the name of a route and calls it.
    RouteNamed(u16),
    /// Runs the block behind it as an operand: `return` and `break` in it end at the place. The second number is as in [`Op::Route`].
    EnterBlock(u32, u16),
    /// Begins a call, an assignment or a block used as an operand: `$rc` is 0 then, for Kamailio runs it as if it were a new run. When the expression has
    /// failed already nothing of it runs; jumps behind it.
    Operand(u32),
    /// Pops the condition of `selval`; jumps unless it is above 0.
    ChooseUnless(u32),
    /// Jumps when the top is an integer, and leaves it there.
    IfInt(u32),
    /// Replaces an undefined top by the empty string.
    Fill,
    /// Begins a loop.
    LoopEnter,
    /// Pops the condition of a loop; jumps when it is 0 (5.6.3 goes on for any other number).
    LoopWhile(u32),
    /// Counts an iteration; jumps when there were too many.
    LoopCount(u32),
    /// Ends a loop.
    LoopLeave,
    /// Pops the value of `return` and leaves the route; 0 ends the script.
    Return,
    /// Leaves the route with `last`.
    End,
    /// Pops the value of `exit` and ends the script.
    Exit,
    /// Pops the value of `drop`, sets the drop mark and ends the script.
    Drop,
}

impl Op {
    /// Whether it decides where the program goes on, by a whole condition of the script or by the label of a `switch`.
    pub fn has_ways(self) -> bool {
        matches!(self, Op::JumpUnless(_) | Op::ChooseUnless(_) | Op::LoopWhile(_) | Op::Switch(_))
    }
}
