//! Trace ids: which work they are seen in, and how they are written.

mod kit;

use kit::driver::{apply, on_each_driver};
use kit::runtime;
use kit::wait::soon;
use ringmill::blocking::spawn_blocking;
use ringmill::{TraceId, spawn, trace_id};

#[apply(on_each_driver)]
fn a_trace_id_follows_the_work() {
    let runtime = runtime(2);
    let other = runtime.handle().loops()[1].clone();
    let id = TraceId::random();
    let found = runtime.block_on(id.scope(async {
        let job = spawn_blocking(trace_id);
        [
            trace_id(),
            spawn(async { trace_id() }).await.unwrap(),
            soon("a call", other.call(|| async { trace_id() }))
                .await
                .unwrap(),
            soon("a job", job).await.unwrap(),
            id.sync_scope(trace_id),
        ]
    }));
    assert_eq!(found, [Some(id); 5]);
    assert_eq!(trace_id(), None);
}

#[test]
fn a_trace_id_is_written_and_read_as_the_standard_says() {
    const TEXT: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let id: TraceId = TEXT.parse().unwrap();
    assert_eq!(
        (id.to_string(), format!("{id:?}")),
        (TEXT.into(), format!("TraceId({TEXT})"))
    );
    assert_eq!(id.to_bytes()[..3], [0x4b, 0xf9, 0x2f]);
    assert_eq!(TraceId::from_bytes(id.to_bytes()), Some(id));
    let small = TraceId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(small.unwrap().to_string(), format!("{:032}", 1));
    assert_eq!(TraceId::from_bytes([0; 16]), None);
    let zeros = "0".repeat(32);
    let signed = format!("+{}", &TEXT[1..]);
    let long = format!("{TEXT}0");
    for wrong in [
        "",
        &TEXT[1..],
        &long,
        &zeros,
        &signed,
        &TEXT.to_uppercase(),
        &TEXT.replace('4', "é"),
    ] {
        assert!(wrong.parse::<TraceId>().is_err(), "{wrong}");
    }
    let ids: std::collections::HashSet<_> = (0..10_000).map(|_| TraceId::random()).collect();
    assert_eq!(ids.len(), 10_000);
}
