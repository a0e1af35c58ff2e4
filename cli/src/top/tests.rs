//! Frames, and what keys change about them.

use std::fmt::Write as _;

use fleetfoot_model::config::{self, Config};
use fleetfoot_model::ids::JobId;
use fleetfoot_model::record::Record;
use fleetfoot_report::overview::{Overview, job_timeline};
use insta::assert_snapshot;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;

use super::app::{App, Tab, Wish};
use super::draw::{Look, draw};
use super::{interval, no_terminal, pace, text_of};
use crate::testing::{World, now, rows, times};
use crate::text::is_harmful;

const CONFIGURATION: &str = r#"
[github]
organization = "acme"
token = "env:T"
webhook_secrets = ["env:S"]
[classes.small]
cpu = 512
memory = 1024
runners = 2
[limits]
runners = 3
[[pools]]
name = "office"
labels = ["self-hosted", "class:small"]
size = 2
"#;

fn config() -> Config {
    config::load("fleet.toml", CONFIGURATION).unwrap()
}

/// A screen over some rows.
struct Screen {
    world: World,
    app: App,
    size: (u16, u16),
}

impl Screen {
    async fn over(rows: Vec<Record>, size: (u16, u16)) -> Self {
        let world = World::new();
        world.put(rows).await;
        let mut app = App::default();
        app.show(Overview::read(&world.ledger(), &config(), now()).await.unwrap());
        Self { world, app, size }
    }

    fn buffer(&mut self, has_colour: bool) -> ratatui::buffer::Buffer {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).unwrap();
        let look = Look { has_colour };
        terminal.draw(|frame| draw(frame, &mut self.app, look, &times())).unwrap();
        terminal.backend().buffer().clone()
    }

    fn text(&mut self) -> String {
        text_of(&self.buffer(false))
    }

    async fn press(&mut self, code: KeyCode) -> Wish {
        let wish = self.app.on_key(KeyEvent::new(code, KeyModifiers::NONE));
        if let Wish::Open(id) = wish {
            self.app.show_job(id, job_timeline(&self.world.ledger(), id).await.unwrap());
        }
        wish
    }

    async fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            self.press(KeyCode::Char(letter)).await;
        }
    }
}

#[tokio::test]
async fn jobs_at_many_sizes() {
    let mut screens = String::new();
    for size in [(80, 24), (140, 16), (50, 10), (24, 6), (10, 3), (1, 1)] {
        let mut screen = Screen::over(rows::all(), size).await;
        let _ = write!(screens, "{}x{}\n{}", size.0, size.1, screen.text());
    }
    assert_snapshot!(screens);
}

#[tokio::test]
async fn every_tab_has_its_list() {
    let mut screen = Screen::over(rows::all(), (110, 14)).await;
    let mut screens = String::new();
    for _ in Tab::ALL {
        screens.push_str(&screen.text());
        screens.push_str("---\n");
        screen.press(KeyCode::Tab).await;
    }
    assert_eq!(screen.app.tab, Tab::Jobs, "round and round");
    assert_snapshot!(screens);
}

#[tokio::test]
async fn a_jobs_timeline_opens_and_closes() {
    let mut screen = Screen::over(rows::all(), (80, 24)).await;
    screen.press(KeyCode::Char('/')).await;
    screen.type_text("flaky").await;
    screen.press(KeyCode::Enter).await;
    assert_eq!(screen.app.jobs().len(), 1);
    assert_eq!(screen.press(KeyCode::Enter).await, Wish::Open(JobId(104)));
    assert_snapshot!(screen.text());
    screen.press(KeyCode::Down).await;
    screen.press(KeyCode::Char('G')).await;
    for _ in 0..200 {
        screen.press(KeyCode::PageDown).await;
    }
    assert!(screen.text().contains("waits until"), "it does not scroll beyond the end");
    screen.press(KeyCode::Esc).await;
    assert!(screen.app.opened.is_none());
    screen.press(KeyCode::Esc).await;
    assert!(screen.app.filter.is_empty());
}

#[tokio::test]
async fn the_filter_shows_while_it_is_typed() {
    let mut screen = Screen::over(rows::all(), (80, 12)).await;
    screen.press(KeyCode::Char('/')).await;
    screen.type_text("no such jobs").await;
    assert_snapshot!(screen.text());
    screen.press(KeyCode::Backspace).await;
    assert!(screen.text().ends_with("/no such job_\n"), "{}", screen.text());
    screen.press(KeyCode::Esc).await;
    assert_eq!(screen.app.jobs().len(), 10);
}

