//! JSON fields of a change that tell "left out" from "null".

use serde::{Deserialize, Deserializer};

/// For `Option<Option<T>>` with `#[serde(default)]`: left out is `None`, null
/// is `Some(None)`.
///
/// # Errors
/// When the value does not fit.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
