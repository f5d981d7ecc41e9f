//! How fast are the small pieces? `cargo bench --bench pieces`.

use std::hint::black_box;
use std::task::{Context, Waker};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use racesim::checker::Property;
use racesim::checker::judge;
use racesim::client::Ttl;
use racesim::explore::{Search, search};
use racesim::history::{
    self, Attempt, Event, Header, History, Outcome, PlanRecord, Reply, Rows, Step,
};
use racesim::plan::Plan;
use racesim::seat::{Booking, SeatId, UserId};
use racesim::services::queue::RequestQueue;
use racesim::stats::Stats;
use racesim::strategy::Locked;

const USERS: u32 = 10_000;

/// A race of naive in which everybody had a seat of its own.
fn naive_race() -> History {
    let mut history = History {
        header: Header {
            version: Header::VERSION,
            plan: PlanRecord::Plan(Box::new(Plan::new(USERS.try_into().expect("not zero")))),
            ..Header::default()
        },
        events: Rows::default(),
        attempts: Rows::default(),
        faults: Vec::new(),
        bookings: Vec::new(),
        footer: history::Footer::default(),
        damage: None,
    };
    for (number, at) in (1..=USERS).zip(0u64..) {
        let seat = SeatId::new(number).expect("users count from 1");
        let user = UserId(number);
        let steps = [
            (Step::Check, Reply::Available),
            (Step::Pay, Reply::Paid),
            (Step::Insert, Reply::Inserted),
        ];
        for (step, reply) in steps {
            history.events.push(Event {
                user,
                seat,
                step,
                node: 0,
                reply,
                invoked_ns: at,
                completed_ns: at + 1000,
            });
        }
        history.attempts.push(Attempt {
            user,
            seat,
            outcome: Outcome::Confirmed,
            started_ns: at,
            ended_ns: at + 3000,
        });
        history.bookings.push(Booking { seat, user });
    }
    history
}

/// Everybody hands a request in, the service answers all, everybody takes the reply.
fn exchange_round() {
    let queue: RequestQueue<u32> = RequestQueue::default();
    let ids: Vec<_> = (0..USERS).map(|user| queue.submit(user)).collect();
    let mut batch = Vec::new();
    queue.take_blocking(&mut batch);
    queue.deliver(batch.drain(..).map(|(id, _)| (id, Reply::Available.into())));
    let mut context = Context::from_waker(Waker::noop());
    for id in ids {
        let reply = queue.poll(id, &mut context);
        assert!(black_box(reply).is_ready());
    }
}

fn pieces(criterion: &mut Criterion) {
    let history = naive_race();
    let mut group = criterion.benchmark_group("10,000 users");
    group.throughput(Throughput::Elements(u64::from(USERS)));
    group.bench_function("queue: hand in, answer, take", |bench| {
        bench.iter(exchange_round);
    });
    group.bench_function("history: keep the steps", |bench| {
        let events: Vec<Event> = history.events.iter().collect();
        bench.iter_batched(
            || events.clone(),
            |events| black_box(Rows::from(events)),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("history: write as JSON lines", |bench| {
        bench.iter(|| {
            let mut file = Vec::new();
            history::write(&history, &mut file).expect("memory takes everything");
            black_box(file.len())
        });
    });
    group.bench_function("checker: judge", |bench| {
        bench.iter(|| black_box(judge(&history)));
    });
    group.bench_function("stats: count and time", |bench| {
        bench.iter(|| black_box(Stats::of(&history)));
    });
    group.finish();
}

fn every_interleaving(criterion: &mut Criterion) {
    let locked = Locked::new(Ttl::default());
    let three = Search {
        users: 3,
        ..Search::default()
    };
    criterion.bench_function("explore: locked, 3 users, no-double-booking", |bench| {
        bench.iter(|| black_box(search(&locked, Property::NoDoubleBooking, &three)));
    });
}

criterion_group!(benches, pieces, every_interleaving);
criterion_main!(benches);
