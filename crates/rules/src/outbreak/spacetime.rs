//! Prospective space-time scan (Kulldorff 2001; Kulldorff et al. 2005): cylinders of nearby places over the last days.
//!
//! With populations the expected number follows from them; without, from where and when cases were seen, which needs no
//! population. Replicas move cases by chance under the same assumption. Positions are plane coordinates in metres.

use super::{random::Random, scan::llr};
use serde::Serialize;

/// A place with its cases by day.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// East, in metres.
    pub x: f64,
    /// North, in metres.
    pub y: f64,
    /// Persons; 0 everywhere when they are not known.
    pub population: u32,
    /// Cases on each day of the time that is looked at; the last is today.
    pub cases: Vec<u32>,
}

/// How far a scan looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Widest circle in metres.
    pub radius_max: f64,
    /// Circles grow by so many metres.
    pub radius_step: f64,
    /// Most days.
    pub days_max: usize,
    /// Largest share of the population, or of the cases, in a circle.
    pub share_max: f64,
    /// Replicas for the p-value.
    pub replicas: u32,
    /// Seed of the replicas, to be stored.
    pub seed: u64,
}

/// The cylinder with the largest likelihood ratio.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cylinder {
    /// Index of the place in the middle.
    pub center: usize,
    /// Radius in metres.
    pub radius: f64,
    /// Places in it.
    pub places: Vec<usize>,
    /// The last so many days.
    pub days: usize,
    /// Cases in it.
    pub cases: u32,
    /// Cases that were to be expected.
    pub expected: f64,
    /// Logarithm of the likelihood ratio.
    pub llr: f64,
    /// Share of replicas with an equal or larger ratio, counting what was seen.
    pub p: f64,
}

impl Cylinder {
    /// Days between false signals of this strength when one looks every so many days.
    #[must_use]
    pub fn recurrence_days(&self, looked_every_days: f64) -> f64 {
        looked_every_days / self.p
    }
}

/// Places within a radius of another.
struct Circle {
    center: usize,
    radius: f64,
    places: Vec<usize>,
}

/// Sums that every cylinder is made of.
struct Totals {
    /// Cases by place over the last 1, 2, … days.
    recent: Vec<Vec<u32>>,
    /// Cases by place.
    places: Vec<u32>,
    /// Cases over the last 1, 2, … days.
    days: Vec<u32>,
    all: u32,
}

/// Scans; none without cases, or when places disagree about the number of days.
#[must_use]
pub fn scan(places: &[Place], reach: &Reach) -> Option<Cylinder> {
    let time = places.first()?.cases.len();
    let all: u32 = places.iter().flat_map(|p| &p.cases).sum();
    if time == 0 || all == 0 || places.iter().any(|p| p.cases.len() != time) {
        return None;
    }
    let days = reach.days_max.min(time);
    let circles = circles(places, reach);
    let counts: Vec<Vec<u32>> = places.iter().map(|p| p.cases.clone()).collect();
    let mut found = best(places, &circles, &totals(&counts, days), time)?;
    let mut random = Random::new(reach.seed);
    let mut as_large = 0_u32;
    for _ in 0..reach.replicas {
        let replica = replica(places, time, &mut random);
        let other = best(places, &circles, &totals(&replica, days), time);
        as_large += u32::from(other.is_some_and(|o| o.llr >= found.llr));
    }
    found.p = f64::from(1 + as_large) / f64::from(reach.replicas + 1);
    Some(found)
}

fn population(places: &[Place]) -> u32 {
    places.iter().map(|p| p.population).sum()
}

fn circles(places: &[Place], reach: &Reach) -> Vec<Circle> {
    let (people, all) = (population(places), places.iter().flat_map(|p| &p.cases).sum::<u32>());
    let share = |inside: &[usize]| {
        if people > 0 {
            f64::from(inside.iter().map(|i| places[*i].population).sum::<u32>()) / f64::from(people)
        } else {
            f64::from(inside.iter().flat_map(|i| &places[*i].cases).sum::<u32>()) / f64::from(all)
        }
    };
    let mut found: Vec<Circle> = Vec::new();
    for (center, middle) in places.iter().enumerate() {
        let mut radius = 0.0;
        while radius <= reach.radius_max {
            let near = |p: &Place| (p.x - middle.x).hypot(p.y - middle.y) <= radius;
            let inside: Vec<usize> = (0..places.len()).filter(|i| near(&places[*i])).collect();
            if share(&inside) > reach.share_max {
                break;
            }
            if found.last().is_none_or(|c| c.center != center || c.places.len() != inside.len()) {
                found.push(Circle { center, radius, places: inside });
            }
            radius += reach.radius_step.max(1.0);
        }
    }
    found
}

