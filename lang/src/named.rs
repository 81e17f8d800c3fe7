//! Names in order of declaration, found without looking at each.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Deref;

/// So many rows are looked at one after the other, which is faster than a search.
const FEW: usize = 8;

/// Rows of a name and what stands under it, in order. Names are unique: of two rows with one name
/// the last counts, at the place of the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<T> {
    rows: Vec<(String, T)>,
    /// Places of the rows in the order of their names, where there are more than [`FEW`].
    order: Vec<u32>,
}

impl<T> Named<T> {
    /// The place of a name.
    pub fn position(&self, name: &str) -> Option<usize> {
        if self.order.is_empty() {
            return self.rows.iter().position(|(n, _)| n == name);
        }
        let at = self.order.binary_search_by(|&p| self.rows[p as usize].0.as_str().cmp(name)).ok()?;
        Some(self.order[at] as usize)
    }

    /// What stands under a name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.position(name).map(|at| &self.rows[at].1)
    }
}

impl<T> Default for Named<T> {
    fn default() -> Named<T> {
        Named { rows: Vec::new(), order: Vec::new() }
    }
}

impl<T> Deref for Named<T> {
    type Target = [(String, T)];

    fn deref(&self) -> &[(String, T)] {
        &self.rows
    }
}

impl<T> FromIterator<(String, T)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(all: I) -> Named<T> {
        let mut rows: Vec<(String, T)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (name, value) in all {
            match places.entry(name.clone()) {
                Entry::Occupied(place) => rows[*place.get()].1 = value,
                Entry::Vacant(place) => {
                    place.insert(rows.len());
                    rows.push((name, value));
                }
            }
        }
        let mut order = Vec::new();
        if rows.len() > FEW {
            order.extend(0..rows.len() as u32);
            order.sort_by(|&a, &b| rows[a as usize].0.cmp(&rows[b as usize].0));
        }
        Named { rows, order }
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, Named};

    #[test]
    fn the_last_row_counts_at_the_place_of_the_first() {
        for n in [1, FEW, FEW + 1, 100] {
            let twice = (0..n).chain([0]).enumerate().map(|(i, k)| (format!("n{k}"), i));
            let named: Named<usize> = twice.collect();
            assert_eq!(named.len(), n);
            for k in 0..n {
                assert_eq!(named.position(&format!("n{k}")), Some(k));
                assert_eq!(named.get(&format!("n{k}")), Some(if k == 0 { &n } else { &k }));
            }
            assert_eq!(named.position("m"), None);
        }
    }
}
