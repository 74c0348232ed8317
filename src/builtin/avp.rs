//! Attribute-value pairs: lists of values that follow a message into its transaction.

use crate::language::Value;
use bytes::Bytes;

/// `$avp` and `$xavp` of one message.
#[derive(Clone, Debug, Default)]
pub struct Avps {
    // Both oldest first, so that a push costs nothing.
    simple: Vec<Avp>,
    records: Vec<Xavp>,
}

/// One value of an `$avp`.
#[derive(Clone, Debug)]
struct Avp {
    name: Bytes,
    value: Value,
    /// What `setavpflag` sets, one bit a flag.
    flags: u32,
}

/// One record of an `$xavp` class.
#[derive(Clone, Debug, Default)]
pub struct Xavp {
    /// The class.
    pub class: Bytes,
    /// Fields, newest first.
    pub fields: Vec<(Bytes, Value)>,
}

impl Xavp {
    /// The newest value of a field.
    pub fn field(&self, name: &[u8]) -> Option<&Value> {
        self.fields.iter().find(|(its, _)| its == name).map(|(_, value)| value)
    }

    /// Sets a field, replacing its value.
    pub fn set(&mut self, name: &Bytes, value: Value) {
        match self.fields.iter_mut().find(|(its, _)| its == name) {
            Some((_, old)) => *old = value,
            None => self.fields.insert(0, (name.clone(), value)),
        }
    }
}

impl Avps {
    /// About how many bytes they take.
    pub fn size(&self) -> usize {
        let simple = self.simple.iter().map(|avp| size_of::<Avp>() + avp.name.len() + avp.value.size());
        let field = |(name, value): &(Bytes, Value)| size_of::<(Bytes, Value)>() + name.len() + value.size();
        let record =
            |record: &Xavp| size_of::<Xavp>() + record.class.len() + record.fields.iter().map(field).sum::<usize>();
        simple.sum::<usize>() + self.records.iter().map(record).sum::<usize>()
    }

    /// The `index`th newest value of a name.
    pub fn value(&self, name: &[u8], index: usize) -> Option<&Value> {
        self.simple.iter().rev().filter(|avp| avp.name == name).nth(index).map(|avp| &avp.value)
    }

    /// All values of a name, newest first.
    pub fn values(&self, name: &[u8]) -> impl Iterator<Item = &Value> {
        self.simple.iter().rev().filter(move |avp| avp.name == name).map(|avp| &avp.value)
    }

    /// Puts a value in front of those of its name.
    pub fn push(&mut self, name: Bytes, value: Value) {
        self.simple.push(Avp { name, value, flags: 0 });
    }

    /// Takes the newest value of a name away.
    pub fn pop(&mut self, name: &[u8]) -> Option<Value> {
        let at = self.simple.iter().rposition(|avp| avp.name == name)?;
        Some(self.simple.remove(at).value)
    }

    /// Takes all values of a name away.
    pub fn clear(&mut self, name: &[u8]) {
        self.simple.retain(|avp| avp.name != name);
    }

    /// The flags of each value of a name, oldest first.
    pub fn flags_mut(&mut self, name: &[u8]) -> impl DoubleEndedIterator<Item = &mut u32> {
        self.simple.iter_mut().filter(move |avp| avp.name == name).map(|avp| &mut avp.flags)
    }

    /// The `index`th newest record of a class.
    pub fn record(&self, class: &[u8], index: usize) -> Option<&Xavp> {
        self.records.iter().rev().filter(|record| record.class == class).nth(index)
    }

    /// The same, to be changed.
    pub fn record_mut(&mut self, class: &[u8], index: usize) -> Option<&mut Xavp> {
        self.records.iter_mut().rev().filter(|record| record.class == class).nth(index)
    }

    /// How many records a class has.
    pub fn records(&self, class: &[u8]) -> usize {
        self.records.iter().filter(|record| record.class == class).count()
    }

    /// Puts a record in front of those of its class.
    pub fn push_record(&mut self, record: Xavp) {
        self.records.push(record);
    }

    /// Takes the `index`th newest record of a class away.
    pub fn remove_record(&mut self, class: &[u8], index: usize) -> Option<Xavp> {
        let mut same = (0..self.records.len()).rev().filter(|&at| self.records[at].class == class);
        let at = same.nth(index)?;
        Some(self.records.remove(at))
    }

    /// Takes all records of a class away.
    pub fn clear_records(&mut self, class: &[u8]) {
        self.records.retain(|record| record.class != class);
    }
}