fn totals(counts: &[Vec<u32>], days: usize) -> Totals {
    let recent: Vec<Vec<u32>> = counts
        .iter()
        .map(|cases| {
            let mut sum = 0;
            let last = cases.iter().rev().take(days);
            last.map(|c| {
                sum += c;
                sum
            })
            .collect()
        })
        .collect();
    let places: Vec<u32> = counts.iter().map(|cases| cases.iter().sum()).collect();
    let days = (0..days).map(|d| recent.iter().map(|place| place[d]).sum()).collect();
    Totals { all: places.iter().sum(), recent, places, days }
}

#[allow(clippy::cast_precision_loss, reason = "numbers of days stay far below 2^53")]
fn best(places: &[Place], circles: &[Circle], totals: &Totals, time: usize) -> Option<Cylinder> {
    let people = population(places);
    let all = f64::from(totals.all);
    let mut best: Option<(usize, usize, u32, f64, f64)> = None;
    for (at, circle) in circles.iter().enumerate() {
        let inside = |of: &dyn Fn(usize) -> u32| circle.places.iter().map(|i| of(*i)).sum::<u32>();
        let share = if people > 0 {
            f64::from(inside(&|i| places[i].population)) / f64::from(people)
        } else {
            f64::from(inside(&|i| totals.places[i])) / all
        };
        for (day, seen) in totals.days.iter().enumerate() {
            let cases = inside(&|i| totals.recent[i][day]);
            let of_time = if people > 0 { all * (day + 1) as f64 / time as f64 } else { f64::from(*seen) };
            let expected = share * of_time;
            let ratio = llr(f64::from(cases), all, expected);
            if best.is_none_or(|b| ratio > b.4) {
                best = Some((at, day + 1, cases, expected, ratio));
            }
        }
    }
    best.map(|(at, days, cases, expected, llr)| Cylinder {
        center: circles[at].center,
        radius: circles[at].radius,
        places: circles[at].places.clone(),
        days,
        cases,
        expected,
        llr,
        p: 1.0,
    })
}

/// The same cases by chance: on any person and day, or, without populations, on the same places with the days shuffled.
fn replica(places: &[Place], time: usize, random: &mut Random) -> Vec<Vec<u32>> {
    let people = population(places);
    let mut counts = vec![vec![0_u32; time]; places.len()];
    let each = |(at, place): (usize, &Place)| {
        let days = place.cases.iter().enumerate().flat_map(|(day, n)| (0..*n).map(move |_| day));
        days.map(move |day| (at, day)).collect::<Vec<_>>()
    };
    let cases: Vec<(usize, usize)> = places.iter().enumerate().flat_map(each).collect();
    if people > 0 {
        for _ in &cases {
            let mut person = u32::try_from(random.below(people as usize)).unwrap_or(0);
            let at = places.iter().position(|p| {
                let here = person < p.population;
                person = person.wrapping_sub(if here { 0 } else { p.population });
                here
            });
            counts[at.unwrap_or(0)][random.below(time)] += 1;
        }
    } else {
        let mut days: Vec<usize> = cases.iter().map(|(_, day)| *day).collect();
        for i in (1..days.len()).rev() {
            days.swap(i, random.below(i + 1));
        }
        for ((at, _), day) in cases.iter().zip(days) {
            counts[*at][day] += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn town(population: u32) -> Vec<Place> {
        let grid = (0..25_u32).map(|i| {
            let (x, y) = (f64::from(i % 5) * 1000.0, f64::from(i / 5) * 1000.0);
            Place { x, y, population, cases: (0..60).map(|day| u32::from((day + 7 * i) % 20 == 0)).collect() }
        });
        let mut places: Vec<Place> = grid.collect();
        for place in [6, 7, 11] {
            for day in 56..60 {
                places[place].cases[day] += 2;
            }
        }
        places
    }

    const REACH: Reach =
        Reach { radius_max: 3000.0, radius_step: 1000.0, days_max: 14, share_max: 0.5, replicas: 199, seed: 3 };

    #[test]
    fn a_planted_cluster_is_found_with_and_without_populations() {
        for population in [400, 0] {
            let found = scan(&town(population), &REACH).unwrap();
            assert!([6, 7, 11].iter().all(|p| found.places.contains(p)), "{found:?}");
            assert!(found.days <= 5 && found.p <= 0.01, "{found:?}");
            assert!(found.recurrence_days(1.0) >= 100.0);
        }
    }

    #[test]
    fn cases_without_a_pattern_give_no_signal() {
        let mut places = town(400);
        for place in [6, 7, 11] {
            for day in 56..60 {
                places[place].cases[day] -= 2;
            }
        }
        assert!(scan(&places, &REACH).unwrap().p > 0.05);
        for place in &mut places {
            place.cases.fill(0);
        }
        assert_eq!(scan(&places, &REACH), None);
    }
}
