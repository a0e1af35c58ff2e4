//! `fleetfoot dead-letters`: what nobody could handle, and what is to become of it.

mod deployed;
mod envelope;
mod here;
mod letter;
mod list;
mod redrive;
mod show;

use std::sync::Arc;

use async_trait::async_trait;
use fleetfoot_model::Timestamp;

use crate::failure::Failure;
use crate::output::Answer;
use crate::times::Times;

pub(crate) use deployed::Queues;
pub(crate) use here::OnThisMachine;
pub(crate) use letter::{Content, Letter};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List what nobody could handle, oldest first
    #[command(after_long_help = list::EXAMPLES)]
    List(list::Args),
    /// Show one with its event
    #[command(after_long_help = show::EXAMPLES)]
    Show(show::Args),
    /// Put some back where they came from
    #[command(after_long_help = redrive::REDRIVE_EXAMPLES)]
    Redrive(redrive::RedriveArgs),
    /// Forget some for good
    #[command(after_long_help = redrive::DROP_EXAMPLES)]
    Drop(redrive::DropArgs),
}

pub(crate) async fn run(command: Command, times: &Times) -> Result<Answer, Failure> {
    match command {
        Command::List(args) => list::run(args, times).await,
        Command::Show(args) => show::run(args, times).await,
        Command::Redrive(args) => redrive::redrive(args, times).await,
        Command::Drop(args) => redrive::drop_them(args).await,
    }
}

/// Where dead letters are kept.
#[async_trait]
pub(crate) trait DeadLetters: Send + Sync {
    /// All of them, oldest first. Looking takes none away.
    async fn list(&self) -> Result<Vec<Letter>, Failure>;

    /// Puts one back where it came from. It is kept until it was accepted there, so that it may come twice and is never
    /// lost. Answers where it went; none if it was gone already.
    async fn redrive(&self, letter: &Letter, now: Timestamp) -> Result<Option<String>, Failure>;

    /// Forgets one. Answers whether it was there.
    async fn drop_letter(&self, letter: &Letter) -> Result<bool, Failure>;

    /// Lets those that were looked at be seen by others again.
    async fn release(&self) {}
}

/// The letters of these ids, or of all. A unique beginning of an id is enough.
async fn chosen(letters: &Arc<dyn DeadLetters>, ids: &[String]) -> Result<Vec<Letter>, Failure> {
    let all = letters.list().await?;
    if ids.is_empty() {
        return Ok(all);
    }
    ids.iter().map(|id| find(&all, id).cloned()).collect()
}

fn find<'a>(all: &'a [Letter], id: &str) -> Result<&'a Letter, Failure> {
    if let Some(exact) = all.iter().find(|letter| letter.id == id) {
        return Ok(exact);
    }
    let mut found = all.iter().filter(|letter| id.len() >= 4 && letter.id.starts_with(id));
    match (found.next(), found.next()) {
        (Some(letter), None) => Ok(letter),
        (Some(_), Some(_)) => {
            Err(Failure::new(format!("several dead letters begin with {id}")).hint("name more of its id"))
        }
        (None, _) => Err(Failure::new(format!("there is no dead letter {id}"))
            .hint("`fleetfoot dead-letters list` lists them; they are kept for 14 days")),
    }
}
