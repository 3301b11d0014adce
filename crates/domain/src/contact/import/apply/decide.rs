//! What becomes of the rows of a batch, and the writing of their contacts.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use uuid::Uuid;

use super::super::batch::{self, KnownContact, Written};
use super::super::parse::Record;
use super::super::reject::Reason;
use super::super::row::{Fate, Person, Rules};
use super::{Line, Purpose};
use crate::contact::new_id;
use crate::error::Result;
use crate::ids::{ContactFieldId, ContactId, TenantId};
use crate::secret::sha256;

/// A key of what was seen: 128 bits of a hash, so that it is short and alike
/// for all.
pub(super) fn key_of(kind: &str, value: &str) -> Uuid {
    let hash = sha256(format!("{kind}\n{value}").as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    Uuid::from_bytes(half)
}

/// A row with what becomes of it.
pub(super) struct DecidedRow<'a> {
    pub(super) record: &'a Record,
    person: Option<&'a Person>,
    pub(super) fate: std::result::Result<Fate, Vec<Reason>>,
    /// Of the contact that is added, changed or the same.
    contact: Option<ContactId>,
}

pub(super) struct Decided<'a> {
    pub(super) rows: Vec<DecidedRow<'a>>,
}

impl<'a> Decided<'a> {
    pub(super) fn new(lines: &'a [Line]) -> Self {
        let rows = lines
            .iter()
            .map(|(record, person)| DecidedRow {
                record,
                person: person.as_ref().ok(),
                fate: match person {
                    Ok(_) => Ok(Fate::Left),
                    Err(reasons) => Err(reasons.clone()),
                },
                contact: None,
            })
            .collect();
        Self { rows }
    }

    /// Rows that are good so far, with their person.
    fn good(&mut self) -> impl Iterator<Item = (&mut DecidedRow<'a>, &'a Person)> {
        self.rows.iter_mut().filter_map(|row| {
            let person = row.person.filter(|_| row.fate.is_ok())?;
            Some((row, person))
        })
    }

    /// People who are added, changed or as the file wants them.
    pub(super) fn taken(&self) -> impl Iterator<Item = (&'a Person, ContactId)> {
        self.rows.iter().filter_map(|row| {
            let is_taken = row.fate.as_ref().is_ok_and(|fate| *fate != Fate::Left);
            Some((row.person.filter(|_| is_taken)?, row.contact?))
        })
    }

    /// The first row of an address counts, all later ones are refused: which
    /// of several is meant, only their owner knows.
    pub(super) async fn refuse_repeated(
        &mut self,
        tx: &mut AsyncPgConnection,
        rules: &Rules,
    ) -> Result<()> {
        let mut keys = Vec::new();
        let mut here = HashSet::new();
        for (row, person) in self.good() {
            let key = key_of("address", person.email.key());
            if here.insert(key) {
                keys.push(key);
            } else {
                row.fate = Err(vec![rules.repeated(person)]);
            }
        }
        let fresh = batch::note_seen(tx, &keys).await?;
        if fresh.len() < keys.len() {
            for (row, person) in self.good() {
                if !fresh.contains(&key_of("address", person.email.key())) {
                    row.fate = Err(vec![rules.repeated(person)]);
                }
            }
        }
        Ok(())
    }

    pub(super) async fn look_up(
        &mut self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        rules: &Rules,
        purpose: Purpose,
    ) -> Result<HashMap<String, KnownContact>> {
        let keys: Vec<&str> = self.good().map(|(_, person)| person.email.key()).collect();
        let changes = rules.mode.changes();
        batch::known(
            tx,
            tenant,
            &keys,
            changes,
            changes && purpose == Purpose::Write,
        )
        .await
    }

    pub(super) fn decide(&mut self, rules: &Rules, known: &HashMap<String, KnownContact>) {
        for (row, person) in self.good() {
            let contact = known.get(person.email.key());
            row.fate = rules.decide(person, contact.map(|contact| &contact.known));
        }
    }

