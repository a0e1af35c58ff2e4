//! What every list of facts becomes: a type each, and the closed enum of them all.

macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(rename_all = "camelCase")]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl From<$name> for Fact {
                fn from(fact: $name) -> Fact {
                    Fact::$name(fact)
                }
            }
        )*

        /// Any fact.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "each variant is the type of its name")]
        pub enum Fact {
            $($name($name),)*
        }

        /// Every detail-type, in the order of a job's life.
        pub const DETAIL_TYPES: &[&str] = &[$(stringify!($name)),*];

        impl Fact {
            /// The detail-type.
            pub fn detail_type(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }

            /// The detail, without `meta`.
            ///
            /// # Errors
            /// None in practice: every fact is a plain structure.
            pub fn detail(&self) -> serde_json::Result<serde_json::Value> {
                match self {
                    $(Self::$name(fact) => serde_json::to_value(fact),)*
                }
            }

            /// Reads a detail; `None` for a detail-type that is not ours.
            pub fn decode(detail_type: &str, detail: &serde_json::Value) -> Option<Result<Self, serde_path_to_error::Error<serde_json::Error>>> {
                match detail_type {
                    // Where it is wrong is only looked for if it is: keeping track of the path costs as much as reading.
                    $(stringify!($name) => Some(match $name::deserialize(detail) {
                        Ok(fact) => Ok(Self::$name(fact)),
                        Err(_) => serde_path_to_error::deserialize::<_, $name>(detail).map(Self::$name),
                    }),)*
                    _ => None,
                }
            }

            /// The JSON Schema of a detail-type's detail, `meta` left out.
            pub fn schema(detail_type: &str) -> Option<schemars::Schema> {
                match detail_type {
                    $(stringify!($name) => Some(schemars::schema_for!($name)),)*
                    _ => None,
                }
            }
        }
    };
}
