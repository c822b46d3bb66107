//! Darkroom's module ABI, version 1, for guests of form aggregate in Rust. It needs `core` alone; copy it beside your own source and say
//! `mod darkroom;`. An aggregate is a type that is registered once:
//!
//! ```ignore
//! #![no_std]
//! mod darkroom;
//!
//! struct Retired { as_of: i64, born: usize, retired: usize }
//!
//! impl darkroom::Aggregate for Retired {
//!     fn new(run: &darkroom::Run) -> Option<Self> {
//!         Some(Retired { as_of: run.int64("as_of")?, born: run.column("birth_year")?, retired: run.key("retired")? })
//!     }
//!     fn batch(&mut self, rows: &darkroom::Batch) -> Option<()> {
//!         let (born, retired) = (rows.int64(self.born)?, rows.key(self.retired)?);
//!         for i in rows.valid(self.born)? { retired[i].set((self.as_of - born[i] >= 65) as i32) }
//!         Some(())
//!     }
//! }
//!
//! darkroom::register!(Retired);
//! ```
//!
//! Build it with
//!
//! ```sh
//! rustc --target wasm32-unknown-unknown --edition 2021 -O -C panic=abort -C strip=symbols --crate-type cdylib -o retired.wasm retired.rs
//! ```
//!
//! and join it with its manifest: darkroom module build --code retired.wasm
//!
//! Keys are -1 at first, which drops the row; empty values are 0 and not valid. The instance is fresh for every batch.

#![allow(dead_code)] // a module uses what it needs

use core::{arch::wasm32, cell::Cell, slice, str};

/// A module of form aggregate: it says which group each row belongs to.
pub trait Aggregate: Sized {
    /// Reads the run's parameters and looks positions up; None ends the run.
    fn new(run: &Run) -> Option<Self>;
    /// Fills the keys of one batch; None ends the run.
    fn batch(&mut self, rows: &Batch) -> Option<()>;
}

/// What darkroom_init is given: the parameters, and the names of columns and keys. The host writes no spaces.
pub struct Run<'a>(&'a [u8]);

impl<'a> Run<'a> {
    /// The value of a parameter of type int64.
    pub fn int64(&self, name: &str) -> Option<i64> {
        let value = self.find(name)?;
        let end = value.iter().position(|c| !matches!(c, b'-' | b'0'..=b'9'))?;
        str::from_utf8(&value[..end]).ok()?.parse().ok()
    }

    /// The value of a parameter of type enum, which must be plain: no quotes, no backslashes.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        quoted(self.find(name)?).map(|(text, _)| text)
    }

    /// The position of a column that is shown to the module.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.position("columns", name)
    }

    /// The position of a key that the module computes.
    pub fn key(&self, name: &str) -> Option<usize> {
        self.position("keys", name)
    }

    fn position(&self, list: &str, name: &str) -> Option<usize> {
        let mut rest = self.find(list)?.strip_prefix(b"[")?;
        for at in 0.. {
            let (text, after) = quoted(rest)?;
            if text == name {
                return Some(at);
            }
            rest = after.strip_prefix(b",")?;
        }
        None
    }

    /// What follows "name": in the document.
    fn find(&self, name: &str) -> Option<&'a [u8]> {
        (0..self.0.len()).find_map(|at| {
            let rest = self.0[at..].strip_prefix(b"\"")?.strip_prefix(name.as_bytes())?;
            rest.strip_prefix(b"\":")
        })
    }
}

/// A text at the beginning, and what follows it.
fn quoted(json: &[u8]) -> Option<(&str, &[u8])> {
    let text = json.strip_prefix(b"\"")?;
    let end = text.iter().position(|&c| c == b'"')?;
    Some((str::from_utf8(&text[..end]).ok()?, &text[end + 1..]))
}

/// The rows of one batch, as the host has laid them out.
pub struct Batch(*const u32);

const HEAD: usize = 4; // words of the header: version, rows, columns, keys
const COLUMN: usize = 4; // type, validity, data, bytes
const KEY: usize = 2; // codes, bytes

impl Batch {
    /// The number of rows, the same for every batch, padding included.
    pub fn rows(&self) -> usize {
        self.word(1) as usize
    }

    /// A column of type int or decimal.
    pub fn int64(&self, column: usize) -> Option<&[i64]> {
        let at = self.column(column, 2)?;
        // SAFETY: the host wrote the address of so many values, aligned to 64 bytes, in the window that this module gave it.
        Some(unsafe { slice::from_raw_parts(self.word(at + 2) as *const i64, self.rows()) })
    }

