//! The `tracer` command.

fn main() -> std::process::ExitCode {
    tracer::run(std::env::args_os())
}
