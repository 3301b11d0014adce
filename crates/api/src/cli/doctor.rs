//! `kikubari doctor`: checks a deployment line by line, and says of each
//! failing line how to mend it.

use domain::db::inspect::{Inspection, inspect};

use super::output::{explain, print};

struct Line {
    name: &'static str,
    /// What is wrong, and how to mend it.
    fault: Option<String>,
}

pub(super) async fn run() -> anyhow::Result<()> {
    let mut lines = Vec::new();
    match super::serve::state() {
        Err(error) => lines.push(Line {
            name: "settings",
            fault: Some(format!("{error:#}")),
        }),
        Ok(state) => {
            lines.push(Line {
                name: "settings",
                fault: None,
            });
            match inspect(&state.db).await {
                Ok(facts) => lines.extend(judge(&facts)),
                Err(error) => lines.push(Line {
                    name: "database",
                    fault: Some(format!(
                        "{:#}. Is KIKUBARI_DATABASE_URL right, and did `kikubari migrate` run?",
                        explain(error)
                    )),
                }),
            }
        }
    }
    let mut text = String::new();
    for line in &lines {
        match &line.fault {
            None => text.push_str(&format!("ok    {}\n", line.name)),
            Some(fault) => text.push_str(&format!("FAIL  {}: {fault}\n", line.name)),
        }
    }
    print(&text)?;
    match lines.iter().filter(|line| line.fault.is_some()).count() {
        0 => Ok(()),
        n => anyhow::bail!("{n} check(s) failed"),
    }
}

fn judge(facts: &Inspection) -> Vec<Line> {
    let fault = |is_wrong: bool, text: String| is_wrong.then_some(text);
    vec![
        Line { name: "database", fault: None },
        Line {
            name: "migrations",
            fault: fault(
                !facts.missing_migrations.is_empty(),
                format!("not run yet: {}. Run `kikubari migrate`", facts.missing_migrations.join(", ")),
            ),
        },
        Line {
            name: "database role",
            fault: fault(
                facts.role_is_too_strong,
                "KIKUBARI_DATABASE_URL logs in as a role that can go round row level security: use kikubari_app"
                    .to_owned(),
            ),
        },
        Line {
            name: "leakproof functions",
            fault: fault(
                !facts.not_leakproof.is_empty(),
                format!(
                    "searches are slow until a superuser runs ALTER FUNCTION … LEAKPROOF for: {}",
                    facts.not_leakproof.join(", ")
                ),
            ),
        },
        Line {
            name: "partitions",
            fault: fault(
                facts.partitions_ahead < 1,
                "there is no partition for next month: is `kikubari serve` running? SELECT make_partitions(3) makes them"
                    .to_owned(),
            ),
        },
        Line {
            name: "language of the database's errors",
            fault: fault(
                !speaks_english(&facts.language),
                format!(
                    "lc_messages is {}, so that a deadlock or a full disk is not known for what it is: a superuser runs ALTER SYSTEM SET lc_messages = 'C' and SELECT pg_reload_conf()",
                    facts.language
                ),
            ),
        },
    ]
}

fn speaks_english(locale: &str) -> bool {
    locale.is_empty()
        || locale == "C"
        || locale.starts_with("C.")
        || locale == "POSIX"
        || locale.starts_with("en")
}
