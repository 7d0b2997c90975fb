//! What an original says that a record does not: the paths of the original that the record, written out, lacks or
//! tells otherwise. Only paths are given, never values.

use super::date::same_instant;
use crate::json::Json;
use std::fmt::Write;

/// No list of paths is longer, however large the resource; the last entry then says so.
const MOST: usize = 500;

/// Up to this many items a list is compared in any order.
const ANY_ORDER: usize = 16;

/// Paths of `original` that `fresh` does not give back.
pub(super) fn unmapped(original: &Json<'_>, fresh: &Json<'_>) -> Vec<String> {
    let mut walk = Walk::default();
    walk.path.push_str(original.get("resourceType").and_then(Json::as_str).unwrap_or_default());
    walk.compare(original, Some(fresh));
    walk.found
}

#[derive(Default)]
struct Walk {
    path: String,
    found: Vec<String>,
    /// Counts only, and stops at the first, while the right order of a list is sought.
    trying: bool,
}

impl Walk {
    fn compare(&mut self, original: &Json<'_>, fresh: Option<&Json<'_>>) {
        if self.found.len() >= MOST || (self.trying && !self.found.is_empty()) {
            return;
        }
        let length = self.path.len();
        match (original, fresh) {
            (Json::Object(a), Some(Json::Object(b))) => {
                for (key, value) in a.iter() {
                    let _ = write!(self.path, ".{key}");
                    self.compare(value, b.get(key));
                    self.path.truncate(length);
                }
            }
            (Json::Array(a), Some(Json::Array(b))) => {
                let partners = self.partners(a, b);
                for (i, (item, partner)) in a.iter().zip(partners).enumerate() {
                    let _ = write!(self.path, "[{i}]");
                    self.compare(item, partner.map(|j| &b[j]));
                    self.path.truncate(length);
                }
            }
            (Json::String(a), Some(Json::String(b))) if a == b || (a.len() > 18 && same_instant(a, b)) => {}
            (a, Some(b)) if a == b => {}
            _ => self.lost(),
        }
    }

    fn lost(&mut self) {
        self.found.push(if self.found.len() + 1 == MOST { "…".to_owned() } else { self.path.clone() });
    }

    /// Which item of `b` stands for each of `a`: the one that holds it whole, else the one at its place.
    fn partners(&self, a: &[Json<'_>], b: &[Json<'_>]) -> Vec<Option<usize>> {
        let at_place = |i: usize| (i < b.len()).then_some(i);
        if a.len() > ANY_ORDER || b.len() > ANY_ORDER {
            return (0..a.len()).map(at_place).collect();
        }
        let mut free = [true; ANY_ORDER];
        let mut partners = vec![None; a.len()];
        for (i, item) in a.iter().enumerate() {
            let order = at_place(i).into_iter().chain((0..b.len()).filter(|j| *j != i));
            let whole = order.into_iter().find(|j| free[*j] && Self::holds(item, &b[*j]));
            if let Some(j) = whole {
                free[j] = false;
                partners[i] = Some(j);
            }
        }
        for (i, partner) in partners.iter_mut().enumerate().filter(|(_, p)| p.is_none()) {
            let near = at_place(i).filter(|j| free[*j]).or_else(|| (0..b.len()).find(|j| free[*j]));
            if let Some(j) = near {
                free[j] = false;
                *partner = Some(j);
            }
        }
        partners
    }

    fn holds(original: &Json<'_>, fresh: &Json<'_>) -> bool {
        let mut walk = Self { trying: true, ..Self::default() };
        walk.compare(original, Some(fresh));
        walk.found.is_empty()
    }
}
