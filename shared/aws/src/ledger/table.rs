//! The table: its names, which `template.yaml` has too, and its definition for tests.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};

/// The partition key, a string: a row's key or a counter's.
pub const KEY: &str = "key";
/// A row's version, a number.
pub const VERSION: &str = "version";
/// A row as JSON, a string.
pub const RECORD: &str = "record";
/// The random token of the write that wrote a row, a string.
pub const WRITTEN_BY: &str = "writtenBy";
/// The index a row is in, a string: the partition key of [`BY_INDEX`]. Rows without it are not in [`BY_INDEX`].
pub const INDEX: &str = "index";
/// A row's place in its index, a string: the sort key of [`BY_INDEX`].
pub const SORT: &str = "sort";
/// When an item may be forgotten, a number: seconds since 1970. The table's time-to-live attribute.
pub const EXPIRES_AT: &str = "expiresAt";
/// What a counter counts, a number.
pub const COUNT: &str = "count";
/// The name of the global secondary index, which projects everything.
pub const BY_INDEX: &str = "by-index";

/// Names of attributes for an expression: each stands as `#name`, since several are words of DynamoDB's own.
pub(super) fn names(attributes: &[&str]) -> HashMap<String, String> {
    attributes.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect()
}

/// The request that makes the table as `template.yaml` does, but for its time-to-live.
///
/// # Errors
/// None: every part is complete.
pub fn create(client: &Client, table: &str) -> Result<CreateTableFluentBuilder, BuildError> {
    let attribute = |name| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
    };
    let key = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let index = GlobalSecondaryIndex::builder()
        .index_name(BY_INDEX)
        .key_schema(key(INDEX, KeyType::Hash)?)
        .key_schema(key(SORT, KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()?;
    Ok(client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute(KEY)?)
        .attribute_definitions(attribute(INDEX)?)
        .attribute_definitions(attribute(SORT)?)
        .key_schema(key(KEY, KeyType::Hash)?)
        .global_secondary_indexes(index))
}
