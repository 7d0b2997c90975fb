//! Distributions that bounds are made of: the normal quantile, Student's t, the Poisson and the negative binomial.

/// The quantile of the standard normal distribution (Wichura 1988, AS 241), exact to about 1 in 10^16.
pub(super) fn normal_quantile(p: f64) -> f64 {
    let ratio = |x: f64, above: [f64; 8], below: [f64; 8]| {
        let horner = |c: [f64; 8]| c.iter().fold(0.0, |sum, c| sum * x + c);
        horner(above) / horner(below)
    };
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(0.180_625 - q * q, CENTRE_ABOVE, CENTRE_BELOW);
    }
    let r = (-(if q < 0.0 { p } else { 1.0 - p }).ln()).sqrt();
    let x = if r <= 5.0 { ratio(r - 1.6, MIDDLE_ABOVE, MIDDLE_BELOW) } else { ratio(r - 5.0, TAIL_ABOVE, TAIL_BELOW) };
    if q < 0.0 { -x } else { x }
}

const CENTRE_ABOVE: [f64; 8] = [
    2_509.080_928_730_122_6,
    33_430.575_583_588_13,
    67_265.770_927_008_7,
    45_921.953_931_549_87,
    13_731.693_765_509_46,
    1_971.590_950_306_551_3,
    133.141_667_891_784_38,
    3.387_132_872_796_366_5,
];
const CENTRE_BELOW: [f64; 8] = [
    5_226.495_278_852_545,
    28_729.085_735_721_943,
    39_307.895_800_092_71,
    21_213.794_301_586_597,
    5_394.196_021_424_751,
    687.187_007_492_057_9,
    42.313_330_701_600_91,
    1.0,
];
const MIDDLE_ABOVE: [f64; 8] = [
    7.745_450_142_783_414e-4,
    0.022_723_844_989_269_184,
    0.241_780_725_177_450_6,
    1.270_458_252_452_368_4,
    3.647_848_324_763_204_5,
    5.769_497_221_460_691,
    4.630_337_846_156_545,
    1.423_437_110_749_683_5,
];
const MIDDLE_BELOW: [f64; 8] = [
    1.050_750_071_644_416_9e-9,
    5.475_938_084_995_345e-4,
    0.015_198_666_563_616_457,
    0.148_103_976_427_480_08,
    0.689_767_334_985_1,
    1.676_384_830_183_803_8,
    2.053_191_626_637_759,
    1.0,
];
const TAIL_ABOVE: [f64; 8] = [
    2.010_334_399_292_288_1e-7,
    2.711_555_568_743_487_6e-5,
    0.001_242_660_947_388_078_4,
    0.026_532_189_526_576_124,
    0.296_560_571_828_504_87,
    1.784_826_539_917_291_3,
    5.463_784_911_164_114,
    6.657_904_643_501_103,
];
const TAIL_BELOW: [f64; 8] = [
    2.044_263_103_389_939_8e-15,
    1.421_511_758_316_446e-7,
    1.846_318_317_510_054_8e-5,
    7.868_691_311_456_133e-4,
    0.014_875_361_290_850_615,
    0.136_929_880_922_735_8,
    0.599_832_206_555_888,
    1.0,
];

/// Logarithm of the gamma function for a positive number (Stirling's series after a shift).
pub(super) fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut shift) = (x, 0.0);
    while x < 15.0 {
        shift += x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse / 12.0
        * (1.0 - square * (1.0 / 30.0 - square * (1.0 / 105.0 - square * (1.0 / 140.0 - square * (1.0 / 99.0)))));
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series - shift
}

/// The regularized incomplete beta function by its continued fraction (Lentz).
#[allow(clippy::many_single_char_names, reason = "the names of the formula")]
pub(super) fn beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(b, a, 1.0 - x);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
    let keep = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / keep(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..10_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / keep(1.0 + term * d);
            c = keep(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * fraction
}

/// Probability of a t at least so far from 0 on either side.
pub(super) fn t_two_sided(t: f64, degrees: f64) -> f64 {
    beta(degrees / 2.0, 0.5, degrees / (degrees + t * t))
}

/// The least count whose cumulative probability reaches `p`, by doubling and bisection over `below(count)`.
fn quantile(p: f64, mean: f64, below: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-1.0, mean.max(1.0).ceil());
    while below(high) < p && high < 1e12 {
        low = high;
        high *= 2.0;
    }
    while high - low > 1.0 {
        let middle = f64::midpoint(low, high).floor();
        if below(middle) < p { low = middle } else { high = middle }
    }
    high
}

/// Quantile of the negative binomial with `size` and a probability of success.
pub(super) fn negative_binomial_quantile(p: f64, size: f64, success: f64) -> f64 {
    quantile(p, size * (1.0 - success) / success, |count| beta(size, count + 1.0, success))
}

/// Quantile of the Poisson distribution.
pub(super) fn poisson_quantile(p: f64, mean: f64) -> f64 {
    let below = |count: f64| {
        // From the largest term downwards: every term that counts is near the mean.
        let mut at = count;
        let mut term = (at * mean.ln() - mean - ln_gamma(at + 1.0)).exp();
        let mut sum = 0.0;
        while at >= 0.0 && (term > 1e-18 || at > mean) {
            sum += term;
            term *= at / mean;
            at -= 1.0;
        }
        sum
    };
    if mean <= 0.0 { 0.0 } else { quantile(p, mean, below) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, wanted: f64) {
        assert!((got - wanted).abs() <= 1e-12 * wanted.abs().max(1.0), "{got} instead of {wanted}");
    }

    #[test]
    fn distributions_have_their_published_values() {
        near(normal_quantile(0.975), 1.959_963_984_540_054);
        near(normal_quantile(0.999), 3.090_232_306_167_813);
        near(normal_quantile(1e-10), -6.361_340_902_404_056);
        near(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln());
        near(ln_gamma(101.0), 363.739_375_555_563_5);
        near(beta(2.0, 3.0, 0.4), 0.5248);
        near(t_two_sided(2.228_138_851_986_274, 10.0), 0.05);
        near(poisson_quantile(0.99, 4.0), 9.0);
        near(poisson_quantile(0.01, 4.0), 0.0);
        near(poisson_quantile(0.5, 400.0), 400.0);
        near(poisson_quantile(0.99, 0.01), 0.0);
        // Geometric: 1 − 0.5^(k + 1) reaches 0.99 at k = 6.
        near(negative_binomial_quantile(0.99, 1.0, 0.5), 6.0);
    }
}
