fn main() {
    trait Job {
        const DONE: &str;
    }
    fn done<J: Job>() {
        ringbus::publish_event!(kind: J::DONE);
    }
}
