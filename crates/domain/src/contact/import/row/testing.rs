//! Rules and fields for the tests of rows.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::Rules;
use crate::contact::csv::Encoding;
use crate::contact::import::parse::Record;
use crate::contact::import::plan::{Delimiter, Mapped, Mode, Plan, Reading, Target};
use crate::contact::import::reject::Reason;
use crate::contact::import::suggest::columns;
use crate::contact_field::testing::field;
use crate::contact_field::{ContactField, FieldType};
use crate::ids::ContactFieldId;

pub(super) fn rules(mode: Mode, targets: &[&str], all: Vec<ContactField>) -> Rules {
    let header = Record::new(1, targets.iter().copied());
    let plan = Plan {
        reading: Reading {
            encoding: Encoding::Utf8,
            delimiter: Delimiter::Comma,
            has_header: true,
        },
        mapping: targets
            .iter()
            .enumerate()
            .map(|(column, target)| Mapped {
                column,
                target: Target::parse(target).expect("a target"),
            })
            .collect(),
        mode,
        list_ids: vec![],
    };
    Rules::new(&plan, columns(&[header], true), all, Tz::Asia__Tokyo).expect("rules")
}

pub(super) fn named(key: &str, kind: FieldType) -> ContactField {
    ContactField {
        id: ContactFieldId::new(),
        key: key.to_owned(),
        label: key.to_uppercase(),
        ..field(kind)
    }
}

pub(super) fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

pub(super) fn codes(reasons: &[Reason]) -> Vec<&str> {
    reasons.iter().map(|reason| reason.code).collect()
}
