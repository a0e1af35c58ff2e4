//! What images are built with and kept in.

use aws_sdk_ecr::operation::describe_repositories::DescribeRepositoriesError;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_codebuild::Client as CodeBuild;
use aws_sdk_ecr::Client as Ecr;

use super::Desk;
use crate::aws::failure::failure;
use crate::aws::stack::output;
use crate::doctor::examine;
use crate::doctor::finding::Finding;
use crate::failure::Failure;

const HEADING: &str = "image-builds";

pub(super) struct Check(pub(super) Arc<Desk>);

#[async_trait]
impl examine::Check for Check {
    fn heading(&self) -> &'static str {
        HEADING
    }

    async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        let found = [self.repository().await, self.project().await];
        let mut findings: Vec<Finding> =
            found.into_iter().filter_map(Result::transpose).map(into_finding).collect();
        if findings.is_empty() {
            findings.push(Finding::ok(
                HEADING,
                "the repository of images and the project that builds them are there",
            ));
        }
        Ok(findings)
    }
}

fn into_finding(found: Result<Finding, Failure>) -> Finding {
    found.unwrap_or_else(|failure| Finding::unknown(HEADING, failure))
}

impl Check {
    async fn repository(&self) -> Result<Option<Finding>, Failure> {
        let name = self.0.stack.output(output::REPOSITORY)?;
        let asked = Ecr::new(&self.0.sdk).describe_repositories().repository_names(name).send().await;
        match asked {
            Ok(_) => Ok(None),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeRepositoriesError::is_repository_not_found_exception) =>
            {
                Ok(Some(gone(&format!("the ECR repository {name}"))))
            }
            Err(error) => Err(failure(
                "the repository of images cannot be looked at",
                "ecr:DescribeRepositories",
                &error,
            )),
        }
    }

    async fn project(&self) -> Result<Option<Finding>, Failure> {
        let name = self.0.stack.output(output::BUILD_PROJECT)?;
        let asked = CodeBuild::new(&self.0.sdk).batch_get_projects().names(name).send().await;
        let answer = asked.map_err(|error| {
            failure(
                "the project that builds images cannot be looked at",
                "codebuild:BatchGetProjects",
                &error,
            )
        })?;
        let is_there = answer.projects.unwrap_or_default().iter().any(|it| it.name.as_deref() == Some(name));
        Ok((!is_there).then(|| gone(&format!("the CodeBuild project {name}"))))
    }
}

fn gone(what: &str) -> Finding {
    let what = format!("{what} is gone: no image can be made");
    Finding::error(HEADING, what)
        .hint("deploy again; CloudFormation's drift detection tells what else is gone")
}
