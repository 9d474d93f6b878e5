//! Values that live on one loop and never leave it.

use crate::sys::contained;
use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A loop's values, each by the number of whom it belongs to.
#[derive(Default)]
pub(crate) struct Locals {
    /// In the order of their owners' making, which is also that of their drops.
    values: RefCell<BTreeMap<u64, Rc<dyn Any>>>,
}

impl Locals {
    pub(crate) fn insert(&self, owner: u64, value: Rc<dyn Any>) {
        let before = self.values.borrow_mut().insert(owner, value);
        debug_assert!(before.is_none(), "an owner has one value a loop");
    }

    pub(crate) fn get(&self, owner: u64) -> Option<Rc<dyn Any>> {
        self.values.borrow().get(&owner).cloned()
    }

    pub(crate) fn remove(&self, owner: u64) {
        let removed = self.values.borrow_mut().remove(&owner);
        drop(removed);
    }

    /// Drops every value; the loop is ending.
    pub(super) fn clear(&self) {
        let values = std::mem::take(&mut *self.values.borrow_mut());
        for value in values.into_values() {
            contained(|| drop(value));
        }
    }
}
