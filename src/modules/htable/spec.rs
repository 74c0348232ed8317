//! The definition of a table.

use super::table::{MOST_OF_ALL, MOST_SLOTS, Table};
use crate::builtin::parse_int;

/// Reads `name=>size=8;autoexpire=3600;...` for a table that may have so many slots.
///
/// # Errors
/// Says which part is wrong.
pub(super) fn read(text: &[u8], room: usize) -> Result<Table, String> {
    let Some(arrow) = memchr::memmem::find(text, b"=>") else {
        return Err(format!("{} is no definition of a table", String::from_utf8_lossy(text)));
    };
    let name = text.get(..arrow).unwrap_or_default().trim_ascii();
    if name.is_empty() {
        return Err("a table has no name".to_owned());
    }
    let mut table = Table { name: name.to_vec().into(), ..Table::default() };
    let mut size = 4;
    let settings = text.get(arrow + 2..).unwrap_or_default();
    for setting in settings.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|setting| !setting.is_empty()) {
        let (key, value) = match memchr::memchr(b'=', setting) {
            Some(at) => (&setting[..at], &setting[at + 1..]),
            None => (setting, &b""[..]),
        };
        let (key, value) = (key.trim_ascii(), unquoted(value.trim_ascii()));
        let number = || {
            let number = parse_int(value).filter(|_| !value.is_empty());
            number.ok_or_else(|| format!("{} of a table is a number", String::from_utf8_lossy(key)))
        };
        let count = || number().map(|number| u64::try_from(number).unwrap_or(0));
        match key {
            b"size" => size = count()?,
            b"autoexpire" => table.expires = count()?,
            b"updateexpire" => table.renews = number()? != 0,
            b"initval" => table.initial = Some(number()?),
            // They matter with a database or with peers only.
            b"dbmode" | b"dmqreplicate" | b"reloadat" => {
                number()?;
            }
            b"dbtable" | b"cols" | b"coldelim" | b"colnull" => {}
            _ => return Err(format!("{} is no setting of a table", String::from_utf8_lossy(key))),
        }
    }
    let slots = match size {
        0 | 1 => 8,
        2..14 => 1 << size,
        _ => MOST_SLOTS,
    };
    if slots > room {
        return Err(format!(
            "the tables have more than {MOST_OF_ALL} slots together: give them smaller sizes, for each counts twice"
        ));
    }
    table.slots.resize_with(slots, Default::default);
    Ok(table)
}

fn unquoted(value: &[u8]) -> &[u8] {
    let inner = |mark: &[u8]| value.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    inner(b"\"").or_else(|| inner(b"'")).unwrap_or(value)
}
