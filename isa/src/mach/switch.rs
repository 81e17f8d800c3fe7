//! Plans for multi-way branches: jump tables for dense cases, binary search otherwise.

/// A way to find the case of a value. Numbers are edges of the terminator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Compare with each value in turn, then go to the default.
    Chain(Vec<(i64, u32)>),
    /// Values below (signed) the bound are in the first plan, others in the second.
    Split(i64, Box<Plan>, Box<Plan>),
    /// Values from the first on index the table; outside it is the default, edge 0.
    Table(i64, Vec<u32>),
}

/// Cases up to which a chain of compares is used.
const CHAIN: usize = 4;

/// Makes a plan for cases (value, edge).
pub fn plan(mut cases: Vec<(i64, u32)>) -> Plan {
    cases.sort_unstable();
    cases.dedup_by_key(|c| c.0);
    split(&cases)
}

fn split(cases: &[(i64, u32)]) -> Plan {
    if cases.len() <= CHAIN {
        return Plan::Chain(cases.to_vec());
    }
    let (first, last) = (cases[0].0, cases[cases.len() - 1].0);
    let span = last.wrapping_sub(first) as u64;
    if span < cases.len() as u64 * 2 + 8 {
        let mut table = vec![0; span as usize + 1];
        for &(value, edge) in cases {
            table[value.wrapping_sub(first) as usize] = edge;
        }
        return Plan::Table(first, table);
    }
    let middle = cases.len() / 2;
    Plan::Split(cases[middle].0, Box::new(split(&cases[..middle])), Box::new(split(&cases[middle..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(plan: &Plan, v: i64) -> u32 {
        match plan {
            Plan::Chain(c) => c.iter().find(|c| c.0 == v).map_or(0, |c| c.1),
            Plan::Split(at, low, high) => find(if v < *at { low } else { high }, v),
            Plan::Table(first, t) => *t.get(v.wrapping_sub(*first) as u64 as usize).unwrap_or(&0),
        }
    }

    #[test]
    fn plans_find_their_cases() {
        let dense: Vec<i64> = (10..30).collect();
        let sparse: Vec<i64> = (0..50).map(|k| k * 1000 - 20_000).collect();
        let extreme = vec![i64::MIN, i64::MAX, 0, 1, 2, 3, 4, 5];
        for values in [dense, sparse, extreme, vec![], vec![7]] {
            let cases: Vec<(i64, u32)> = values.iter().enumerate().map(|(i, &v)| (v, i as u32 + 1)).collect();
            let p = plan(cases.clone());
            for &(v, edge) in &cases {
                assert_eq!(find(&p, v), edge);
                for near in [v.wrapping_sub(1), v.wrapping_add(1)] {
                    let expect = cases.iter().find(|c| c.0 == near).map_or(0, |c| c.1);
                    assert_eq!(find(&p, near), expect);
                }
            }
        }
    }
}
