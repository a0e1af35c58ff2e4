//! Runner images: built by CodeBuild, kept in ECR.
