//! Kernels for the metering's tests, as rustc compiles them. They keep no ABI, and no run ever sees them.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

trait Shape {
    fn area(&self) -> u64;
}
struct Square(u64);
struct Oblong(u64, u64);
impl Shape for Square {
    fn area(&self) -> u64 {
        self.0.wrapping_mul(self.0)
    }
}
impl Shape for Oblong {
    fn area(&self) -> u64 {
        self.0.wrapping_mul(self.1) / 3
    }
}

#[no_mangle]
pub extern "C" fn shapes(n: u32) -> u64 {
    let (a, b) = (Square(7), Oblong(5, 11));
    let all: [&dyn Shape; 4] = [&a, &b, &b, &a];
    let mut sum = 0u64;
    for i in 0..n.wrapping_mul(10_000) {
        let shape = unsafe { core::ptr::read_volatile(&all[(i & 3) as usize]) };
        sum = sum.wrapping_mul(31).wrapping_add(shape.area());
    }
    sum
}

#[no_mangle]
pub extern "C" fn checked(n: u32) -> u64 {
    let mut table = [0u32; 1024];
    for i in 0..table.len() {
        table[i] = (i as u32).wrapping_mul(2654435761);
    }
    let mut at = 0usize;
    for _ in 0..n.wrapping_mul(100_000) {
        at = (table[at] as usize >> 7) & 1023;
        table[at] = table[at].rotate_left(3).wrapping_add(at as u32);
    }
    table.iter().fold(at as u64, |h, v| h.wrapping_mul(31).wrapping_add(*v as u64))
}

#[no_mangle]
pub extern "C" fn digits(n: u32) -> u64 {
    let mut h = 14695981039346656037u64;
    for i in 0..n.wrapping_mul(10_000) {
        let mut v = i;
        loop {
            h = (h ^ (v % 10) as u64).wrapping_mul(1099511628211);
            v /= 10;
            if v == 0 {
                break;
            }
        }
    }
    h
}

#[no_mangle]
pub extern "C" fn sorted(n: u32) -> u64 {
    let mut values = [0u32; 4096];
    let mut h = 0u64;
    for round in 0..n {
        let mut x = round.wrapping_add(1);
        for v in values.iter_mut() {
            x = x.wrapping_mul(1664525).wrapping_add(1013904223);
            *v = x;
        }
        values.sort_unstable();
        h = values.iter().step_by(97).fold(h, |h, v| h.wrapping_mul(31).wrapping_add(*v as u64));
    }
    h
}

#[no_mangle]
pub extern "C" fn parsed(n: u32) -> u64 {
    let text = unsafe { core::ptr::read_volatile(&"17 4 2024 -9 0 65536 x 12 7") };
    let mut sum = 0i64;
    for _ in 0..n.wrapping_mul(1000) {
        for word in text.split(' ') {
            sum = sum.wrapping_add(word.parse::<i64>().unwrap_or(1));
        }
    }
    sum as u64
}
