//! The DNS, by the servers that the system names.

use super::aside::aside;
use crate::builtin::{Found, Record, RecordKind, Unanswered};
use bytes::Bytes;
use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Records of one answer that are kept.
const MOST: usize = 64;

/// Asks and keeps answers for as long as they say.
pub(super) struct Resolver {
    /// Or why there is none.
    resolver: Result<TokioResolver, String>,
}

impl Default for Resolver {
    fn default() -> Resolver {
        let built = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        Resolver { resolver: built.map_err(|fault| fault.to_string()) }
    }
}

impl Resolver {
    /// The records of a name.
    pub(super) async fn resolve(&self, name: String, kind: RecordKind) -> Result<Found, Unanswered> {
        let asked = async {
            match kind {
                RecordKind::Address => aside(move || addresses(&name)).await,
                kind => self.ask(&name, kind).await,
            }
        };
        let late = || Unanswered::Failed("nobody answered in time".into());
        let mut records = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| late())??;
        records.truncate(MOST);
        if records.is_empty() { Err(Unanswered::Absent) } else { Ok(Found::Records(records)) }
    }

    async fn ask(&self, name: &str, kind: RecordKind) -> Result<Vec<Record>, Unanswered> {
        // An address is its own.
        if let (RecordKind::A, Ok(address)) = (kind, name.parse()) {
            return Ok(vec![Record::Address(address)]);
        }
        let resolver = self.resolver.as_ref().map_err(|why| Unanswered::Failed(why.clone()))?;
        let bad = |_| Unanswered::Failed(format!("{name} is no name of the DNS"));
        let (wanted, asked) = match kind {
            RecordKind::A | RecordKind::Address => (RecordType::A, Name::from_utf8(name).map_err(bad)?),
            RecordKind::Aaaa => (RecordType::AAAA, Name::from_utf8(name).map_err(bad)?),
            RecordKind::Srv => (RecordType::SRV, Name::from_utf8(name).map_err(bad)?),
            RecordKind::Naptr => (RecordType::NAPTR, Name::from_utf8(name).map_err(bad)?),
            RecordKind::Ptr => {
                let no_address = |_| Unanswered::Failed(format!("{name} is no address"));
                (RecordType::PTR, Name::from(name.parse::<IpAddr>().map_err(no_address)?))
            }
        };
        match resolver.lookup(asked, wanted).await {
            Ok(answer) => Ok(answer.answers().iter().filter_map(|record| read(&record.data)).collect()),
            Err(fault) if fault.is_no_records_found() => Err(Unanswered::Absent),
            Err(fault) => Err(Unanswered::Failed(fault.to_string())),
        }
    }
}

/// What the system's own resolver says, its file of hosts included.
fn addresses(name: &str) -> std::io::Result<Vec<Record>> {
    let mut found: Vec<Record> = Vec::new();
    for address in (name, 0).to_socket_addrs()? {
        let record = Record::Address(address.ip());
        if !found.contains(&record) {
            found.push(record);
        }
    }
    Ok(found)
}

fn read(data: &RData) -> Option<Record> {
    Some(match data {
        RData::A(address) => Record::Address(IpAddr::V4(address.0)),
        RData::AAAA(address) => Record::Address(IpAddr::V6(address.0)),
        RData::SRV(srv) => {
            Record::Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: text(&srv.target) }
        }
        RData::NAPTR(naptr) => Record::Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: Bytes::copy_from_slice(&naptr.flags),
            services: Bytes::copy_from_slice(&naptr.services),
            regexp: Bytes::copy_from_slice(&naptr.regexp),
            replacement: text(&naptr.replacement),
        },
        RData::PTR(name) => Record::Name(text(&name.0)),
        _ => return None,
    })
}

/// A name without the dot at its end.
fn text(name: &Name) -> Bytes {
    let text = name.to_utf8();
    Bytes::from(text.strip_suffix('.').unwrap_or(&text).to_owned())
}
