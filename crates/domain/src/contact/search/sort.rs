//! Orders of a page of contacts, and what each compares.

use crate::contact::Contact;

macro_rules! sorts {
    ($($name:ident = $text:literal, $key:ident, $descending:literal;)+) => {
        /// Order of a page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum ContactSort {
            #[default]
            $($name,)+
        }

        impl ContactSort {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// As it stands in the query string.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            pub(super) fn key(self) -> Key {
                match self { $(Self::$name => Key::$key,)+ }
            }

            pub(super) fn is_descending(self) -> bool {
                match self { $(Self::$name => $descending,)+ }
            }
        }
    };
}

sorts! {
    NewestFirst = "-created_at", Id, true;
    OldestFirst = "created_at", Id, false;
    Email = "email", Email, false;
    EmailDescending = "-email", Email, true;
    Name = "name", Name, false;
    NameDescending = "-name", Name, true;
}

/// What a sort compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Ids are in the order of `created_at`.
    Id,
    Email,
    Name,
}

impl ContactSort {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|sort| sort.as_str() == text)
    }

    /// What a cursor keeps of a row.
    pub(in crate::contact) fn value_of(self, contact: &Contact) -> String {
        match self.key() {
            Key::Id => String::new(),
            Key::Email => contact.email_key.clone(),
            Key::Name => contact.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_has_its_name_back() {
        for sort in ContactSort::ALL {
            assert_eq!(ContactSort::parse(sort.as_str()), Some(*sort));
        }
        assert_eq!(ContactSort::parse("search"), None);
    }
}
