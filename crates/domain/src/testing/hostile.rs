//! Hostile bytes for whatever reads what others send: a corpus, and what comes
//! of it by cutting, doubling and mixing. Without a panic, and in bounded time
//! and memory. Each run of the tests goes through the same ones; with
//! `KIKUBARI_FUZZ_SECONDS` (`just fuzz`) others come for so long.

use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Inputs that a run of the tests makes of a corpus.
const MADE: u64 = 500;
/// Bytes of one of them; what grows with the square shows long before.
const LONGEST: usize = 64 * 1024;
/// Time of the processor for one input: a hundred times what it takes.
const MOST_TICKS: u64 = 500;
/// Memory that all of them may take at a time.
const MOST_KIB: u64 = 512 * 1024;
/// Bytes that readers treat in some way of their own.
const ODD: &[u8] = b"\0\t\n\r\x1b \"'%&(),-./0:;<=>@[\\]_`{|}~\x7f\x80\xc3\xe3\xff";

/// Gives all of it to `read`. `words` is what the format is made of, beside
/// the files of the folder `corpus`.
///
/// # Panics
/// When `read` does, or takes too long or too much; the input is kept.
pub fn hostile(name: &str, corpus: &Path, words: &[&[u8]], read: impl Fn(&[u8])) {
    let begun = Instant::now();
    let seconds = std::env::var("KIKUBARI_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().expect("a number of seconds"));
    let until = seconds.map(Duration::from_secs);
    let known = files(corpus);
    assert!(!known.is_empty(), "no corpus in {}", corpus.display());
    let before = peak();
    for input in &known {
        judge(name, input, before, &read);
    }
    // The same on each run; for a long one new each time.
    let seed = until.map_or(4711, |_| (u64::from(std::process::id()) << 20) | ticks());
    let mut dice = Dice(seed);
    let mut made = 0;
    while until.map_or(made < MADE, |until| begun.elapsed() < until) {
        judge(name, &mutant(&mut dice, &known, words), before, &read);
        made += 1;
    }
    say(&format!(
        "{name}: {} of the corpus, {made} made (seed {seed}), {} MiB more at most",
        known.len(),
        (peak() - before) / 1024
    ));
}

/// For whoever runs it for hours.
fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the corpus");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("a file").path()).collect();
    paths.sort();
    let files = paths.iter().filter(|path| path.is_file());
    files.map(|path| fs::read(path).expect("a file")).collect()
}

fn judge(name: &str, input: &[u8], before: u64, read: &impl Fn(&[u8])) {
    let begun = ticks();
    let outcome = catch_unwind(AssertUnwindSafe(|| read(input)));
    let took = ticks() - begun;
    let more = peak() - before;
    if outcome.is_ok() && took <= MOST_TICKS && more <= MOST_KIB {
        return;
    }
    let kept = std::env::temp_dir().join(format!("kikubari-{name}-{}", std::process::id()));
    fs::write(&kept, input).expect("the input is kept");
    say(&format!(
        "{name}: {} bytes took {took} hundredths of a second and {more} KiB; they are in {} (put them into the corpus)",
        input.len(),
        kept.display()
    ));
    match outcome {
        Err(panic) => resume_unwind(panic),
        Ok(()) => panic!("{name}: too much for {} bytes", input.len()),
    }
}

/// Time of the processor that this thread had, whoever else works on the machine.
pub fn processor_time() -> Duration {
    Duration::from_millis(10 * ticks())
}

/// Hundredths of a second of the processor that this thread had, whoever else
/// works on the machine (proc(5), fields 14 and 15).
fn ticks() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/stat").expect("Linux");
    let (_, rest) = stat.rsplit_once(')').expect("a name in brackets");
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |n: usize| fields[n].parse::<u64>().expect("a number");
    number(11) + number(12)
}

/// Most memory that the process had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let line = line.expect("a peak").trim_end_matches("kB").trim();
    line.parse().expect("a number")
}

/// Numbers that look like chance (SplitMix64), the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let n = u64::try_from(n.max(1)).unwrap_or(u64::MAX);
        usize::try_from((z ^ (z >> 31)) % n).unwrap_or(0)
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A part of so many bytes: begin and end.
    fn part(&mut self, of: usize) -> (usize, usize) {
        let (a, b) = (self.below(of + 1), self.below(of + 1));
        (a.min(b), a.max(b))
    }
}

fn mutant(dice: &mut Dice, known: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
    let mut input = dice.one(known).clone();
    for _ in 0..=dice.below(8) {
        change(dice, &mut input, known, words);
        input.truncate(LONGEST);
    }
    input
}

fn change(dice: &mut Dice, input: &mut Vec<u8>, known: &[Vec<u8>], words: &[&[u8]]) {
    let (from, to) = dice.part(input.len());
    match dice.below(9) {
        0 if !input.is_empty() => {
            let at = dice.below(input.len());
            input[at] ^= 1 << dice.below(8);
        }
        1 if !input.is_empty() => {
            let at = dice.below(input.len());
            input[at] = *dice.one(ODD);
        }
        2 => drop(input.drain(from..to)),
        3 => input.truncate(from),
        4 => {
            let part = input[from..to].to_vec();
            let times = 1 << dice.below(10);
            let room = LONGEST / part.len().max(1);
            let part = part.repeat(times.min(room));
            drop(input.splice(to..to, part));
        }
        5 => {
            let other = dice.one(known);
            let (begin, end) = dice.part(other.len());
            drop(input.splice(from..to, other[begin..end].iter().copied()));
        }
        6 => drop(input.splice(from..from, [*dice.one(ODD)])),
        _ if !words.is_empty() => {
            let word = *dice.one(words);
            let times = 1 << dice.below(6);
            drop(input.splice(from..from, word.repeat(times)));
        }
        _ => input.push(*dice.one(ODD)),
    }
}
