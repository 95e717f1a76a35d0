//! What each piece of the pipeline takes, on what the staged incident left: `cargo bench -p tracer`. Divide by the number of
//! items, or read the throughput.

mod conclude;
mod incident;
mod recording;
mod show;
mod wire;

fn main() {
    divan::main();
}
