//! The fleet on ECS and Fargate.
