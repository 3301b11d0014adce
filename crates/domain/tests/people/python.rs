//! Our reader of CSV against Python's, on the same files.

use std::io::Write;
use std::process::Stdio;

use domain::contact::import::Encoding;
use domain::contact::import::parse::Parser;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

const SCRIPT: &str = "
import csv, io, json, sys
csv.field_size_limit(1 << 30)
for line in sys.stdin:
    text = json.loads(line)
    rows = [row for row in csv.reader(io.StringIO(text, newline='')) if row]
    print(json.dumps(rows))
";

fn ours(text: &str) -> Vec<Vec<String>> {
    let mut parser = Parser::new(Encoding::Utf8, b',');
    let mut rows = Vec::new();
    let mut sink = |record: domain::contact::import::parse::Record| {
        rows.push(
            (0..record.len())
                .map(|i| record.raw(i).unwrap().to_owned())
                .collect(),
        );
    };
    for piece in text.as_bytes().chunks(3) {
        parser.push(piece, false, &mut sink).unwrap();
    }
    parser.push(&[], true, &mut sink).unwrap();
    rows
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks another program for a second opinion"
)]
fn files_are_read_as_python_reads_them() {
    let Ok(python) = std::env::var("KIKUBARI_PYTHON") else {
        return;
    };
    let mut runner = TestRunner::deterministic();
    let strategy = proptest::collection::vec("[ab,\"\r\n あ']{0,12}", 1..6)
        .prop_map(|parts: Vec<String>| parts.concat());
    let texts: Vec<String> = (0..2000)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect();
    let mut child = std::process::Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input: String = texts
        .iter()
        .map(|text| serde_json::to_string(text).unwrap() + "\n")
        .collect();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let mut compared = 0;
    for (text, answer) in texts.iter().zip(answers.lines()) {
        let theirs: Vec<Vec<String>> = serde_json::from_str(answer).unwrap();
        assert_eq!(ours(text), theirs, "{text:?}");
        compared += 1;
    }
    assert_eq!(compared, texts.len());
}
