//! A compiled config.

use super::op::Op;
use crate::builtin::{CallSite, ModuleId, Reference, Regex, RouteId, RouteKind, Rpc, Slots, Value};
use crate::source::Span;
use std::sync::Arc;

/// A compiled config: instructions of all routes, and what they refer to by number.
#[derive(Debug, Default)]
pub struct Program {
    /// The instructions of all routes, one after another.
    pub code: Vec<Op>,
    /// The place in the text of each instruction.
    pub spans: Vec<Span>,
    /// Constants.
    pub constants: Vec<Value>,
    /// Uses of variables.
    pub references: Vec<Reference>,
    /// Calls of functions, each with the number of its computed arguments.
    pub calls: Vec<(CallSite, u8)>,
    /// Constant patterns of `=~`.
    pub regexes: Vec<Arc<Regex>>,
    /// Tables of `switch`.
    pub switches: Vec<SwitchTable>,
    /// Route blocks.
    pub routes: Vec<RouteBlock>,
    /// Names that became numbers.
    pub slots: Slots,
    /// Commands for operators that the modules of the config have.
    pub commands: Vec<(ModuleId, &'static Rpc)>,
}

/// A route block.
#[derive(Debug, Clone)]
pub struct RouteBlock {
    /// Its kind.
    pub kind: RouteKind,
    /// Its name; empty for the main block of its kind.
    pub name: String,
    /// Its first instruction.
    pub entry: u32,
    /// The words that open it.
    pub head: Span,
}

/// Where a `switch` goes.
#[derive(Debug)]
pub struct SwitchTable {
    /// Labels in the order of the text, each with the place of its statements.
    pub labels: Vec<(SwitchLabel, u32)>,
    /// Where it goes when none fits: the default's statements, or the end.
    pub otherwise: u32,
}

/// A label of a `switch`.
#[derive(Debug)]
pub enum SwitchLabel {
    /// Compared as integers.
    Int(i64),
    /// Compared as strings.
    Text(bytes::Bytes),
    /// Searched in the string, case matters.
    Regex(Arc<Regex>),
}

impl Program {
    /// The route of this kind and name; the empty name is the main block.
    pub fn route(&self, kind: RouteKind, name: &str) -> Option<RouteId> {
        let at = self.routes.iter().position(|route| route.kind == kind && route.name == name)?;
        Some(RouteId(at as u16))
    }
}
