//! What the engines of `salus_rules::outbreak` say of streams on a day: C1, C2, C3 and the Poisson cumulative sum, with the
//! chance of such counts, and the q-value of it among all streams of the day.

use super::{
    facts::{Facts, Scope},
    settings::Settings,
    spacetime,
    streams::Stream,
};
use salus_rules::outbreak::{
    clusters::{may_signal, q_values},
    cusum::Poisson,
    ears::{Rule, c3, statistics},
    predictive::tail,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::Date;

/// Days that the cumulative sum goes over, and over which the usual rate is taken.
const SUMMED: usize = 14;
const USUAL: usize = 28;
/// Days between the usual rate and the day.
const LAG: usize = 3;
/// Days before a day without which nothing is said of it: what C2 needs.
const HISTORY: usize = 9;
/// Days whose counts stand with a signal: as many as any of its numbers needs.
const KEPT: usize = USUAL + LAG + SUMMED;
/// Usual rates are rounded to this part of a case a day, so that one simulation serves many streams.
const PART: f64 = 20.0;

/// That something is unusual.
#[derive(Clone)]
pub(super) struct Signal {
    pub(super) scope: Scope,
    pub(super) syndrome: String,
    pub(super) disease: Option<String>,
    /// The first day, and the last that it is about.
    pub(super) on: Date,
    pub(super) last: Date,
    pub(super) method: &'static str,
    pub(super) statistic: f64,
    pub(super) threshold: Option<f64>,
    pub(super) observed: u32,
    pub(super) expected: Option<f64>,
    pub(super) p: Option<f64>,
    pub(super) q: Option<f64>,
    /// Of a hard rule.
    pub(super) severity: Option<String>,
    /// Places of the cases in the facts.
    pub(super) cases: Vec<usize>,
    /// All that is needed to compute it again.
    pub(super) detail: Value,
}

impl Signal {
    /// Whether it raises an alert: a hard rule, or a q-value that is low enough. A space-time scan must be as rare as once in a
    /// hundred school days, too.
    pub(super) fn is_loud(&self, settings: &Settings) -> bool {
        let unlikely = self.q.is_some_and(|q| q <= settings.q);
        self.method == "RULE" || (unlikely && (self.method != spacetime::METHOD || spacetime::is_rare(self.p)))
    }
}

/// Days on which a stream was looked into: its cumulative sum begins anew after them.
pub(super) type Acknowledged = BTreeMap<(String, Scope), Vec<Date>>;

/// The statistics of all streams, computed once for many days.
pub(super) struct Watch<'a> {
    facts: &'a Facts,
    settings: &'a Settings,
    acknowledged: &'a Acknowledged,
    streams: Vec<(Stream, Statistics)>,
    sums: BTreeMap<u32, Poisson>,
}

struct Statistics {
    c1: Vec<Option<f64>>,
    c2: Vec<Option<f64>>,
    c3: Vec<Option<f64>>,
}

