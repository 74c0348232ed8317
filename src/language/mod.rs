//! The language of configs as everybody speaks it: its words, values, operators, patterns, and what of it is an extension.

mod extension;
mod operator;
mod posix;
mod regex;
mod value;
mod words;

pub use extension::{EXTENSIONS, Extension, ExtensionRow, Extensions};
pub use operator::{Test, add_ints, apply, apply_test, apply_unary, reads_as_ints};
pub use posix::Mode;
pub use regex::{Groups, LARGEST, Regex, search_bytes};
pub use value::{Value, int_text, parse_int, print_int};
pub use words::{BinaryOperator, MessageKind, RouteKind, UnaryOperator};
