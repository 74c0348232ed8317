//! Names to rows: the modules a config loads, and what they offer.

use super::module_pattern::ModulePattern;
use crate::builtin::{
    Dialect, Does, Function, Module, ModuleId, Param, ParamKind, Select, Transformation, Variable, Word,
};
use crate::catalogue::{self, Kind};
use rustc_hash::FxHashMap;

/// The modules that are built in, those that the config loads, and what the latter offer by name.
#[derive(Debug)]
pub struct Registry {
    built_in: &'static [&'static Module],
    loaded: Vec<&'static Module>,
    /// What the catalogue has of every module that is loaded, built in or not.
    known: Vec<&'static Module>,
    /// Names that the config loads and nothing has.
    missed: Vec<String>,
    functions: FxHashMap<&'static str, Vec<(ModuleId, &'static Function)>>,
    variables: FxHashMap<&'static str, (ModuleId, &'static Variable)>,
    words: FxHashMap<&'static str, (ModuleId, &'static Word)>,
}

impl Registry {
    /// A registry that has loaded only the first of the modules that are built in: the core.
    pub fn new(built_in: &'static [&'static Module]) -> Registry {
        let mut registry = Registry {
            built_in,
            loaded: Vec::new(),
            known: Vec::new(),
            missed: Vec::new(),
            functions: FxHashMap::default(),
            variables: FxHashMap::default(),
            words: FxHashMap::default(),
        };
        if let Some(core) = built_in.first() {
            registry.load(core.name);
        }
        registry
    }

    /// Loads a module, built in or only known.
    pub fn load(&mut self, name: &str) -> Load {
        let known = catalogue::rows(name);
        self.known.extend(known);
        let Some(module) = self.built_in.iter().copied().find(|module| module.name == name) else {
            return match known {
                Some(known) => Load::Known(known),
                None => Load::Unknown,
            };
        };
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
            for name in word.variable.names {
                self.words.entry(name).or_insert((id, word));
            }
        }
        Load::Built
    }

    /// The loaded modules in order; their places are their ids.
    pub fn loaded(&self) -> &[&'static Module] {
        &self.loaded
    }

    /// The place of a loaded module.
    pub fn loaded_id(&self, name: &str) -> Option<ModuleId> {
        self.loaded.iter().position(|module| module.name == name).map(|at| ModuleId(at as u16))
    }

    /// Notes a module that the config loads and nothing has.
    pub(super) fn miss(&mut self, name: &str) {
        self.missed.push(name.to_owned());
    }

    /// Whether a pattern means a module that nothing has.
    pub(super) fn is_missed(&self, pattern: &ModulePattern) -> bool {
        self.missed.iter().any(|name| pattern.is_match(name.as_bytes()))
    }

    /// Whether a module is built in, loaded or not.
    pub fn is_built_in(&self, name: &str) -> bool {
        self.built_in.iter().any(|module| module.name == name)
    }

    /// The modules of databases that are built in.
    pub fn databases(&self) -> impl Iterator<Item = &'static str> {
        self.built_in.iter().filter(|module| module.database.is_some()).map(|module| module.name)
    }

    /// How the kinds of databases are spoken to that are built in.
    pub fn dialects(&self) -> Vec<&'static Dialect> {
        self.built_in.iter().filter_map(|module| module.database).collect()
    }

    /// The modules that are loaded and not built in.
    pub fn stand_ins(&self) -> impl Iterator<Item = &'static Module> {
        self.known.iter().copied().filter(|module| self.loaded_id(module.name).is_none())
    }

    /// Whether a module is loaded, built in or not.
    pub fn is_loaded(&self, name: &str) -> bool {
        self.loaded_id(name).is_some() || self.known.iter().any(|module| module.name == name)
    }

    /// What stands in for functions of this name that loaded modules have in Kamailio, with their modules.
    pub fn known_functions(&self, name: &str) -> impl Iterator<Item = (&'static str, &'static Function)> {
        // Of the core's statements those without a row; the others have their forms there.
        let core = catalogue::rows("core").filter(|_| self.functions(name).is_empty());
        let modules = self.known.iter().copied().chain(core);
        let rows = modules.flat_map(|module| module.functions.iter().map(|row| (module.name, row)));
        rows.filter(move |(_, row)| row.names[0] == name)
    }

    /// What stands in for a pseudo-variable of a loaded module, with its module.
    pub fn known_variable(&self, name: &str) -> Option<(&'static str, &'static Variable)> {
        let mut rows = self.known.iter().flat_map(|module| module.variables.iter().map(|row| (module.name, row)));
        rows.find(|(_, row)| row.names[0] == name)
    }

    /// What stands in for a transformation of a loaded module, with its module.
    pub fn known_transformation(&self, class: &str, name: &str) -> Option<(&'static str, &'static Transformation)> {
        let mut rows = self.known.iter().flat_map(|module| module.transformations.iter().map(|row| (module.name, row)));
        rows.find(|(_, row)| row.class == class && row.name.eq_ignore_ascii_case(name))
    }

    /// What stands in for a parameter of a module.
    pub fn known_param(&self, module: &str, name: &str) -> Option<&'static Param> {
        Registry::param(self.known.iter().find(|known| known.name == module)?, name)
    }

    /// The event routes that a loaded module runs.
    pub(super) fn events(&self, module: &str) -> &'static [&'static str] {
        self.loaded.iter().find(|loaded| loaded.name == module).map_or(&[], |loaded| loaded.events)
    }

    /// Rows of loaded modules for a function name, in the order of loading.
    pub fn functions(&self, name: &str) -> &[(ModuleId, &'static Function)] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    /// The row of a function as it is called: of a loaded module, of one that is only known, or of one that the config does not load.
    pub fn row(&self, name: &str, arguments: usize) -> Option<&'static Function> {
        let fitting = |rows: &mut dyn Iterator<Item = &'static Function>| {
            let first = rows.next()?;
            Some(std::iter::once(first).chain(rows).find(|row| row.takes(arguments)).unwrap_or(first))
        };
        let not_loaded = || {
            let all = self.built_in.iter().flat_map(|module| module.functions);
            fitting(&mut all.filter(|row| row.names.contains(&name)))
        };
        fitting(&mut self.functions(name).iter().map(|(_, row)| *row))
            .or_else(|| fitting(&mut self.known_functions(name).map(|(_, row)| row)))
            .or_else(not_loaded)
    }

    /// Whether a function of this name is built, in a module that is loaded or in another.
    pub fn is_built(&self, name: &str) -> bool {
        self.built_in.iter().flat_map(|module| module.functions).any(|row| row.names.contains(&name))
    }

    /// The name of a built function that does this.
    pub fn name_of(&self, does: Does) -> Option<&'static str> {
        let mut rows = self.built_in.iter().flat_map(|module| module.functions);
        rows.find(|row| row.does.contains(&does)).and_then(|row| row.names.first()).copied()
    }

    /// What a function does, as it is called.
    pub fn does(&self, name: &str, arguments: usize) -> &'static [Does] {
        self.row(name, arguments).map_or_else(|| catalogue::does(name), |row| row.does)
    }

    /// Whether a function may be called without parentheses.
    pub fn is_bare_call(&self, name: &str) -> bool {
        self.loaded().iter().any(|module| module.bare_calls.contains(&name))
    }

    /// Whether a word is one of the language in Kamailio 5.6.3, and so no name without quotes: a keyword, or a setting, a statement or a
    /// test of the core.
    pub(super) fn is_reserved(&self, word: &str) -> bool {
        let Some(core) = self.loaded.first() else { return false };
        let table = catalogue::module(core.name);
        let is_old = |name: &str| table.and_then(|core| core.since(Kind::Parameter, name)).is_none_or(str::is_empty);
        let mut settings = core.params.iter().flat_map(|param| param.names).copied();
        let statements = core.functions.iter().chain(catalogue::rows(core.name).map_or(&[][..], |rows| rows.functions));
        super::parse::is_keyword(word)
            || self.words.contains_key(word)
            || statements.flat_map(|row| row.names).any(|name| *name == word)
            || core.params.iter().any(|param| matches!(param.kind, ParamKind::OneOf(words) if words.contains(&word)))
            || core.transformations.iter().any(|row| row.name == word)
            || settings.any(|name| name.split('.').any(|part| part == word) && is_old(name))
    }

    /// The row of a core setting.
    pub(super) fn core_setting(&self, name: &str) -> Option<&'static Param> {
        Registry::param(self.loaded.first()?, name)
    }

    /// The row of a pseudo-variable.
    pub fn variable(&self, name: &str) -> Option<(ModuleId, &'static Variable)> {
        self.variables.get(name).copied()
    }

    /// The row of a word of old-style tests.
    pub fn word(&self, name: &str) -> Option<(ModuleId, &'static Word)> {
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

    /// The roots of selects of loaded modules.
    pub fn selects(&self) -> Vec<(ModuleId, &'static Select)> {
        let all = self.loaded.iter().enumerate();
        all.flat_map(|(at, module)| module.selects.iter().map(move |root| (ModuleId(at as u16), root))).collect()
    }

    /// The module, built in but not loaded, that has selects that begin like this one.
    pub fn module_of_select(&self, path: &str) -> Option<&'static str> {
        let wanted = path.split(['.', '[']).next();
        let has = |select: &Select| select.variable.names.iter().any(|name| name.split('.').next() == wanted);
        let mut all = self.built_in.iter().filter(|module| !self.is_loaded(module.name));
        all.find(|module| module.selects.iter().any(has)).map(|module| module.name)
    }

    /// The module of Kamailio that a select belongs to when it is no built-in one's.
    pub fn foreign_select(&self, path: &str) -> Option<&'static str> {
        let root = |path: &str| path.split(['.', '[']).next().map(str::to_owned);
        let wanted = root(path);
        let mut roots = self.built_in.iter().flat_map(|module| module.selects).flat_map(|select| select.variable.names);
        if roots.any(|name| root(name) == wanted) {
            return None;
        }
        let mut owners = catalogue::modules().iter();
        owners.find(|known| known.names(Kind::Select).any(|name| root(name) == wanted)).map(|known| known.name)
    }

    /// A module that is not loaded and has something of this name: one that is built in before others.
    pub fn module_of(&self, kind: Kind, name: &str) -> Option<&'static str> {
        let owners = catalogue::owners(kind, name).filter(|known| !self.is_loaded(known.name));
        owners.min_by_key(|known| !self.is_built_in(known.name)).map(|known| known.name)
    }

    /// The row of a parameter of a module.
    pub fn param(module: &'static Module, name: &str) -> Option<&'static Param> {
        module.params.iter().find(|param| param.names.contains(&name))
    }

    /// The known function name nearest to a misspelt one.
    pub fn function_like(&self, name: &str) -> Option<&'static str> {
        let built = self.built_in.iter().flat_map(|module| module.functions).flat_map(|row| row.names).copied();
        nearest(name, built.chain(self.known.iter().flat_map(|module| module.functions).map(|row| row.names[0])))
    }

    /// The known variable name nearest to a misspelt one.
    pub fn variable_like(&self, name: &str) -> Option<&'static str> {
        nearest(name, self.variables.keys().copied())
    }

    /// The known module name nearest to a misspelt one.
    pub fn module_like(&self, name: &str) -> Option<&'static str> {
        nearest(
            name,
            self.built_in.iter().map(|module| module.name).chain(catalogue::modules().iter().map(|known| known.name)),
        )
    }
}

/// What loading a module came to.
#[derive(Clone, Copy, Debug)]
pub enum Load {
    /// It is built in.
    Built,
    /// Kamailio has it; stand-ins are there for its names.
    Known(&'static Module),
    /// Nothing has this name.
    Unknown,
}

/// The place of what is known and not built in: no module has it.
pub(super) const STAND_IN: ModuleId = ModuleId(u16::MAX);

/// The candidate that differs least from a name, when it differs little.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates.map(|candidate| (strsim::osa_distance(name, candidate), candidate)).min()?;
    (near.0 <= 1 + name.len() / 4).then_some(near.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_slips_are_recognised() {
        let names = ["t_relay", "t_reply", "record_route"];
        assert_eq!(nearest("t_rely", names.into_iter()), Some("t_relay"));
        assert_eq!(nearest("recordroute", names.into_iter()), Some("record_route"));
        assert_eq!(nearest("t_realy", ["t_reply", "t_relay"].into_iter()), Some("t_relay"));
        assert_eq!(nearest("something_else", names.into_iter()), None);
    }
}
