//! The agent as a program of its own, for a task's image.

fn main() -> std::process::ExitCode {
    fleetfoot_agent::main()
}
