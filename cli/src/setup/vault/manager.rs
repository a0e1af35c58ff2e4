//! Secrets Manager. What is removed there is gone only after some days: until then it can be had back, and nobody can make
//! another of its name.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use fleetfoot_model::secret::Secret;

use crate::aws::failure::failure;
use crate::aws::secrets::described;
use crate::failure::Failure;

/// For how many days a removed secret can be had back; AWS takes 7 to 30 (Secrets Manager API reference, `DeleteSecret`).
pub(super) const RECOVERY_DAYS: i64 = 7;
/// What the version is called that functions read.
const CURRENT: &str = "AWSCURRENT";

/// How a name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is none.
    Free,
    /// It is removed, and could be had back.
    Leaving,
    /// Somebody has made it and put nothing in.
    Empty,
    /// There is something in it.
    Filled,
}

async fn state(client: &Client, name: &str) -> Result<State, Failure> {
    let what = format!("the secret {name} cannot be looked for");
    let Some(found) = described(client, name, what).await? else { return Ok(State::Free) };
    let stages = found.version_ids_to_stages.unwrap_or_default();
    let is_filled = stages.values().flatten().any(|stage| stage == CURRENT);
    Ok(match found.deleted_date {
        Some(_) => State::Leaving,
        None if is_filled => State::Filled,
        None => State::Empty,
    })
}

/// Whether a secret is there, with something in it. It is not read.
pub(super) async fn holds(sdk: &SdkConfig, name: &str) -> Result<bool, Failure> {
    Ok(state(&Client::new(sdk), name).await? == State::Filled)
}

/// Writes a secret; one that was removed lately comes back with what is new. Without `replace` one that is there stays.
pub(super) async fn put(
    sdk: &SdkConfig,
    name: &str,
    description: String,
    key: Option<String>,
    secret: &Secret,
    replace: bool,
) -> Result<(), Failure> {
    let client = Client::new(sdk);
    let what = || format!("the secret {name} cannot be written");
    match state(&client, name).await? {
        State::Free => {
            let create = client.create_secret().name(name).description(description);
            let create = create.set_kms_key_id(key).secret_string(secret.expose());
            let made = create.send().await;
            made.map_err(|error| failure(what(), "secretsmanager:CreateSecret", &error))?;
            return Ok(());
        }
        State::Filled if !replace => {
            return Err(Failure::new(what()).hint("somebody else has just written it: run this again"));
        }
        State::Leaving => {
            let restored = client.restore_secret().secret_id(name).send().await;
            restored.map_err(|error| failure(what(), "secretsmanager:RestoreSecret", &error))?;
        }
        State::Empty | State::Filled => {}
    }
    let update = client.update_secret().secret_id(name).description(description);
    let update = update.set_kms_key_id(key).secret_string(secret.expose());
    let updated = update.send().await;
    updated.map_err(|error| failure(what(), "secretsmanager:UpdateSecret", &error))?;
    Ok(())
}

/// Removes a secret, if it is there. Answers whether it was.
pub(super) async fn remove(sdk: &SdkConfig, name: &str) -> Result<bool, Failure> {
    let client = Client::new(sdk);
    if matches!(state(&client, name).await?, State::Free | State::Leaving) {
        return Ok(false);
    }
    let delete = client.delete_secret().secret_id(name).recovery_window_in_days(RECOVERY_DAYS);
    let deleted = delete.send().await;
    let what = format!("the secret {name} cannot be removed");
    deleted.map_err(|error| failure(what, "secretsmanager:DeleteSecret", &error))?;
    Ok(true)
}
