//! An executor of the program's own: a few threads that poll what has been woken. And a thread that waits for one future.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use ringbus::{Spawn, Task};

/// Threads that run tasks; they end when this is dropped, and what they have not run is dropped with it.
pub struct Executor {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What hands tasks to an [`Executor`].
pub struct Spawner(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    woken: VecDeque<Arc<Job>>,
    over: bool,
}

/// A task, until it is ready.
struct Job {
    task: Mutex<Option<Task>>,
    woken: AtomicBool,
    shared: Arc<Shared>,
}

thread_local! {
    /// Whether the thread is an executor's.
    static RUNS_TASKS: Cell<bool> = const { Cell::new(false) };
}

impl Executor {
    pub fn new(threads: usize) -> Self {
        let shared = Arc::<Shared>::default();
        let run = |_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.run())
        };
        let threads = (0..threads).map(run).collect();
        Self { shared, threads }
    }

    pub fn spawner(&self) -> Spawner {
        Spawner(Arc::clone(&self.shared))
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.shared.state.lock().over = true;
        self.shared.changed.notify_all();
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
        let left = std::mem::take(&mut self.shared.state.lock().woken);
        left.iter().for_each(|job| drop(job.task.lock().take()));
    }
}

impl Spawn for Spawner {
    fn spawn(&self, task: Task) {
        let job = Job { task: Mutex::new(Some(task)), woken: AtomicBool::new(false), shared: Arc::clone(&self.0) };
        Arc::new(job).wake();
    }

    fn is_current(&self) -> bool {
        RUNS_TASKS.get()
    }
}

impl Shared {
    fn run(&self) {
        RUNS_TASKS.set(true);
        while let Some(job) = self.next() {
            let mut place = job.task.lock();
            // Before the poll: a wake-up that comes meanwhile brings another one.
            job.woken.store(false, Ordering::SeqCst);
            let waker = Waker::from(Arc::clone(&job));
            let polled = place.as_mut().map(|task| pin!(task).poll(&mut Context::from_waker(&waker)));
            if polled == Some(Poll::Ready(())) {
                drop(place.take());
            }
        }
    }

    fn next(&self) -> Option<Arc<Job>> {
        let mut state = self.state.lock();
        loop {
            if state.over {
                return None;
            }
            if let Some(job) = state.woken.pop_front() {
                return Some(job);
            }
            self.changed.wait(&mut state);
        }
    }
}

impl Wake for Job {
    fn wake(self: Arc<Self>) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            let shared = Arc::clone(&self.shared);
            shared.state.lock().woken.push_back(self);
            shared.changed.notify_one();
        }
    }
}

// === one future ===

/// Ends the sleep of a thread that waits for a future.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rung.lock() = true;
        self.changed.notify_one();
    }
}

/// Waits on the calling thread for what a future comes to.
pub fn block_on<R>(future: impl Future<Output = R>) -> R {
    let (bell, mut future) = (Arc::<Bell>::default(), pin!(future));
    let waker = Waker::from(Arc::clone(&bell));
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        let mut rung = bell.rung.lock();
        while !*rung {
            bell.changed.wait(&mut rung);
        }
        *rung = false;
    }
}

/// Lets other tasks have their turn, so often.
pub async fn suspend(mut times: u64) {
    std::future::poll_fn(|cx| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringbus::{Bus, publish_event};

    #[test]
    fn what_is_woken_is_polled_to_its_end() {
        let executor = Executor::new(2);
        let bus = Bus::new();
        let queued = bus.on("job").unwrap().on_executor(executor.spawner()).concurrency(3);
        let guard = queued.subscribe(|_| suspend(2)).unwrap();
        (0..100).for_each(|_| drop(publish_event!(bus: &bus, "job")));
        block_on(guard.close_async()).unwrap();
        assert_eq!(guard.info().delivered, 100);
    }

    #[test]
    fn what_is_left_is_dropped_with_it() {
        let executor = Executor::new(1);
        let bus = Bus::new();
        let guard = bus.on("job").unwrap().on_executor(executor.spawner()).subscribe(|_| suspend(u64::MAX)).unwrap();
        publish_event!(bus: &bus, "job");
        drop(executor);
        guard.close().unwrap();
        assert_eq!(guard.info().queue.unwrap().discarded, 1);
    }
}
