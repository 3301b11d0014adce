//! Mails: their content, kept in versions, and how it becomes one person's mail.

pub mod content;
pub mod render;
