//! What servers of HTTP answer in a scenario.

use super::blocks::Block;
use super::keyword::{Keyword, Misread, Said};
use super::parse::Parser;
use super::play::{Happens, Play};
use super::scenario::Action;
use super::words::Word;
use crate::builtin::{Fetch, FetchFault, Found, Page, Unanswered};
use crate::source::Span;
use bytes::Bytes;

/// What a server of HTTP answers.
#[derive(Debug, Clone)]
pub struct CannedPage {
    /// Part of the URLs that it is for.
    pub part: String,
    /// Status and body; `None` when the server takes no connection.
    pub answer: Option<(u16, Bytes)>,
}

/// The word.
pub(super) static KEYWORD: Keyword = Keyword {
    name: "http",
    usage: "http answers \"PART OF A URL\" 200 with lines of the body below, or http fails \"PART OF A URL\"",
    has_lines: true,
    read: |parser, block, words| {
        let page = page(parser, block, words)?;
        if !parser.scenario.steps.is_empty() {
            return Ok(Said::Happens(Action::host(page)));
        }
        parser.scenario.pages.push(page);
        Ok(Said::AtFirst)
    },
};

impl Happens for CannedPage {
    fn happen(&self, play: &mut Play, _: Span) {
        play.around.stage.pages.insert(0, self.clone());
    }
}

/// `answers "PART" 200` with lines of the body below, or `fails "PART"`.
fn page(parser: &mut Parser, block: &Block, words: &[Word]) -> Result<CannedPage, Misread> {
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let (part, status) = match words.as_slice() {
        ["fails", part] => return Ok(CannedPage { part: (*part).to_owned(), answer: None }),
        ["answers", part] => (*part, Some(200)),
        ["answers", part, code] => (*part, code.parse().ok().filter(|code| (200..600).contains(code))),
        _ => ("", None),
    };
    let status = status.ok_or(Misread::Form)?;
    let extra = super::steps::extra(parser, block).ok_or(Misread::Reported)?;
    if let [(name, _), ..] = extra.headers.as_slice() {
        parser.helped(block.span, format!("{name}: only the body of an answer counts"), "begin each line with |");
        return Err(Misread::Reported);
    }
    let body = Bytes::from(extra.body.join("\n"));
    Ok(CannedPage { part: part.to_owned(), answer: Some((status, body)) })
}

/// What the first of the pages that fits answers; a server that no line names takes no connection.
pub(super) fn answer(pages: &[CannedPage], fetch: &Fetch) -> Result<Found, Unanswered> {
    let page = pages.iter().find(|page| fetch.url.contains(page.part.as_str()));
    match page.and_then(|page| page.answer.clone()) {
        Some((status, body)) => Ok(Found::Page(Page { status, body, url: fetch.url.clone() })),
        None => Err(Unanswered::Unfetched(FetchFault::Connection)),
    }
}
