//! Values of module parameters that hold variables: they are read with the names of the script at hand.

use super::super::variable;
use super::Compiler;
use crate::builtin::{Fault, ParamGiven, ParamGivenValue, ParamKind, Template};

/// The values of one module's parameters that may hold variables, by the parameters' names. A mistake is told when the module asks for the value.
pub(in crate::config) type Templates = Vec<(&'static str, Result<Template, Fault>)>;

impl Compiler<'_> {
    /// Reads what was `given` to the parameters of each module.
    pub(super) fn param_templates(&mut self, given: &[Vec<ParamGiven>]) -> Vec<Templates> {
        let mut all = Vec::with_capacity(given.len());
        let modules = self.names.registry.loaded().to_vec();
        for (module, given) in modules.into_iter().zip(given) {
            let rows = module.params.iter().filter(|row| row.kind == ParamKind::Template);
            let values = rows.filter_map(|row| given.iter().rfind(|given| given.name == row.names[0]));
            all.push(values.filter_map(|given| self.param_template(given)).collect());
        }
        all
    }

    fn param_template(&mut self, given: &ParamGiven) -> Option<(&'static str, Result<Template, Fault>)> {
        let ParamGivenValue::Text(text) = &given.value else { return None };
        let read = variable::template(&mut self.names, text).map_err(|mistake| mistake.fault);
        self.note_extensions(given.span);
        Some((given.name, read))
    }
}
