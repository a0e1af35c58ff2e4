//! Notices: the first of a kind are posted each by itself, and what is said of the rest together.
//!
//! A notice's row is written before Slack is asked. Whoever dies after that leaves it there, and the next minute finds it.

use std::collections::BTreeMap;

use fleetfoot_model::function::FunctionError;
use fleetfoot_model::ids::NoticeKey;
use fleetfoot_model::ledger::{self, LedgerError, Stored};
use fleetfoot_model::notice::{NoticeWindow, PendingNotice, Post, Rest};
use fleetfoot_model::record::Key;
use fleetfoot_model::{SignedDuration, Timestamp};

use crate::Teller;
use crate::message::{Said, render};
use crate::more;
use crate::show::{deliver, rest_after, verdict};

/// Whoever took a notice may still be posting it.
const GRACE: SignedDuration = SignedDuration::from_secs(60);
/// Whoever finds so many others at the same row comes again later.
const TRIES: u32 = 60;
/// One transaction writes this many notices and their window.
const MOST_AT_ONCE: usize = 90;

impl Teller<'_> {
    /// Takes a notice, or another message that is no alarm.
    pub(crate) async fn take(&self, said: &Said, message: &str, now: Timestamp) -> Result<(), FunctionError> {
        let key = NoticeKey::of(&self.id_of(said, message, now));
        let row = match ledger::notice(self.ledger, &key).await? {
            Some(row) => row,
            None => self.write_down(key, said, message, now).await?,
        };
        if row.value.told_at.is_some() {
            return Ok(());
        }
        self.tell(row, said, now).await
    }

    /// A fact has an id. Anything else is the same if it says the same within a window.
    fn id_of(&self, said: &Said, message: &str, now: Timestamp) -> String {
        let id = if let Said::Notice(notice) = said { notice.id.as_deref() } else { None };
        id.map_or_else(
            || format!("{} {message}", now.as_second().div_euclid(self.config.window.as_secs().max(1))),
            str::to_owned,
        )
    }

    async fn write_down(
        &self,
        key: NoticeKey,
        said: &Said,
        message: &str,
        now: Timestamp,
    ) -> Result<Stored<PendingNotice>, FunctionError> {
        let (kind, message) = (said.kind(), message.to_owned());
        let mut row = Stored::new(PendingNotice { key, kind, message, heard_at: now, told_at: None });
        match ledger::put(self.ledger, row.clone()).await {
            // It came twice at once.
            Err(LedgerError::Conflict(key)) => {
                let found = ledger::notice(self.ledger, &row.value.key).await?;
                found.ok_or_else(|| FunctionError::Again(format!("{key} is gone")))
            }
            written => {
                written?;
                row.version += 1;
                Ok(row)
            }
        }
    }

    /// Tells of a notice by itself, if its kind has room for one more message.
    async fn tell(
        &self,
        row: Stored<PendingNotice>,
        said: &Said,
        now: Timestamp,
    ) -> Result<(), FunctionError> {
        if !self.take_room(&row.value.kind, now).await? {
            return Ok(());
        }
        let payload = render(said, &self.beside(said).await);
        match deliver(self.slack, None, &payload).await {
            Ok(place) => {
                let post = Post { payload, place, is_shown: true };
                self.told(row, post, now).await
            }
            Err(error) => {
                let give_back = |window: &mut NoticeWindow| {
                    window.posts = window.posts.saturating_sub(1);
                    window.rest = rest_after(&window.rest, &error, now);
                };
                self.change_window(&row.value.kind, now, give_back, None).await?;
                verdict(error)
            }
        }
    }

    /// Takes a message's place in the window. Of many at once only so many get through, each after the other.
    async fn take_room(&self, kind: &str, now: Timestamp) -> Result<bool, FunctionError> {
        for _ in 0..TRIES {
            let mut row = self.window(kind, now).await?;
            if row.value.rest.is_on(now) || row.value.posts >= self.config.messages {
                return Ok(false);
            }
            row.value.posts += 1;
            match ledger::put(self.ledger, row).await {
                Err(LedgerError::Conflict(_)) => {}
                written => return Ok(written.map(|()| true)?),
            }
        }
        Err(FunctionError::Again(format!("too many notices of the kind {kind} at once")))
    }

    async fn told(
        &self,
        mut row: Stored<PendingNotice>,
        post: Post,
        now: Timestamp,
    ) -> Result<(), FunctionError> {
        row.value.told_at = Some(now);
        let kind = row.value.kind.clone();
        let is_last = |window: &mut NoticeWindow| {
            window.rest = Rest::default();
            // What the last message is to say of others must not be lost.
            if !window.is_open() && window.more == 0 {
                window.last = Some(post.clone());
            }
        };
        self.change_window(&kind, now, is_last, Some(row)).await
    }

    /// Changes a window as it is now, and writes a notice with it.
    async fn change_window(
        &self,
        kind: &str,
        now: Timestamp,
        change_it: impl Fn(&mut NoticeWindow),
        with: Option<Stored<PendingNotice>>,
    ) -> Result<(), FunctionError> {
        for _ in 0..TRIES {
            let mut window = self.window(kind, now).await?;
            change_it(&mut window.value);
            window.value.changed_at = now;
            let mut changes = vec![ledger::change(window)];
            changes.extend(with.clone().map(ledger::change));
            match self.ledger.commit(changes).await {
                Err(LedgerError::Conflict(_)) => {}
                written => return Ok(written?),
            }
            if let Some(row) = &with
                && ledger::notice(self.ledger, &row.value.key)
                    .await?
                    .is_some_and(|it| it.value.told_at.is_some())
            {
                return Ok(());
            }
        }
        Err(FunctionError::Again(format!("too many notices of the kind {kind} at once")))
    }

    /// The window of a kind: the one that goes on, or the next one if all was said of that.
    async fn window(&self, kind: &str, now: Timestamp) -> Result<Stored<NoticeWindow>, FunctionError> {
        let key = NoticeKey::of(kind);
        let fresh = |rest: Rest| NoticeWindow {
            key: key.clone(),
            kind: kind.to_owned(),
            began_at: now,
            posts: 0,
            last: None,
            more: 0,
            rest,
            changed_at: now,
        };
        Ok(match ledger::notice_window(self.ledger, &key).await? {
            None => Stored::new(fresh(Rest::default())),
            Some(Stored { value, version }) if self.is_over(&value, now) && !value.is_open() => {
                Stored { value: fresh(value.rest), version }
            }
            Some(row) => row,
        })
    }

    fn is_over(&self, window: &NoticeWindow, now: Timestamp) -> bool {
        now.duration_since(window.began_at) >= self.config.window
    }

    /// Tells of what was held back, kind by kind.
    pub(crate) async fn tell_held(
        &self,
        held: Vec<Stored<PendingNotice>>,
        now: Timestamp,
    ) -> Result<(), FunctionError> {
        let mut kinds: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for row in held.into_iter().filter(|row| now.duration_since(row.value.heard_at) >= GRACE) {
            kinds.entry(row.value.kind.clone()).or_default().push(row);
        }
        let mut answer = Ok(());
        for (kind, held) in kinds {
            answer = answer.and(self.tell_kind(&kind, held, now).await);
        }
        answer
    }

    async fn tell_kind(
        &self,
        kind: &str,
        held: Vec<Stored<PendingNotice>>,
        now: Timestamp,
    ) -> Result<(), FunctionError> {
        let window = self.window(kind, now).await?;
        let room = self.config.messages.saturating_sub(window.value.posts);
        let can_add =
            self.slack.can_change() && window.value.last.as_ref().is_some_and(|it| it.place.is_some());
        if window.value.rest.is_on(now) || window.value.is_open() {
            return Ok(());
        }
        if held.len() <= usize::try_from(room).unwrap_or(usize::MAX) {
            for row in held {
                let said = Said::read(&row.value.message);
                self.tell(row, &said, now).await?;
            }
            return Ok(());
        }
        // Where nothing can be added to a message, the window's end brings one for all.
        if !can_add && window.value.posts > 0 {
            return Ok(());
        }
        self.tell_together(window, &held, now).await
    }

    /// Adds to the last message how many more there are, or says it in a message of its own.
    async fn tell_together(
        &self,
        mut window: Stored<NoticeWindow>,
        held: &[Stored<PendingNotice>],
        now: Timestamp,
    ) -> Result<(), FunctionError> {
        let is_new = window.value.last.is_none();
        window.value.posts += u32::from(is_new);
        let (mut count, since) = (0, held.first().map_or(now, |row| row.value.heard_at));
        for some in held.chunks(MOST_AT_ONCE) {
            let titles: Vec<String> =
                some.iter().map(|row| Said::read(&row.value.message).title().to_owned()).collect();
            count += some.len() as u64;
            let NoticeWindow { kind, began_at, last, more, .. } = &mut window.value;
            *last = Some(match last {
                Some(last) if !is_new => {
                    *more += some.len() as u64;
                    last.with(more::add(&last.payload, *more, *began_at, &titles))
                }
                _ => Post::new(more::summary(kind, count, since, &titles, &self.beside_all())),
            });
            window.value.changed_at = now;
            let told = some.iter().cloned().map(|mut row| {
                row.value.told_at = Some(now);
                ledger::change(row)
            });
            let changes = std::iter::once(ledger::change(window.clone())).chain(told).collect();
            // Somebody else tells of them if a row has changed; the next minute sees what is left.
            match self.ledger.commit(changes).await {
                Err(LedgerError::Conflict(_)) => break,
                written => written?,
            }
            window.version += 1;
        }
        self.show(&Key::NoticeWindow(window.value.key.clone()), now).await
    }
}
