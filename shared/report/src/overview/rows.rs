//! The rows that a reading is made from, sorted by what they are.

use std::collections::BTreeMap;

use fleetfoot_model::base::Base;
use fleetfoot_model::counter::Counter;
use fleetfoot_model::ids::{ImageKey, JobId, Repository};
use fleetfoot_model::job::Job;
use fleetfoot_model::record::{Image, Record};
use fleetfoot_model::runner::{Runner, Scope};

/// Rows by kind, each in the order in which they were read.
#[derive(Default)]
pub(super) struct Rows<'a> {
    /// Queued and running ones, oldest first.
    pub(super) open_jobs: Vec<&'a Job>,
    /// Newest first.
    pub(super) ended_jobs: Vec<&'a Job>,
    /// Oldest first.
    pub(super) open_runners: Vec<&'a Runner>,
    /// Newest first.
    pub(super) ended_runners: Vec<&'a Runner>,
    pub(super) bases: Vec<&'a Base>,
    pub(super) images: BTreeMap<&'a ImageKey, &'a Image>,
    by_id: BTreeMap<JobId, &'a Job>,
}

impl<'a> Rows<'a> {
    pub(super) fn of(
        open: impl IntoIterator<Item = &'a Record>,
        images: impl IntoIterator<Item = &'a Record>,
        ended: impl IntoIterator<Item = &'a Record>,
    ) -> Self {
        let mut rows = Self::default();
        for row in open {
            match row {
                Record::Job(job) => rows.open_jobs.push(job),
                Record::Runner(runner) => rows.open_runners.push(runner),
                _ => {}
            }
        }
        for row in images {
            match row {
                Record::Base(base) => rows.bases.push(base),
                Record::Image(image) => drop(rows.images.insert(&image.key, image)),
                _ => {}
            }
        }
        for row in ended {
            match row {
                Record::Job(job) => rows.ended_jobs.push(job),
                Record::Runner(runner) => rows.ended_runners.push(runner),
                _ => {}
            }
        }
        rows.open_jobs.sort_by_key(|job| (job.description.created_at, job.id()));
        rows.open_runners.sort_by(|a, b| (a.reserved_at, &a.name).cmp(&(b.reserved_at, &b.name)));
        rows.by_id = rows.jobs().map(|job| (job.id(), job)).collect();
        rows
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = &'a Job> {
        self.open_jobs.iter().chain(&self.ended_jobs).copied()
    }

    pub(super) fn runners(&self) -> impl Iterator<Item = &'a Runner> {
        self.open_runners.iter().chain(&self.ended_runners).copied()
    }

    pub(super) fn job(&self, id: JobId) -> Option<&'a Job> {
        self.by_id.get(&id).copied()
    }

    /// For whom a runner works: its job's repository, or the one that it counts for, or where it registers. None for a
    /// warm runner of an organization.
    pub(super) fn repository_of(&self, runner: &'a Runner) -> Option<&'a Repository> {
        let of_job = || self.job(runner.job?).map(|job| &job.description.repository);
        let counted = || {
            runner.counters.iter().find_map(|counter| match counter {
                Counter::RepositoryRunners(repository) => Some(repository),
                _ => None,
            })
        };
        let scope = || match &runner.scope {
            Scope::Repository(repository) => Some(repository),
            Scope::Organization(_) => None,
        };
        of_job().or_else(counted).or_else(scope)
    }
}
