//! Which instructions can run at all.

use super::op::Op;
use super::program::Program;

impl Program {
    /// For each instruction whether some message could bring the machine there: code behind an `exit`, or behind a call of a route that always
    /// ends the script, never runs.
    pub fn reachable(&self) -> Vec<bool> {
        // A route comes back unless every way through it ends the script. Routes call each other, so this is looked at until nothing changes.
        let mut returns = vec![false; self.routes.len()];
        loop {
            let next: Vec<bool> = self.routes.iter().map(|route| self.walk(&[route.entry], &returns).1).collect();
            if next == returns {
                break;
            }
            returns = next;
        }
        let entries: Vec<u32> = self.routes.iter().map(|route| route.entry).collect();
        self.walk(&entries, &returns).0
    }

    /// The instructions that are reached from these, and whether one of them leaves the route.
    fn walk(&self, entries: &[u32], returns: &[bool]) -> (Vec<bool>, bool) {
        let (mut seen, mut leaves) = (vec![false; self.code.len()], false);
        let mut open = entries.to_vec();
        while let Some(place) = open.pop() {
            let Some(op) = self.code.get(place as usize) else {
                leaves = true;
                continue;
            };
            if std::mem::replace(&mut seen[place as usize], true) {
                continue;
            }
            let next = place + 1;
            match *op {
                Op::Jump(to) => open.push(to),
                Op::JumpUnless(to)
                | Op::JumpIfZero(to)
                | Op::JumpIfNotZero(to)
                | Op::EnterBlock(to, _)
                | Op::Operand(to)
                | Op::ChooseUnless(to)
                | Op::IfInt(to)
                | Op::LoopWhile(to)
                | Op::LoopCount(to) => open.extend([next, to]),
                Op::Switch(at) => {
                    if let Some(table) = self.switches.get(at as usize) {
                        open.extend(table.labels.iter().map(|(_, to)| *to));
                        open.push(table.otherwise);
                    }
                }
                Op::Route(route, _) => {
                    if returns.get(route as usize).is_none_or(|returns| *returns) {
                        open.push(next);
                    }
                }
                Op::Return | Op::End => leaves = true,
                Op::Exit | Op::Drop => {}
                _ => open.push(next),
            }
        }
        (seen, leaves)
    }
}
