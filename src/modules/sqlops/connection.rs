//! Connections: their names, and opening them.

use crate::builtin::{
    Connected, Context, Extension, Fault, LogLevel, ParamGivenValue, Prepare, Prepared, Start, StartFault, State,
    Template,
};

/// The name space of connections.
const SPACE: &str = "sql-connection";

/// What the module keeps: the database of each connection that a call names.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// By the slot of the name; `None` when it could not be opened.
    pub(super) open: Vec<Option<Connected>>,
    /// How much of a failed statement is logged.
    pub(super) logged: usize,
}

impl State for Connections {}

/// The number of a connection's name, as an argument was prepared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(pub(super) usize);

/// Prepares a connection argument.
pub(super) fn prepare(name: &Template, prepare: &mut Prepare) -> Result<Prepared, Fault> {
    let Some(name) = name.constant() else {
        return Err(Fault::new("the connection must be a fixed name").help("write the name given to sqlcon"));
    };
    Ok(Box::new(Slot(prepare.slot(SPACE, name.trim_ascii()) as usize)))
}

/// The same for `sql_result`.
pub(super) fn prepare_for_result(name: &Template, context: &mut Prepare) -> Result<Prepared, Fault> {
    if !context.rely_on(Extension::SqlResult) {
        return Err(Fault::new("Kamailio knows no function sql_result")
            .help("give sql_query a result name, and read it with $dbr"));
    }
    prepare(name, context)
}

/// The database of a connection, when it is open.
pub(super) fn database(cx: &mut Context, slot: Option<&Slot>) -> Option<Connected> {
    let state = cx.state::<Connections>()?;
    slot.and_then(|slot| state.open.get(slot.0).copied().flatten())
}

/// Opens every connection.
pub(super) fn start(start: &mut Start) -> Result<Box<dyn State>, StartFault> {
    let mut given = Vec::new();
    for value in start.params.all("sqlcon") {
        let text = match &value.value {
            ParamGivenValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ParamGivenValue::Int(number) => number.to_string(),
        };
        let Some((name, url)) = text.split_once("=>") else {
            return Err(StartFault::new(format!("{text} is no connection"))
                .at(value.span)
                .help("write name=>url, as in \"cb=>sqlite:///var/lib/kamailio/routing.db\""));
        };
        let (name, url) = (name.trim().to_owned(), url.trim().to_owned());
        if name.is_empty() || url.is_empty() {
            return Err(StartFault::new(format!("{text} lacks the name or the URL of the connection")).at(value.span));
        }
        given.push((name, url, value.span));
    }
    for name in start.slots.names(SPACE) {
        if !given.iter().any(|(its, ..)| its.as_bytes() == name) {
            let name = String::from_utf8_lossy(name);
            return Err(StartFault::new(format!("no sqlcon defines the connection {name}"))
                .help(format!("add modparam(\"sqlops\", \"sqlcon\", \"{name}=>sqlite:///path/to/file.db\")")));
        }
    }
    let later = start.params.switch("connect_mode");
    let mut open = vec![None; start.slots.len(SPACE)];
    for (name, url, span) in given {
        start.rely_on_url(&url, span);
        let Some(world) = &mut start.world else { continue };
        let connection = match world.connect(&url, start.extensions) {
            Ok(connection) => connection,
            Err(fault) if later => {
                start.log.push((LogLevel::Error, format!("sqlops: connection {name}: {fault}")));
                continue;
            }
            Err(fault) => {
                return Err(
                    StartFault::new(format!("the connection {name} ({url}) cannot be opened: {fault}")).at(span)
                );
            }
        };
        // The first of two connections with one name is the one Kamailio finds.
        if let Some(slot) = start.slots.names(SPACE).position(|its| its == name.as_bytes())
            && let Some(place @ None) = open.get_mut(slot)
        {
            *place = Some(connection);
        }
    }
    let logged = usize::try_from(start.params.int("log_buf_size")).unwrap_or(0);
    Ok(Box::new(Connections { open, logged }))
}