#[tokio::test]
async fn keys_move_and_never_beyond_the_ends() {
    let mut screen = Screen::over(rows::all(), (80, 24)).await;
    for (code, selected) in [
        (KeyCode::Up, 0),
        (KeyCode::Char('j'), 1),
        (KeyCode::Down, 2),
        (KeyCode::Char('k'), 1),
        (KeyCode::End, 9),
        (KeyCode::Char('j'), 9),
        (KeyCode::PageUp, 0),
        (KeyCode::Char(' '), 9),
        (KeyCode::Char('g'), 0),
    ] {
        assert_eq!(screen.press(code).await, Wish::Nothing);
        assert_eq!(screen.app.table.selected(), Some(selected), "{code:?}");
    }
    screen.press(KeyCode::Char('3')).await;
    assert_eq!(screen.app.tab, Tab::Capacity);
    screen.press(KeyCode::Left).await;
    assert_eq!(screen.app.tab, Tab::Runners);
    assert_eq!(screen.press(KeyCode::Char('r')).await, Wish::Refresh);
    assert_eq!(screen.press(KeyCode::Char('q')).await, Wish::Quit);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(screen.app.on_key(interrupt), Wish::Quit);
    let suspend = KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL);
    assert_eq!(screen.app.on_key(suspend), Wish::Suspend);
}

#[tokio::test]
async fn what_the_head_has_no_room_for_is_left_out_whole() {
    let mut screen = Screen::over(rows::all(), (200, 24)).await;
    let mut head = |width| {
        screen.size.0 = width;
        screen.text().lines().take(3).map(str::to_owned).collect::<Vec<_>>()
    };
    let wide = head(200);
    assert!(wide[0].contains(" busy  ") && wide[0].ends_with(" USD today"), "{wide:?}");
    for width in 1..200 {
        for (line, whole) in head(width).iter().zip(&wide) {
            let rest = whole.strip_prefix(line.as_str());
            let is_whole =
                |rest: &str| line.is_empty() || rest.is_empty() || rest.starts_with([' ', ',', ';']);
            assert!(rest.is_some_and(is_whole), "{width}: {line:?} of {whole:?}");
        }
    }
    let mut screen = Screen::over(rows::hostile(), (80, 24)).await;
    let text = screen.text();
    let head = "ff 09:10:00  1 waiting  | 1 refused today  | 1 done, 0.0000 USD today\n";
    assert!(text.starts_with(head), "no room for zeros: {text}");
}

#[tokio::test]
async fn without_colours_nothing_is_coloured() {
    let mut screen = Screen::over(rows::all(), (100, 24)).await;
    let is_coloured =
        |buffer: ratatui::buffer::Buffer| buffer.content.iter().any(|cell| cell.fg != Color::Reset);
    assert!(is_coloured(screen.buffer(true)));
    assert!(!is_coloured(screen.buffer(false)));
}

#[tokio::test]
async fn hostile_names_are_harmless() {
    let mut screen = Screen::over(rows::hostile(), (100, 20)).await;
    for _ in Tab::ALL {
        let text = screen.text();
        assert_eq!(text.chars().find(|it| is_harmful(*it) && *it != '\n'), None, "{text}");
        screen.press(KeyCode::Tab).await;
    }
    screen.press(KeyCode::Enter).await;
    let text = screen.text();
    assert_eq!(text.chars().find(|it| is_harmful(*it) && *it != '\n'), None, "{text}");
    assert_snapshot!(text);
}

#[tokio::test]
async fn a_fleet_that_cannot_be_read_is_told_of_and_the_rest_stays() {
    let mut screen = Screen::over(rows::all(), (80, 10)).await;
    screen.app.failure = Some("the fleet cannot be read: \u{1b}[2Jgone".to_owned());
    let text = screen.text();
    assert!(text.contains("the fleet cannot be read: \\u{1b}[2Jgone"), "{text}");
    assert!(text.contains("acme/app"), "{text}");
}

#[tokio::test]
async fn one_frame_is_for_scripts() {
    let world = World::seeded().await;
    world.write("fleet.toml", CONFIGURATION);
    assert!(no_terminal().hint.unwrap().contains("fleetfoot top --once"));
    let said = world.run("top --once").await;
    assert!(said.succeeded);
    assert_snapshot!(said.screen());
}

#[test]
fn reading_is_bounded() {
    use std::time::Duration;
    assert_eq!(interval("2s"), Ok(Duration::from_secs(2)));
    assert_eq!(interval("1m"), Ok(Duration::from_mins(1)));
    for text in ["0s", "500ms", "2h", "-2s", "x", "", "2"] {
        assert!(interval(text).is_err(), "{text}");
    }
    assert_eq!(pace(None, false), Ok(Duration::from_secs(2)));
    assert_eq!(pace(None, true), Ok(Duration::from_secs(10)));
    assert!(pace(interval("2s").ok(), true).unwrap_err().hint.unwrap().contains("--interval 5s"));
}
