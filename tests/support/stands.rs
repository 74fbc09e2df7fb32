//! Threads that stand still, or do something else, at a step of the bus's own work (feature `inject`).
#![allow(dead_code, reason = "not every test counts steps")]

use std::cell::RefCell;
use std::sync::Once;
use std::sync::mpsc::{Sender, channel};
use std::thread::Scope;

/// One of the steps of a thread.
#[derive(Clone, Copy)]
pub enum Step {
    /// The first one of this name.
    Named(&'static str),
    /// After so many others.
    After(usize),
}

/// What a thread does at one of its steps.
struct At {
    step: Step,
    act: Box<dyn FnOnce()>,
}

thread_local! {
    static AT: RefCell<Option<At>> = const { RefCell::new(None) };
}

fn pass(step: &str) {
    let is_there = |at: &mut At| match &mut at.step {
        Step::Named(name) => *name == step,
        Step::After(0) => true,
        Step::After(others) => {
            *others -= 1;
            false
        }
    };
    let at = AT.try_with(|at| at.borrow_mut().take_if(is_there));
    if let Ok(Some(at)) = at {
        (at.act)();
    }
}

/// Before the first step: the process has one hook.
pub fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| assert!(ringbus::__inject::set_step_hook(Box::new(pass))));
}

/// Has the calling thread do that when it comes to the step.
pub fn at(step: Step, act: impl FnOnce() + 'static) {
    install();
    AT.set(Some(At { step, act: Box::new(act) }));
}

/// Does `work` on a thread that stands at the step, until what comes back is dropped; `None` where it never came there.
pub fn stands_at<'scope>(
    scope: &'scope Scope<'scope, '_>,
    step: Step,
    work: impl FnOnce() + Send + 'scope,
) -> Option<Sender<()>> {
    let ((tell, told), (resume, may_resume)) = (channel(), channel());
    scope.spawn(move || {
        at(step, move || {
            tell.send(()).unwrap();
            let _ = may_resume.recv();
        });
        work();
    });
    // Otherwise it has ended.
    told.recv().ok().map(|()| resume)
}
