//! A GitHub, a Fargate and a runner with state and faults, for tests, the demo and simulation.
