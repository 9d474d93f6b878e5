//! Memory in use, counted in a process of its own: other tests would allocate and free meanwhile.

#![cfg(target_env = "gnu")]

use std::hint::black_box;

use versus::micro::heap::{each_since, in_use};

#[test]
fn boxes_and_mappings_are_counted() {
    let before = in_use().unwrap();
    let boxes: Vec<Box<[u8; 1024]>> = (0..10_000).map(|_| Box::new([1; 1024])).collect();
    let boxes = black_box(boxes);
    let each = each_since(before, boxes.len()).unwrap();
    assert!((1000.0..1100.0).contains(&each), "{each}");
    let before = in_use().unwrap();
    let mapping = black_box(vec![1_u8; 64 << 20]);
    let each = each_since(before, mapping.len()).unwrap();
    assert!((0.9..1.1).contains(&each), "{each}");
}