    /// A column of type code (positions in the catalogue's list) or date (days since 1970-01-01).
    pub fn int32(&self, column: usize) -> Option<&[i32]> {
        let at = self.column(column, 1)?;
        // SAFETY: as for int64.
        Some(unsafe { slice::from_raw_parts(self.word(at + 2) as *const i32, self.rows()) })
    }

    /// The rows in which the column holds a value, in order.
    pub fn valid(&self, column: usize) -> Option<impl Iterator<Item = usize> + '_> {
        let at = self.column(column, 0)?;
        let rows = self.rows();
        // SAFETY: the bitmap has a bit for each row, least significant first.
        let bits = unsafe { slice::from_raw_parts(self.word(at + 1) as *const u8, (rows + 7) / 8) };
        Some((0..rows).filter(move |i| bits[i >> 3] >> (i & 7) & 1 != 0))
    }

    /// The codes of a key, one for each row.
    pub fn key(&self, key: usize) -> Option<&[Cell<i32>]> {
        if key >= self.word(3) as usize {
            return None;
        }
        let at = HEAD + COLUMN * self.word(2) as usize + KEY * key;
        // SAFETY: as for int64; nobody else holds on to the codes while the batch is seen.
        Some(unsafe { slice::from_raw_parts(self.word(at) as *const Cell<i32>, self.rows()) })
    }

    /// Where a column is described; its type must be the wanted one, unless that is 0.
    fn column(&self, column: usize, kind: u32) -> Option<usize> {
        let at = HEAD + COLUMN * column;
        (column < self.word(2) as usize && (kind == 0 || self.word(at) == kind)).then_some(at)
    }

    fn word(&self, at: usize) -> u32 {
        // SAFETY: every caller stays within what the header says is there.
        unsafe { *self.0.add(at) }
    }
}

/// Exports a module's functions for the type that implements [Aggregate].
#[macro_export]
macro_rules! register {
    ($module:ty) => {
        static mut MODULE: Option<$module> = None;

        #[no_mangle]
        extern "C" fn darkroom_init(json: *const u8, length: usize) -> i32 {
            // SAFETY: there is one thread, and the host calls one function at a time.
            unsafe {
                MODULE = $crate::darkroom::start(json, length);
                MODULE.is_none() as i32
            }
        }

        #[no_mangle]
        extern "C" fn darkroom_batch(descriptor: *const u32) -> i32 {
            // SAFETY: likewise.
            unsafe { $crate::darkroom::show((*core::ptr::addr_of_mut!(MODULE)).as_mut(), descriptor) }
        }

        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo) -> ! {
            core::arch::wasm32::unreachable()
        }
    };
}
#[allow(unused_imports)]
pub use register;

/// What the macro calls.
///
/// # Safety
/// json is the address of length bytes.
pub unsafe fn start<M: Aggregate>(json: *const u8, length: usize) -> Option<M> {
    M::new(&Run(slice::from_raw_parts(json, length)))
}

/// What the macro calls.
///
/// # Safety
/// descriptor is what the host wrote.
pub unsafe fn show<M: Aggregate>(module: Option<&mut M>, descriptor: *const u32) -> i32 {
    module.and_then(|m| m.batch(&Batch(descriptor))).is_none() as i32
}

extern "C" {
    static __heap_base: u8;
}

static mut TOP: usize = 0;

/// Hands memory out upward from the end of the program's own.
fn reserve(bytes: usize) -> usize {
    // SAFETY: there is one thread.
    unsafe {
        let from = if TOP == 0 { core::ptr::addr_of!(__heap_base) as usize } else { TOP };
        let start = (from + 63) & !63;
        let end = start.checked_add(bytes).unwrap_or_else(|| wasm32::unreachable());
        let (pages, have) = ((end + 65535) >> 16, wasm32::memory_size(0));
        if pages > have && wasm32::memory_grow(0, pages - have) == usize::MAX {
            wasm32::unreachable() // no memory is left
        }
        TOP = end;
        start
    }
}

#[no_mangle]
extern "C" fn darkroom_abi() -> i32 {
    1
}

#[no_mangle]
extern "C" fn darkroom_window(bytes: usize) -> usize {
    reserve(bytes)
}

#[no_mangle]
extern "C" fn darkroom_alloc(bytes: usize) -> usize {
    reserve(bytes)
}
