//! Lists of the form `a=1;b="2";c`, for `{param}` and `xavp_params_explode`.

/// A name and its value, which stands without its quotes.
pub(super) type Parameter<'a> = (&'a [u8], &'a [u8]);

/// Takes a list apart as Kamailio does. A comma ends it, and so does `>` behind a blank. `None` when it is none: it is empty, begins with a blank, has a
/// blank in a name or value, a quote without its partner, or nothing behind an `=` or the last but one separator.
pub(super) fn parameters(text: &[u8], separator: u8) -> Option<Vec<Parameter<'_>>> {
    let text = text.strip_suffix(&[separator]).unwrap_or(text);
    let ends = |byte: &u8| *byte == separator || *byte == b',' || byte.is_ascii_whitespace();
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = cut(rest, |byte| *byte == b'=' || ends(byte));
        rest = after.trim_ascii_start();
        let mut value: &[u8] = &[];
        if let Some(given) = rest.strip_prefix(b"=") {
            (value, rest) = match given.trim_ascii_start() {
                [] => (value, value),
                [quote @ (b'"' | b'\''), inner @ ..] => {
                    let end = memchr::memchr(*quote, inner)?;
                    (&inner[..end], &inner[end + 1..])
                }
                given => Some(cut(given, ends)).filter(|(value, _)| !value.is_empty())?,
            };
            rest = rest.trim_ascii_start();
        }
        all.push((name, value));
        match rest.split_first() {
            Some((byte, after)) if *byte == separator => {
                rest = Some(after.trim_ascii_start()).filter(|rest| !rest.is_empty())?;
            }
            None | Some((b',' | b'>', _)) => break,
            Some(_) => return None,
        }
    }
    Some(all).filter(|all| !all.is_empty())
}

/// The text before the first byte that `ends` it, and from there on.
fn cut(text: &[u8], ends: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(ends).unwrap_or(text.len()))
}