    /// Refuses rows whose unique value somebody else has, in the database or
    /// further up in the file.
    pub(super) async fn refuse_taken(
        &mut self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        rules: &Rules,
        known: &HashMap<String, KnownContact>,
        purpose: Purpose,
    ) -> Result<()> {
        if rules.unique_fields().next().is_none() {
            return Ok(());
        }
        let mut wanted: Vec<(ContactFieldId, String)> = Vec::new();
        for (row, _) in self.good() {
            wanted.extend(values_of(row, rules));
        }
        let holders = batch::holders(tx, tenant, &wanted).await?;
        let mut here: HashSet<(ContactFieldId, String)> = HashSet::new();
        let mut seen_keys = HashMap::new();
        for (row, person) in self.good() {
            let own = known.get(person.email.key()).map(|contact| contact.id);
            let values = values_of(row, rules);
            let reasons: Vec<Reason> = values
                .iter()
                .filter(|value| {
                    let is_held = holders
                        .get(value)
                        .is_some_and(|holder| Some(*holder) != own);
                    is_held || here.contains(value)
                })
                .map(|(field, value)| rules.taken(*field, value))
                .collect();
            if reasons.is_empty() {
                for (field, value) in &values {
                    seen_keys.insert(key_of(&field.to_string(), value), (*field, value.clone()));
                }
                here.extend(values);
            } else {
                row.fate = Err(reasons);
            }
        }
        // A run finds the values of earlier rows in the database, a check does not.
        if purpose == Purpose::Check {
            let keys: Vec<Uuid> = seen_keys.keys().copied().collect();
            let fresh = batch::note_seen(tx, &keys).await?;
            for (row, _) in self.good() {
                let old: Vec<Reason> = values_of(row, rules)
                    .iter()
                    .filter(|(field, value)| !fresh.contains(&key_of(&field.to_string(), value)))
                    .map(|(field, value)| rules.taken(*field, value))
                    .collect();
                if !old.is_empty() {
                    row.fate = Err(old);
                }
            }
        }
        Ok(())
    }

    pub(super) fn name_contacts(
        &mut self,
        known: &HashMap<String, KnownContact>,
        now: DateTime<Utc>,
    ) {
        for (row, person) in self.good() {
            row.contact = match &row.fate {
                Ok(Fate::Add { .. }) => Some(new_id(now)),
                _ => known.get(person.email.key()).map(|contact| contact.id),
            };
        }
    }

    pub(super) async fn write_contacts(
        &mut self,
        tx: &mut AsyncPgConnection,
        tenant: TenantId,
        rules: &Rules,
        source: &str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let (mut added, mut changed, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (row, person) in self.good() {
            let (Ok(Fate::Add { name, fields } | Fate::Change { name, fields }), Some(id)) =
                (&row.fate, row.contact)
            else {
                continue;
            };
            for (field, value) in rules.unique_values(fields) {
                values.push((id, field, value));
            }
            let written = Written {
                id,
                email: person.email.as_given().to_owned(),
                email_key: person.email.key().to_owned(),
                name: name.clone(),
                fields: fields.clone(),
            };
            if matches!(row.fate, Ok(Fate::Add { .. })) {
                added.push(written);
            } else {
                changed.push(written);
            }
        }
        if !added.is_empty() {
            batch::insert(tx, tenant, &added, source, now).await?;
        }
        if !changed.is_empty() {
            batch::update(tx, tenant, &changed, now).await?;
        }
        if rules.unique_fields().next().is_some() {
            let old: Vec<ContactId> = changed.iter().map(|contact| contact.id).collect();
            batch::keep_unique(tx, tenant, &old, &values).await?;
        }
        Ok(())
    }
}

/// Unique values that a row would write.
fn values_of(row: &DecidedRow<'_>, rules: &Rules) -> Vec<(ContactFieldId, String)> {
    match &row.fate {
        Ok(Fate::Add { fields, .. } | Fate::Change { fields, .. }) => rules.unique_values(fields),
        _ => Vec::new(),
    }
}
