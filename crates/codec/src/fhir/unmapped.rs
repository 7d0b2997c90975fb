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
}

impl Walk {
    fn compare(&mut self, original: &Json<'_>, fresh: Option<&Json<'_>>) {
        if self.found.len() >= MOST {
            return;
        }
        let length = self.path.len();
        match (original, fresh) {
            (Json::Object(a), Some(Json::Object(b))) => {
                for (key, value) in a.iter() {
                    self.path.push('.');
                    self.path.push_str(key);
                    self.compare(value, b.get(key));
                    self.path.truncate(length);
                }
            }
            (Json::Array(a), Some(Json::Array(b))) => {
                let partners = partners(a, b);
                for (i, (item, partner)) in a.iter().zip(partners).enumerate() {
                    let _ = write!(self.path, "[{i}]");
                    self.compare(item, partner.map(|j| &b[j]));
                    self.path.truncate(length);
                }
            }
            (a, Some(b)) if same(a, b) => {}
            _ => self.lost(),
        }
    }

    fn lost(&mut self) {
        self.found.push(if self.found.len() + 1 == MOST { "…".to_owned() } else { self.path.clone() });
    }
}

/// Which item of `b` stands for each of `a`: those that hold it whole at its place, then those that hold most of
/// it. An item of which nothing is held stands alone.
fn partners(a: &[Json<'_>], b: &[Json<'_>]) -> Vec<Option<usize>> {
    let at_place = |i: usize| (i < b.len()).then_some(i);
    if a.len() > ANY_ORDER || b.len() > ANY_ORDER {
        return (0..a.len()).map(at_place).collect();
    }
    let mut free = [true; ANY_ORDER];
    let mut partners = vec![None; a.len()];
    for (i, item) in a.iter().enumerate() {
        if b.get(i).is_some_and(|other| missing(item, other, true) == 0) {
            free[i] = false;
            partners[i] = Some(i);
        }
    }
    let mut pairs = Vec::new();
    for (i, item) in a.iter().enumerate().filter(|(i, _)| partners[*i].is_none()) {
        let all = leaves(item);
        let held = b.iter().enumerate().filter(|(j, _)| free[*j]);
        pairs.extend(held.map(|(j, other)| (missing(item, other, false), i, j)).filter(|(lost, ..)| *lost < all));
    }
    pairs.sort_unstable();
    for (_, i, j) in pairs {
        if partners[i].is_none() && free[j] {
            free[j] = false;
            partners[i] = Some(j);
        }
    }
    partners
}

/// How many values of `original` the other lacks; `first` stops at one.
fn missing(original: &Json<'_>, fresh: &Json<'_>, first: bool) -> usize {
    match (original, fresh) {
        (Json::Object(a), Json::Object(b)) => {
            let mut lost = 0;
            for (key, value) in a.iter() {
                lost += b.get(key).map_or_else(|| leaves(value), |other| missing(value, other, first));
                if first && lost > 0 {
                    break;
                }
            }
            lost
        }
        (Json::Array(a), Json::Array(b)) => {
            // Within an item lists are compared at their places; only the outermost list is tried in any order.
            a.iter().enumerate().map(|(i, v)| b.get(i).map_or_else(|| leaves(v), |o| missing(v, o, first))).sum()
        }
        (a, b) if same(a, b) => 0,
        (a, _) => leaves(a),
    }
}

fn leaves(value: &Json<'_>) -> usize {
    match value {
        Json::Object(members) => members.iter().map(|(_, v)| leaves(v)).sum::<usize>().max(1),
        Json::Array(items) => items.iter().map(leaves).sum::<usize>().max(1),
        _ => 1,
    }
}

fn same(a: &Json<'_>, b: &Json<'_>) -> bool {
    match (a, b) {
        (Json::String(a), Json::String(b)) => a == b || (a.len() > 18 && same_instant(a, b)),
        (a, b) => a == b,
    }
}
