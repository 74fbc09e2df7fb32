//! How the parts order their memory: who pairs with whom, and what would break without it.
//!
//! Where a file's atomics make a protocol it has an `# Orderings` section, or the module above it has; single words are
//! explained where they are used. This is the map. A model in `tests/loom` runs the product's own code under
//! [loom](https://docs.rs/loom) for each protocol, and `cargo xtask loom --mutants` weakens the orderings one by one and
//! requires that a model fails.
//!
//! | protocol | to ensure | writer's side | reader's side | model |
//! |---|---|---|---|---|
//! | slot | a reader sees a record whole | exchange in: Release | take: Acquire | `slot_reader` |
//! | slot | who evicts a record sees the clones made of it, so that memory in a reader's hands is not recycled | reader: clone, then restore with Release | writer: exchange with Acquire | `slot_recycling`, `recycle_bus` |
//! | slot | a late writer does not push out a newer record | newer writer: ticket, then exchange with Release | late writer: word with Acquire, then head, then exchange against that word | `slot_late_write`, `slot_two_laps` |
//! | table | a publish that happens after `subscribe` or `unsubscribe` sees the change | replacing: Release | looking again: Acquire | `table_dispatch` |
//! | table | what is read is not freed (Dekker) | replaced, `fence(SeqCst)`, announcements | announced, full fence, the pointer again | `table_reading` |
//! | table | all reads happen before what was read is freed | announcements: Acquire | taking one back, or replacing it: Release | `table_reading` |
//! | removal | a handler removed during a dispatch is not called in its turn | `state`: read-modify-write | `state` after the mark | `table_removal` |
//! | close | either the caller sees the removal, or the closer sees the mark (Dekker) | mark by exchange, full fence, state | state, `fence(SeqCst)`, marks | `close_call` |
//! | close | what the last call did happens before the closure's drop | the mark is passed on: Release | the closer's look at the mark: Acquire | `close_call` |
//! | wake-up | the closer does not sleep for ever | mark passed on, fence, list of waiters (Dekker) | on the list, `fence(SeqCst)`, marks | `close_wake`, `waiters` |
//! | drop once | a second closer returns only when the closure has been dropped | `GONE`: Release, then the list is taken | on the list first, then `GONE`: Acquire | `close_close` |
//! | rows | who takes over an ended thread's row finds its marks cleared and its count, and a closer neither misses a call nor waits for a stranger | giving back: Release | claiming: Acquire | `rows_recycling`, `thread_exit` |
//! | first use | an interned kind is seen whole, and all agree on its id | once cell: Release | once cell: Acquire | `interner`, `callsite_first_use` |
//! | replay | an event is in the history that a new subscription reads, or its publisher finds the subscription in the table (Dekker) | slot by exchange, full fence, table | table, `fence(SeqCst)`, slots | `seam`, `replay` |
//! | replay | a publisher that finds the way open sees what was told before, and what is settled | opening: Release exchange | the inbox's word: Acquire | `inbox`, `replay_live` |
//! | inbox | what was pushed is taken whole, and in each thread's order | push: Release exchange | take: Acquire exchange | `inbox`, `inbox_overflow` |
//! | limit | exactly so many calls, or events for a queue | a claim is one exchange | – | `limit`, `once` |
//! | limit | a subscription without calls left leaves the table (Dekker) | word of it, `fence(SeqCst)`, the lock is tried | unlock, `fence(SeqCst)`, look for word | `limit`, `once` |
//! | quarantine, muting | a handler called after `resume` or `unmute` sees what came before | one word: AcqRel | the word: Acquire | `quarantine`, `mute` |
//! | gate | a call site that happens after `subscribe` or `enable` is not off | Relaxed, under a lock, before the call returns | Relaxed: coherence suffices | `callsite_enable` |
//! | gate | what a publisher has told it, without waiting, is heeded (Dekker) | word of it, `fence(SeqCst)`, the lock is tried | unlock, `fence(SeqCst)`, look for word | `gate` |
//! | queue | who gets an item sees all that was done to it; who has seen a ticket counted sees those before it filled | push: Release, counting: Release | pop: Acquire, both ends: Acquire | `queue`, `queue_evict`, `queue_laps` |
//! | workers | a worker does not sleep beside work (Dekker) | pushed by exchange, full fence, who sleeps | says that it sleeps, `fence(SeqCst)`, the queue again | `wakers` |
//! | ending a queue | an event handed over while it ends is settled by one of the two (Dekker) | pushed, full fence, the mode | the mode, `fence(SeqCst)`, the queue again | `queued` |
//! | ending a queue | whoever waits for its end sees what the handlers did, and their drop | settling, letting a worker go: Release | waiting: Acquire | `queued` |
//! | waiting | who waits learns that it has come true (Dekker) | changed, `fence(SeqCst)`, who watches | on the list, `fence(SeqCst)`, the change | `queued`, `watch` |
//! | waiting | what somebody has told is told, though another one has the list of watchers (Dekker) | word of it, `fence(SeqCst)`, the lock is tried | unlock, `fence(SeqCst)`, look for word | `watch` |
//! | breaker | exactly so many probes, and each state is left once | one word, one exchange: Release | the word, and an exchange that fails: Acquire | `breaker` |
//! | throttle | no more calls than the bound | one word, one exchange | – | `throttle` |
//! | ring | who sees a ticket drawn finds what its thread has recorded before | drawing: Release | head: Acquire | `ticket`, `cursor`, `replay` |
//! | pile | what is taken is whole | putting on: Release exchange | taking: Acquire exchange | `pile` |
//! | clock | two readings that are measured from belong together | odd while written, Release | Acquire, fence, the number again | `baseline` |
//! | counters | nothing; a reader that has joined the writers sees all | Relaxed | Relaxed | `counters_readers` |
//!
//! # What loom does not see
//! - loom treats `SeqCst` accesses as acquire and release; wherever store-load order matters there is a fence or a
//!   read-modify-write.
//! - Models run the table's own protocol; the feature `arc-swap-table` is not modelled. The whole test-suite also runs on a
//!   lock-based table (feature `reference-table`).
//! - With the feature `membarrier` a caller does not fence by itself; the closer has the kernel do that for all threads.
//!   Models run the form in which both fence.
//! - Reference counts of records are loom's own; that a clone is counted before the record is restored is shown with a
//!   count in the record itself.