/// What is said of one stream on one day.
struct Judged {
    at: usize,
    sum: f64,
    usual: f64,
    watch: Poisson,
    p: f64,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        facts: &'a Facts,
        streams: Vec<Stream>,
        settings: &'a Settings,
        acknowledged: &'a Acknowledged,
    ) -> Self {
        let of = |stream: Stream| {
            let rule = |rule: Rule, z| Rule { z, sd_floor: settings.sd_floor, ..rule };
            let c1 = statistics(&stream.counts, rule(Rule::C1, settings.c1));
            let c2 = statistics(&stream.counts, rule(Rule::C2, settings.c2));
            let c3 = c3(&c2);
            (stream, Statistics { c1, c2, c3 })
        };
        let streams = streams.into_iter().map(of).collect();
        Self { facts, settings, acknowledged, streams, sums: BTreeMap::new() }
    }

    /// Streams that are watched.
    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    /// The signals of a day: over a threshold, with enough cases, and not of one home alone. Those whose q-value is too high are
    /// among them, to be seen and not to alert.
    pub(super) fn on(&mut self, day: Date) -> Vec<Signal> {
        let mut judged = Vec::new();
        for at in 0..self.streams.len() {
            if let Some(found) = self.judge(at, day) {
                judged.push((at, found));
            }
        }
        let p: Vec<f64> = judged.iter().map(|(_, j)| j.p).collect();
        let q = q_values(&p);
        let mut family: Vec<f64> = p.iter().copied().filter(|p| *p < 1.0).collect();
        family.sort_by(f64::total_cmp);
        let family = json!({"streams": p.len(), "p_below_1": family});
        let all = judged.iter().zip(q);
        all.filter_map(|((at, judged), q)| self.signal(*at, judged, (q, &family))).collect()
    }

    fn judge(&mut self, stream: usize, day: Date) -> Option<Judged> {
        let (stream, _) = &self.streams[stream];
        let at = stream.days.binary_search(&day).ok()?;
        if at < HISTORY {
            return None;
        }
        let sum = |from: usize, to: usize| stream.counts[from..=to].iter().sum::<u32>();
        // The week that C2 compares with, seven days with two between.
        let week = (sum(at - 9, at - 3), 7);
        let p = tail(stream.counts[at], 1, week).min(tail(sum(at - 2, at), 3, week));
        let from = at.saturating_sub(USUAL + LAG - 1);
        let days = u32::try_from(at - LAG + 1 - from).unwrap_or(1);
        let usual = rate(f64::from(sum(from, at - LAG)) / f64::from(days));
        let since = at.saturating_sub(SUMMED - 1);
        let counts = stream.counts[since..=at].to_vec();
        let places: Vec<usize> = self
            .acknowledged
            .get(&(stream.syndrome.clone(), stream.scope.clone()))
            .into_iter()
            .flatten()
            // One of a weekend counts on the school day before it.
            .filter(|on| **on <= day)
            .filter_map(|on| stream.days[since..=at].partition_point(|day| day <= on).checked_sub(1))
            .collect();
        let watch = self.summing(usual);
        let sum = watch.sums(&counts, &places).last().copied().unwrap_or(0.0);
        // Two questions were asked, of the day and of three days: the smaller answer counts twice.
        Some(Judged { at, sum, usual, watch, p: (2.0 * p).min(1.0) })
    }

    fn summing(&mut self, usual: f64) -> Poisson {
        let s = self.settings;
        let of = || Poisson::calibrated(usual, usual * s.cusum_rise, s.cusum_days, (s.cusum_runs, s.seed));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of parts, above 0")]
        let key = (usual * PART).round() as u32;
        *self.sums.entry(key).or_insert_with(of)
    }

    fn signal(&self, at: usize, j: &Judged, (q, family): (f64, &Value)) -> Option<Signal> {
        let (stream, statistics) = &self.streams[at];
        let s = self.settings;
        let values = [
            ("C1", statistics.c1[j.at], s.c1),
            ("C2", statistics.c2[j.at], s.c2),
            ("C3", statistics.c3[j.at], s.c3),
            ("CUSUM", Some(j.sum), j.watch.h),
        ];
        let over = |(method, value, threshold): &(&'static str, Option<f64>, f64)| {
            value.filter(|v| v > threshold).map(|value| (*method, value, *threshold))
        };
        let loudest =
            |a: &(&str, f64, f64), b: &(&str, f64, f64)| (a.1 / a.2.max(0.01)).total_cmp(&(b.1 / b.2.max(0.01)));
        let (method, statistic, threshold) = values.iter().filter_map(over).max_by(loudest)?;
        let cases = stream.between(j.at - 2, j.at);
        let observed = u32::try_from(cases.len()).unwrap_or(u32::MAX);
        if !may_signal(stream.scope.kind.level(), observed, stream.population) || self.facts.is_one_home(&cases) {
            return None;
        }
        let from = j.at.saturating_sub(KEPT - 1);
        let week: u32 = stream.counts[j.at - 9..=j.at - 3].iter().sum();
        let days: Vec<String> = stream.days[from..=j.at].iter().map(Date::to_string).collect();
        Some(Signal {
            scope: stream.scope.clone(),
            syndrome: stream.syndrome.clone(),
            disease: None,
            on: stream.days[j.at],
            last: stream.days[j.at],
            method,
            statistic,
            threshold: Some(threshold),
            observed,
            expected: Some(f64::from(week) * 3.0 / 7.0),
            p: Some(j.p),
            q: Some(q),
            severity: None,
            cases,
            detail: json!({
                "population": stream.population, "days": days, "counts": stream.counts[from..=j.at],
                "c1": statistics.c1[j.at], "c2": statistics.c2[j.at], "c3": statistics.c3[j.at],
                "cusum": {"sum": j.sum, "usual": j.usual, "rise": s.cusum_rise, "k": j.watch.k, "h": j.watch.h,
                          "days": SUMMED, "runs": s.cusum_runs, "seed": s.seed},
                "p": j.p, "q": q, "family": family,
            }),
        })
    }

    /// The statistics of every stream over its last days, for who wants to see them.
    pub(super) fn series(&mut self, last: usize) -> Vec<Value> {
        let mut all = Vec::new();
        for at in 0..self.streams.len() {
            let days = self.streams[at].0.days.clone();
            let sums: Vec<Option<f64>> = days.iter().map(|day| self.judge(at, *day).map(|j| j.sum)).collect();
            let (stream, statistics) = &self.streams[at];
            let from = days.len().saturating_sub(last);
            let dates: Vec<String> = days[from..].iter().map(Date::to_string).collect();
            all.push(json!({
                "syndrome": stream.syndrome, "level": stream.scope.kind.level_code(), "kind": stream.scope.kind.code(),
                "key": stream.scope.key, "name": self.facts.name_of(&stream.scope), "population": stream.population,
                "days": dates, "counts": stream.counts[from..], "c1": statistics.c1[from..], "c2": statistics.c2[from..],
                "c3": statistics.c3[from..], "cusum": sums[from..],
            }));
        }
        all
    }
}

/// A usual rate as it is simulated: never none, and in steps.
fn rate(mean: f64) -> f64 {
    (mean * PART).round().max(1.0) / PART
}
