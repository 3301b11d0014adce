//! What commands print; logs go to standard error.

use std::io::Write;

use domain::DomainError;

/// Writes to standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// For the operator at the terminal, who may read the internal context.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
pub(super) fn explain(error: DomainError) -> anyhow::Error {
    match &error {
        DomainError::Internal { context } | DomainError::Unavailable { context } => {
            anyhow::anyhow!("{context}")
        }
        DomainError::Invalid(fields) => {
            let lines: Vec<String> = fields
                .iter()
                .map(|f| format!("{}: {}", f.pointer, f.detail))
                .collect();
            anyhow::anyhow!("{}", lines.join("; "))
        }
        _ => anyhow::anyhow!("{error}"),
    }
}
