//! How the stand-ins behave, as stories under virtual time. The HTTP face and the runner's program are tried on
//! loopback.

#![cfg(test)]

mod contract;
mod fargate;
mod github_jobs;
mod github_webhooks;
mod http;
mod images;
mod ports;
mod samples;
mod simulated;
mod support;
