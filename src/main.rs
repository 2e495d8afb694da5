//! The `secdocker` command.

fn main() {}
