use std::cell::OnceCell;
use std::ops::Range;

use smallvec::SmallVec;

use super::extent::Extent;
use super::header::{
    CSeq, CSeqParts, HeaderName, NameAddr, NameAddrFault, NameAddrParts, NameAddrs, Via, ViaFault, ViaParts,
};
use super::message::{Header, Message};
use super::number::number;
use super::parameters::Values;

/// One value of a header that may hold several, with where it stands in the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a, T> {
    /// The header line it stands in.
    pub header: &'a Header,
    /// Where the value stands in the message, without blanks around it.
    pub extent: Extent,
    /// Whether it is the only value of its line.
    pub alone: bool,
    /// The value.
    pub value: T,
}

/// Typed headers. Each is read when first asked for; the hot ones are remembered.
impl Message {
    /// The topmost Via value; `None` when there is none or it is malformed.
    pub fn via(&self) -> Option<Via<'_>> {
        let (extent, parts) = (*self.typed.via.get_or_init(|| {
            let header = self.header(HeaderName::Via)?;
            let value = self.text(header.value);
            let first = Values::new(value).next()?;
            let parts = ViaParts::parse(value.get(first.clone())?).ok()?;
            Some((Extent::from(first).shifted(header.value.start), parts))
        }))?;
        Some(parts.view(self.text(extent)))
    }

    /// Where the topmost Via value stands; `None` when there is none or it is malformed.
    pub fn via_extent(&self) -> Option<Extent> {
        self.via()?;
        self.typed.via.get().copied().flatten().map(|(extent, _)| extent)
    }

    /// Every Via value over all Via headers, topmost first.
    pub fn vias(&self) -> impl Iterator<Item = Entry<'_, Result<Via<'_>, ViaFault>>> {
        self.headers_named(HeaderName::Via).flat_map(|header| {
            let value = self.text(header.value);
            let alone = is_alone(value);
            Values::new(value).map(move |range| Entry {
                header,
                extent: in_message(header, range.clone()),
                alone,
                value: Via::parse(value.get(range).unwrap_or_default()),
            })
        })
    }

    /// The From header; `None` when it is missing or malformed.
    pub fn from(&self) -> Option<NameAddr<'_>> {
        self.address(HeaderName::From, &self.typed.from)
    }

    /// The To header; `None` when it is missing or malformed.
    pub fn to(&self) -> Option<NameAddr<'_>> {
        self.address(HeaderName::To, &self.typed.to)
    }

    /// The tag of From; `None` without one or when it is empty.
    pub fn from_tag(&self) -> Option<&[u8]> {
        self.tag(HeaderName::From, &self.typed.from, &self.typed.from_tag)
    }

    /// The tag of To; `None` without one or when it is empty.
    pub fn to_tag(&self) -> Option<&[u8]> {
        self.tag(HeaderName::To, &self.typed.to, &self.typed.to_tag)
    }

    /// The Call-ID; empty when there is none.
    pub fn call_id(&self) -> &[u8] {
        self.value(HeaderName::CallId).unwrap_or_default()
    }

    /// The CSeq header; `None` when it is missing or malformed.
    pub fn cseq(&self) -> Option<CSeq<'_>> {
        let (extent, parts) = (*self.typed.cseq.get_or_init(|| {
            let value = self.header(HeaderName::CSeq)?.value;
            Some((value, CSeqParts::parse(self.text(value))?))
        }))?;
        Some(parts.view(self.text(extent)))
    }

    /// Every Contact value, in order.
    pub fn contacts(&self) -> impl Iterator<Item = Entry<'_, Result<NameAddr<'_>, NameAddrFault>>> {
        self.addresses(HeaderName::Contact)
    }

    /// Every Route value, in order.
    pub fn routes(&self) -> impl Iterator<Item = Entry<'_, Result<NameAddr<'_>, NameAddrFault>>> {
        self.addresses(HeaderName::Route)
    }

    /// Every Record-Route value, in order.
    pub fn record_routes(&self) -> impl Iterator<Item = Entry<'_, Result<NameAddr<'_>, NameAddrFault>>> {
        self.addresses(HeaderName::RecordRoute)
    }

    /// Every address in the headers `name`, in order: for Path, P-Asserted-Identity, Diversion and their kin.
    pub fn addresses(&self, name: HeaderName) -> impl Iterator<Item = Entry<'_, Result<NameAddr<'_>, NameAddrFault>>> {
        self.headers_named(name).flat_map(|header| {
            let value = self.text(header.value);
            let alone = is_alone(value);
            NameAddrs::new(value).map(move |(range, address)| Entry {
                header,
                extent: in_message(header, range),
                alone,
                value: address,
            })
        })
    }

    /// The bytes to remove so that `entry` alone is gone: its whole line when it is the only value there, otherwise the
    /// value with the comma that goes with it. For several of one line see [`Message::removals`].
    pub fn removal<T>(&self, entry: &Entry<'_, T>) -> Extent {
        let extents = self.removals(entry.header, |extent| extent == entry.extent);
        extents.first().copied().unwrap_or(entry.extent)
    }

    /// The bytes to remove so that the values of `header` that `gone` names are gone and the others stand well
    /// separated; the whole line when none is left.
    pub fn removals(&self, header: &Header, gone: impl Fn(Extent) -> bool) -> SmallVec<[Extent; 2]> {
        let mut extents = SmallVec::new();
        let mut kept_end = None;
        let mut run: Option<Extent> = None;
        for value in Values::new(self.text(header.value)).map(|range| in_message(header, range)) {
            if gone(value) {
                // Behind a value that stays, its comma goes too.
                let start = run.map(|run| run.start).or(kept_end).unwrap_or(value.start);
                run = Some(Extent { start, end: value.end });
                continue;
            }
            match run.take() {
                Some(run) if kept_end.is_none() => extents.push(Extent { start: run.start, end: value.start }),
                Some(run) => extents.push(run),
                None => {}
            }
            kept_end = Some(value.end);
        }
        match run {
            Some(_) if kept_end.is_none() => extents.push(header.line),
            Some(run) => extents.push(run),
            None => {}
        }
        extents
    }

    /// Max-Forwards; `None` when it is missing or no number.
    pub fn max_forwards(&self) -> Option<u32> {
        self.number(HeaderName::MaxForwards)
    }

    /// Expires; `None` when it is missing or no number.
    pub fn expires(&self) -> Option<u32> {
        self.number(HeaderName::Expires)
    }

    /// Content-Length; `None` when it is missing or no number.
    pub fn content_length(&self) -> Option<u32> {
        self.number(HeaderName::ContentLength)
    }

    /// Content-Type as written.
    pub fn content_type(&self) -> Option<&[u8]> {
        self.value(HeaderName::ContentType)
    }

    fn number(&self, name: HeaderName) -> Option<u32> {
        self.value(name).and_then(number)
    }

    fn address<'a>(
        &'a self,
        name: HeaderName,
        remembered: &OnceCell<Option<(Extent, NameAddrParts)>>,
    ) -> Option<NameAddr<'a>> {
        let (extent, parts) = (*remembered.get_or_init(|| {
            let value = self.header(name)?.value;
            Some((value, NameAddrParts::parse(self.text(value)).ok()?))
        }))?;
        Some(parts.view(self.text(extent)))
    }

    fn tag(
        &self,
        name: HeaderName,
        address: &OnceCell<Option<(Extent, NameAddrParts)>>,
        remembered: &OnceCell<Option<Extent>>,
    ) -> Option<&[u8]> {
        let extent = *remembered.get_or_init(|| {
            let tag = self.address(name, address)?.tag_extent()?;
            Some(tag.shifted(self.header(name)?.value.start))
        });
        Some(self.text(extent?))
    }
}

/// Whether a header with this value has one value at most.
fn is_alone(value: &[u8]) -> bool {
    let mut values = Values::new(value);
    values.next().is_none_or(|first| first.len() == value.len()) || values.next().is_none()
}

fn in_message(header: &Header, range: Range<usize>) -> Extent {
    Extent::from(range).shifted(header.value.start)
}
