//! Names to rows: the modules a config loads, and what they offer.

use crate::builtin::{Function, Module, ModuleId, Param, Transformation, Variable};
use rustc_hash::FxHashMap;

/// The modules that are built in, those that the config loads, and what the latter offer by name.
#[derive(Debug)]
pub struct Registry {
    built_in: &'static [&'static Module],
    loaded: Vec<&'static Module>,
    functions: FxHashMap<&'static str, Vec<(ModuleId, &'static Function)>>,
    variables: FxHashMap<&'static str, (ModuleId, &'static Variable)>,
    words: FxHashMap<&'static str, (ModuleId, &'static Variable)>,
}

impl Registry {
    /// A registry that has loaded only the first of the modules that are built in: the core.
    pub fn new(built_in: &'static [&'static Module]) -> Registry {
        let mut registry = Registry {
            built_in,
            loaded: Vec::new(),
            functions: FxHashMap::default(),
            variables: FxHashMap::default(),
            words: FxHashMap::default(),
        };
        if let Some(core) = built_in.first() {
            registry.load(core.name);
        }
        registry
    }

    /// Loads a module; `None` when it is not built in.
    pub fn load(&mut self, name: &str) -> Option<ModuleId> {
        let module = *self.built_in.iter().find(|module| module.name == name)?;
        let id = ModuleId(self.loaded.len() as u16);
        self.loaded.push(module);
        for function in module.functions {
            for name in function.names {
                self.functions.entry(name).or_default().push((id, function));
            }
        }
        for variable in module.variables {
            for name in variable.names {
                self.variables.entry(name).or_insert((id, variable));
            }
        }
        for word in module.words {
            for name in word.names {
                self.words.entry(name).or_insert((id, word));
            }
        }
        Some(id)
    }

    /// The loaded modules in order; their places are their ids.
    pub fn loaded(&self) -> &[&'static Module] {
        &self.loaded
    }

    /// The place of a loaded module.
    pub fn loaded_id(&self, name: &str) -> Option<ModuleId> {
        self.loaded.iter().position(|module| module.name == name).map(|at| ModuleId(at as u16))
    }

    /// Rows of loaded modules for a function name, in the order of loading.
    pub fn functions(&self, name: &str) -> &[(ModuleId, &'static Function)] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    /// The row of a pseudo-variable.
    pub fn variable(&self, name: &str) -> Option<(ModuleId, &'static Variable)> {
        self.variables.get(name).copied()
    }

    /// The row of a word of old-style tests.
    pub fn word(&self, name: &str) -> Option<(ModuleId, &'static Variable)> {
        self.words.get(name).copied()
    }

    /// The row of a transformation; its name in any case.
    pub fn transformation(&self, class: &str, name: &str) -> Option<(ModuleId, &'static Transformation)> {
        let mut all = self.loaded.iter().enumerate();
        all.find_map(|(at, module)| {
            let mut rows = module.transformations.iter();
            let row = rows.find(|row| row.class == class && row.name.eq_ignore_ascii_case(name))?;
            Some((ModuleId(at as u16), row))
        })
    }

    /// The module, built in but not loaded, that has a function of this name.
    pub fn module_of_function(&self, name: &str) -> Option<&'static str> {
        self.not_loaded()
            .find(|module| module.functions.iter().any(|row| row.names.contains(&name)))
            .map(|module| module.name)
    }

    /// The module, built in but not loaded, that has a variable of this name.
    pub fn module_of_variable(&self, name: &str) -> Option<&'static str> {
        self.not_loaded()
            .find(|module| module.variables.iter().any(|row| row.names.contains(&name)))
            .map(|module| module.name)
    }

    /// The module, built in but not loaded, that has transformations of this class.
    pub fn module_of_class(&self, class: &str) -> Option<&'static str> {
        let mut all = self.not_loaded();
        all.find(|module| module.transformations.iter().any(|row| row.class == class)).map(|module| module.name)
    }

    /// The row of a parameter of a module.
    pub fn param(module: &'static Module, name: &str) -> Option<&'static Param> {
        module.params.iter().find(|param| param.names.contains(&name))
    }

    /// The known function name nearest to a misspelt one.
    pub fn function_like(&self, name: &str) -> Option<&'static str> {
        let all = self.built_in.iter().flat_map(|module| module.functions).flat_map(|row| row.names);
        nearest(name, all.copied())
    }

    /// The known variable name nearest to a misspelt one.
    pub fn variable_like(&self, name: &str) -> Option<&'static str> {
        nearest(name, self.variables.keys().copied())
    }

    /// Names of all modules that are built in.
    pub fn module_names(&self) -> impl Iterator<Item = &'static str> {
        self.built_in.iter().map(|module| module.name)
    }

    fn not_loaded(&self) -> impl Iterator<Item = &'static Module> {
        self.built_in.iter().copied().filter(|module| !self.loaded.iter().any(|loaded| loaded.name == module.name))
    }
}

/// The candidate that differs least from a name, when it differs little.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates.map(|candidate| (distance(name, candidate), candidate)).min()?;
    (near.0 <= 1 + name.len() / 4).then_some(near.1)
}

/// How many letters must be put in, taken out or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = line + 1;
        for column in 0..other.len() {
            let replaced = corner + usize::from(letter != other[column]);
            corner = row[column + 1];
            row[column + 1] = replaced.min(corner + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_slips_are_recognised() {
        let names = ["t_relay", "t_reply", "record_route"];
        assert_eq!(nearest("t_rely", names.into_iter()), Some("t_relay"));
        assert_eq!(nearest("recordroute", names.into_iter()), Some("record_route"));
        assert_eq!(nearest("something_else", names.into_iter()), None);
    }
}
