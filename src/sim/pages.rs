//! What servers of HTTP answer in a scenario.

use super::blocks::Block;
use super::parse::Parser;
use super::scenario::CannedPage;
use crate::builtin::{Fetch, FetchFault, Found, Page, Unanswered};
use bytes::Bytes;

/// `http answers "PART" 200` with lines of the body below, or `http fails "PART"`.
pub(super) fn page(parser: &mut Parser, block: &Block) -> Option<CannedPage> {
    let words: Vec<&str> = block.words.iter().map(|word| word.text.as_str()).collect();
    let (part, status) = match words.as_slice() {
        ["http", "fails", part] => return Some(CannedPage { part: (*part).to_owned(), answer: None }),
        ["http", "answers", part] => (*part, Some(200)),
        ["http", "answers", part, code] => (*part, code.parse().ok().filter(|code| (200..600).contains(code))),
        _ => ("", None),
    };
    let Some(status) = status else {
        parser.helped(
            block.span,
            "this is not how http is written",
            "http answers \"PART OF A URL\" 200 with lines of the body below, or http fails \"PART OF A URL\"",
        );
        return None;
    };
    let extra = super::steps::extra(parser, block)?;
    if let [(name, _), ..] = extra.headers.as_slice() {
        parser.helped(block.span, format!("{name}: only the body of an answer counts"), "begin each line with |");
        return None;
    }
    let body = Bytes::from(extra.body.join("\n"));
    Some(CannedPage { part: part.to_owned(), answer: Some((status, body)) })
}

/// What the first of the pages that fits answers; a server that no line names takes no connection.
pub(super) fn answer(pages: &[CannedPage], fetch: &Fetch) -> Result<Found, Unanswered> {
    let page = pages.iter().find(|page| fetch.url.contains(page.part.as_str()));
    match page.and_then(|page| page.answer.clone()) {
        Some((status, body)) => Ok(Found::Page(Page { status, body, url: fetch.url.clone() })),
        None => Err(Unanswered::Unfetched(FetchFault::Connection)),
    }
}
