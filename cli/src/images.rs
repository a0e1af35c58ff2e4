//! `fleetfoot images`

use fleetfoot_report::overview::{self, ImageLine, ImagePhase};
use serde_json::json;

use crate::arguments::Format;
use crate::failure::{Failure, OrFail};
use crate::output::{self, Answer, BAD, GOOD, WAITING};
use crate::place::Location;
use crate::table::{Cell, table};
use crate::text::{cut, or_dash, safe};
use crate::times::Times;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the images that jobs asked for: how far each is, who waits for it, why one cannot be had
    #[command(after_long_help = EXAMPLES)]
    List(Args),
}

const EXAMPLES: &str = r#"Examples:
  fleetfoot images list
  fleetfoot images list --stack ff --json | jq '.images[] | select(.phase == "failed").reason'

What `image:` labels name, or [images] default, a line for each kind of processor; what needs
attention comes first. docs/images.md tells when an image is made, and made anew.

JSON:
  { "images": [ { "key": of its base, "image", "arch",
      "phase": failed | building | resolving | ready, "reason": why it cannot be had,
      "isServed": whether runners start from one meanwhile, "servedSince": when that was made,
      "isOld": whether it is due to be made anew, "waiting": how many jobs wait for it,
      "changedAt" } ] }
  Times are RFC 3339 in UTC; what is not known is null."#;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Location,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn list(args: Args, times: &Times) -> Result<Answer, Failure> {
    let place = args.place.open().await?;
    let ledger = place.ledger()?;
    let rebuild_after = place.config().await?.images.rebuild_after;
    let images = overview::images(&*ledger, rebuild_after, times.now).await;
    let images = images.or_fail("the fleet's images cannot be read")?;
    if args.format.json {
        return Ok(Answer::data(output::json(&json!({ "images": images }))?));
    }
    let heading = ["IMAGE", "ARCH", "STATE", "FOR", "MADE", "WAITING", "WHY"];
    let answer = Answer::data(table(heading, images.iter().map(|image| row(image, times))));
    Ok(if images.is_empty() { answer.note("no job has asked for an image yet") } else { answer })
}

fn row(image: &ImageLine, times: &Times) -> [Cell; 7] {
    let style = match image.phase {
        ImagePhase::Failed => BAD,
        ImagePhase::Building | ImagePhase::Resolving => WAITING,
        ImagePhase::Ready => GOOD,
    };
    let made = image.served_since.map(|since| format!("{} ago", times.age(since)));
    [
        cut(&image.image, 60).into(),
        image.arch.to_string().into(),
        Cell::painted(image.phase.name(), style),
        times.age(image.changed_at).into(),
        or_dash(made).into(),
        image.waiting.to_string().into(),
        safe(&why(image)).into(),
    ]
}

fn why(image: &ImageLine) -> String {
    let is_replaced = image.is_served && image.phase != ImagePhase::Ready;
    let parts = [
        image.reason.as_deref(),
        is_replaced.then_some("runners start from the one before meanwhile"),
        image.is_old.then_some("due to be made anew"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use fleetfoot_model::base::{Base, BaseState};
    use fleetfoot_model::ids::BaseKey;
    use fleetfoot_model::job::Waiting;
    use fleetfoot_model::spec::Arch;
    use insta::assert_snapshot;

    use crate::testing::rows::{at, job};
    use crate::testing::{World, assert_documented};

    fn base(image: &str, state: BaseState) -> Base {
        Base { state, ..Base::new(image.parse().unwrap(), Arch::X64, at(0)) }
    }

    #[tokio::test]
    async fn images_are_told_with_who_waits_and_why_one_cannot_be_had() {
        let world = World::configured();
        world.ledger();
        let making = base("ubuntu:22.04", BaseState::Making);
        let key: BaseKey = making.key.clone();
        let mut waiting = job(301, "in ubuntu", at(1));
        waiting.wait(Waiting::Image { key }, at(2));
        let reason = "its registry knows no such tag".to_owned();
        let refused = base("debian:13-x", BaseState::Refused { reason, until: at(900) });
        world.put(vec![making.into(), refused.into(), waiting.into()]).await;
        assert_snapshot!(world.run("images list").await.screen(), @r"
        IMAGE         ARCH  STATE     FOR     MADE  WAITING  WHY
        debian:13-x   x64   failed    10m 0s  -     0        its registry knows no such tag
        ubuntu:22.04  x64   building  10m 0s  -     1
        ");
        let json = world.run("images list --json").await.json();
        assert_eq!(
            (&json["images"][1]["phase"], &json["images"][1]["waiting"]),
            (&"building".into(), &1.into())
        );
        assert_documented(&json, &["images list"]);
    }

    #[tokio::test]
    async fn a_fleet_without_images_says_so() {
        let world = World::configured();
        world.ledger();
        let said = world.run("images list").await;
        assert_eq!((said.data.as_str(), said.rest.as_str()), ("", "no job has asked for an image yet\n"));
    }
}
