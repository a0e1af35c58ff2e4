//! The recipe of runner images, in the places where it is.

use crate::code::text;
use crate::deployment::properties;

#[test]
fn the_projects_buildspec_is_the_one_in_runner() {
    assert_eq!(properties("ImageProject")["Source"]["BuildSpec"], text("runner/buildspec.yml"));
}

/// What a workflow's author writes is data for Docker: it is quoted, and never in a command's text.
#[test]
fn the_base_image_is_never_part_of_a_command() {
    let buildspec = text("runner/buildspec.yml");
    for (at, _) in buildspec.match_indices("$BASE_IMAGE") {
        assert!(buildspec[..at].ends_with("\"BASE_IMAGE="), "{}", &buildspec[at.saturating_sub(40)..at]);
    }
    assert_eq!(buildspec.matches("BASE_IMAGE=$BASE_IMAGE\"").count(), 1);
    assert!(!text("runner/install.sh").contains("BASE_IMAGE"));
    assert!(!text("runner/buildspec.yml").contains("eval"));
}
