//! Where the stories play: set up once, when the first of them begins, and cleared when the last has ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use libtest_mimic::Failed;
use tokio::runtime::Runtime;

use super::System;

/// Where the stories play.
pub(crate) struct Stage {
    runtime: Runtime,
    system: Mutex<Scene>,
}

enum Scene {
    Empty,
    Set(Box<System>),
    /// It could not be set up; the first story has told why.
    Broken,
}

impl Default for Stage {
    fn default() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        Self { runtime: runtime.expect("there is a runtime"), system: Mutex::new(Scene::Empty) }
    }
}

impl Stage {
    /// Plays a story.
    pub(crate) fn play(&self, story: &impl AsyncFn(&System)) -> Result<(), Failed> {
        let mut scene = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*scene, Scene::Empty) {
            *scene = Scene::Broken;
            *scene = Scene::Set(Box::new(self.runtime.block_on(System::start())));
        }
        let Scene::Set(system) = &*scene else { return Err("the stage could not be set up".into()) };
        self.runtime.block_on(story(system));
        Ok(())
    }

    /// Ends every process that was started.
    pub(crate) fn clear(&self) {
        let mut scene = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = std::mem::replace(&mut *scene, Scene::Broken);
        // What is left must end even if one of its parts cannot.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(ended)));
    }
}
