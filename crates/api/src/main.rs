//! The program `kikubari`.

fn main() -> anyhow::Result<()> {
    api::cli::run()
}
