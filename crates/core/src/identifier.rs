//! Identifiers that carry check digits. Each function says whether the digits are consistent; none of them says
//! that the identifier was issued.

/// Brazilian taxpayer number of a person: 11 digits, two of them modulo-11 check digits.
#[must_use]
pub fn cpf(s: &str) -> bool {
    let Some(d) = digits::<11>(s) else { return false };
    if d.iter().all(|x| *x == d[0]) {
        return false;
    }
    (9..11).all(|n| {
        let sum: u32 = (0..n).map(|i| d[i] * u32::try_from(n + 1 - i).unwrap_or(0)).sum();
        (sum * 10 % 11) % 10 == d[n]
    })
}

/// Brazilian national health card number: 15 digits, the first 1, 2, 7, 8 or 9, weighted sum divisible by 11.
#[must_use]
pub fn cns(s: &str) -> bool {
    let Some(d) = digits::<15>(s) else { return false };
    let sum: u32 = d.iter().zip((1..=15).rev()).map(|(x, w): (&u32, u32)| x * w).sum();
    matches!(d[0], 1 | 2 | 7 | 8 | 9) && sum.is_multiple_of(11)
}

/// United States National Provider Identifier: 10 digits, the first 1 or 2, Luhn over `80840` and the number
/// (45 CFR 162.406).
#[must_use]
pub fn npi(s: &str) -> bool {
    let Some(d) = digits::<10>(s) else { return false };
    if s.len() != 10 {
        return false;
    }
    let sum: u32 = d
        .iter()
        .rev()
        .enumerate()
        .map(|(i, x)| match (i % 2, x * 2) {
            (0, _) => *x,
            (_, y) if y > 9 => y - 9,
            (_, y) => y,
        })
        .sum();
    matches!(d[0], 1 | 2) && (sum + 24).is_multiple_of(10)
}

/// Exactly `N` digits, between which points, hyphens, slashes and spaces may stand.
fn digits<const N: usize>(s: &str) -> Option<[u32; N]> {
    let mut out = [0; N];
    let mut n = 0;
    for c in s.chars() {
        match c.to_digit(10) {
            Some(d) if n < N => {
                out[n] = d;
                n += 1;
            }
            None if matches!(c, '.' | '-' | '/' | ' ') => {}
            _ => return None,
        }
    }
    (n == N).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_of_the_specification() {
        for good in ["529.982.247-25", "111.444.777-35", "123.456.789-09"] {
            assert!(cpf(good), "{good}");
        }
        for bad in ["529.982.247-24", "111.111.111-11", "529982247", "52998224725x"] {
            assert!(!cpf(bad), "{bad}");
        }
        assert!(cns("898000000043208") && cns("700000000000005") && !cns("123456789012345"));
        for good in ["1234567893", "1558598797", "1245319599"] {
            assert!(npi(good), "{good}");
        }
        for bad in ["1234567890", "3234567893", "12345678930"] {
            assert!(!npi(bad), "{bad}");
        }
    }
}
