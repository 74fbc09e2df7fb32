//~ can't use generic parameters from outer item
fn main() {
    trait Job {
        const DONE: &str;
    }
    fn done<J: Job>() {
        ringbus::publish_event!(J::DONE);
    }
}
