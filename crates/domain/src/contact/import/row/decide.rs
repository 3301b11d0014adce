//! What becomes of a person who was read: added, changed or left, as the mode
//! says.

use serde_json::{Map, Value};

use super::{Fate, Known, Person, Rules};
use crate::contact::MAX_FIELDS_BYTES;
use crate::contact::import::plan::Mode;
use crate::contact::import::reject::Reason;
use crate::contact_field::ContactField;

impl Rules {
    /// Decides what becomes of a row.
    ///
    /// # Errors
    /// Every reason against it.
    pub(in crate::contact::import) fn decide(
        &self,
        person: &Person,
        known: Option<&Known>,
    ) -> std::result::Result<Fate, Vec<Reason>> {
        let Some(known) = known else {
            return if self.mode.adds() {
                self.added(person)
            } else {
                Ok(Fate::Left)
            };
        };
        if !self.mode.changes() {
            return Ok(Fate::Left);
        }
        let (mut name, mut fields) = (known.name.clone(), known.fields.clone());
        if self.mode == Mode::FillEmpty {
            if name.is_empty() {
                name.clone_from(person.name.as_ref().unwrap_or(&known.name));
            }
            for (key, value) in &person.values {
                if !fields.contains_key(key) {
                    fields.insert(key.clone(), value.clone());
                }
            }
        } else {
            name.clone_from(person.name.as_ref().unwrap_or(&known.name));
            for key in &person.emptied {
                fields.remove(key);
            }
            fields.extend(person.values.clone());
            let emptied = |field: &&ContactField| person.emptied.contains(&field.key);
            self.refuse_missing(self.all.iter().filter(emptied), &fields)?;
        }
        if name == known.name && fields == known.fields {
            return Ok(Fate::Same);
        }
        refuse_large(&fields)?;
        Ok(Fate::Change { name, fields })
    }

    fn added(&self, person: &Person) -> std::result::Result<Fate, Vec<Reason>> {
        let mut fields = Map::new();
        for field in &self.all {
            if let Some(value) = person
                .values
                .get(&field.key)
                .or(field.default_value.as_ref())
            {
                fields.insert(field.key.clone(), value.clone());
            }
        }
        self.refuse_missing(self.all.iter(), &fields)?;
        refuse_large(&fields)?;
        Ok(Fate::Add {
            name: person.name.clone().unwrap_or_default(),
            fields,
        })
    }

    fn refuse_missing<'a>(
        &self,
        fields: impl Iterator<Item = &'a ContactField>,
        values: &Map<String, Value>,
    ) -> std::result::Result<(), Vec<Reason>> {
        let reasons: Vec<Reason> = fields
            .filter(|field| field.required && !values.contains_key(&field.key))
            .map(|field| Reason {
                column: Some(field.label.clone()),
                code: "required",
                detail: format!("{} must not be empty", field.label),
                value: None,
                kind: Some(field.kind),
            })
            .collect();
        if reasons.is_empty() {
            Ok(())
        } else {
            Err(reasons)
        }
    }
}

fn refuse_large(fields: &Map<String, Value>) -> std::result::Result<(), Vec<Reason>> {
    let rough: usize = fields
        .values()
        .map(|v| v.as_str().map_or(64, str::len))
        .sum();
    // Counted exactly only when it may matter.
    if rough < MAX_FIELDS_BYTES / 8
        || serde_json::to_vec(fields).is_ok_and(|bytes| bytes.len() <= MAX_FIELDS_BYTES)
    {
        return Ok(());
    }
    Err(vec![Reason {
        column: None,
        code: "too_long",
        detail: format!("all own fields together may have at most {MAX_FIELDS_BYTES} bytes"),
        value: None,
        kind: None,
    }])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{codes, map, named, rules};
    use super::*;
    use crate::contact::import::parse::Record;
    use crate::contact_field::FieldType;

    #[test]
    fn new_people_get_defaults_and_must_have_what_is_required() {
        let mut rank = named("rank", FieldType::Text);
        rank.default_value = Some(json!("一般"));
        let mut no = named("no", FieldType::Text);
        no.required = true;
        let rules = rules(
            Mode::Add,
            &["email", "field:no", "field:rank"],
            vec![no, rank],
        );
        let person = rules
            .read(&Record::new(2, ["a@example.jp", "7", ""]))
            .expect("a person");
        let Ok(Fate::Add { fields, .. }) = rules.decide(&person, None) else {
            panic!("not added");
        };
        assert_eq!(fields, map(&json!({"no": "7", "rank": "一般"})));
        let person = rules
            .read(&Record::new(3, ["b@example.jp", " "]))
            .expect("a person");
        let reasons = rules.decide(&person, None).expect_err("refused");
        assert_eq!(codes(&reasons), ["required"]);
    }

    #[test]
    fn the_modes_do_what_they_say() {
        let fields = vec![
            named("city", FieldType::Text),
            named("rank", FieldType::Text),
        ];
        let known = Known {
            name: String::new(),
            fields: map(&json!({"city": "京都", "rank": "金"})),
        };
        let record = Record::new(2, ["a@example.jp", "山田", "大阪", ""]);
        let fate = |mode, known: Option<&Known>| {
            let targets = ["email", "name", "field:city", "field:rank"];
            let rules = rules(mode, &targets, fields.clone());
            let person = rules.read(&record).expect("a person");
            rules.decide(&person, known).expect("a fate")
        };
        let change = |fields: Value| Fate::Change {
            name: "山田".to_owned(),
            fields: map(&fields),
        };
        let add = Fate::Add {
            name: "山田".to_owned(),
            fields: map(&json!({"city": "大阪"})),
        };
        assert_eq!(fate(Mode::Add, Some(&known)), Fate::Left);
        assert_eq!(
            fate(Mode::Overwrite, Some(&known)),
            change(json!({"city": "大阪"}))
        );
        assert_eq!(
            fate(Mode::Skip, Some(&known)),
            change(json!({"city": "大阪"}))
        );
        assert_eq!(
            fate(Mode::FillEmpty, Some(&known)),
            change(json!({"city": "京都", "rank": "金"}))
        );
        for mode in [Mode::Add, Mode::Overwrite, Mode::FillEmpty] {
            assert_eq!(fate(mode, None), add);
        }
        assert_eq!(fate(Mode::Skip, None), Fate::Left);
        let same = Known {
            name: "山田".to_owned(),
            fields: map(&json!({"city": "大阪"})),
        };
        assert_eq!(fate(Mode::Overwrite, Some(&same)), Fate::Same);
    }
}
