//! What the order of passes has to keep: pairs, checked by a test for every pipeline, and wherever passes are verified.
//!
//! What a pass needs of a function is no matter of order when the verifier's rules say it: they hold between
//! any two passes.

use super::{
    ADDRESS, ALLOCATE, ATTRIBUTES, CHOOSE, COMPACT, DCE, DIVIDE, FLOW, FOLD, FORWARD, GVN, INLINE, LAYOUT,
    LICM, ORIGINS, Pass, RANGE, RANGE_AGAIN, ROTATE, SINK, Step, THREAD, TWIN, UNUSED,
};

/// How the runs of two passes are to each other in a pipeline that has both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    /// Each run of the second has a run of the first somewhere before it.
    Precedes,
    /// No run of the first is behind a run of the second.
    NeverAfter,
    /// Behind the last run of the second there is a run of the first.
    Cleans,
}

use Relation::{Cleans, NeverAfter, Precedes};

/// First pass, relation, second pass, and what would be lost.
static ORDER: &[(&Pass, Relation, &Pass, &str)] = &[
    (&INLINE, NeverAfter, &UNUSED, "functions that were inlined everywhere are found afterwards"),
    (&INLINE, NeverAfter, &FOLD, "bodies are copied as they were lowered, and optimised with their callers"),
    (&FOLD, Precedes, &GVN, "equal values are found by canonical forms"),
    (&GVN, Precedes, &THREAD, "the same question is one value"),
    (&FLOW, Cleans, &THREAD, "what one way is left to joins it"),
    (&GVN, Precedes, &RANGE, "a test says something of a value, not of its copies"),
    (&FOLD, Cleans, &RANGE, "exact ops have become raw ones, which fold"),
    (&RANGE, NeverAfter, &ROTATE, "ranges are learned from tests at the top of loops"),
    (&RANGE_AGAIN, NeverAfter, &ROTATE, "the same"),
    (&RANGE, Precedes, &DIVIDE, "ints that are known to be small divide like words"),
    (&GVN, Cleans, &DIVIDE, "quotient and remainder of one division share their steps"),
    (&RANGE, Precedes, &TWIN, "a loop has two sides for what may fail, not for what is known to be well"),
    (&GVN, Cleans, &TWIN, "in a loop with two sides a check is good for all that follows"),
    (&RANGE_AGAIN, Cleans, &TWIN, "words that passed a check are small"),
    (&FLOW, Cleans, &TWIN, "blocks that were split"),
    (&TWIN, NeverAfter, &ROTATE, "the entrance of a loop is before the copy of its test"),
    (&ROTATE, Precedes, &LICM, "only inverted loops have a place that runs when the body does"),
    (&GVN, Cleans, &ROTATE, "copies of loop tests unite"),
    (&RANGE, NeverAfter, &CHOOSE, "a branch says more of values than a choice"),
    (&RANGE_AGAIN, NeverAfter, &CHOOSE, "the same"),
    (&FLOW, Cleans, &CHOOSE, "the jumps that are left join blocks"),
    (&DCE, Cleans, &LICM, "what was replaced in loops is used by nobody"),
    (
        &GVN,
        NeverAfter,
        &ALLOCATE,
        "a call that makes an object leaves alone what is known of memory; its code does not",
    ),
    (&ORIGINS, NeverAfter, &ALLOCATE, "the same, of what functions give"),
    (&LICM, NeverAfter, &ALLOCATE, "the same, of what leaves loops"),
    (&LICM, Precedes, &FORWARD, "what is the same in all iterations needs no parameter"),
    (&FORWARD, NeverAfter, &ALLOCATE, "the same, of what is forwarded"),
    (&DCE, Cleans, &ALLOCATE, "sizes that became part of the code"),
    (&GVN, NeverAfter, &ADDRESS, "copies would be one value again"),
    (&DCE, Cleans, &ADDRESS, "sums that loads and stores make themselves"),
    (&DCE, Precedes, &SINK, "what nobody uses would count as used by code that is likely to run"),
    (&FLOW, NeverAfter, &SINK, "it would join blocks on the way to cold ones with what is before them"),
    (&SINK, NeverAfter, &LAYOUT, "its new blocks have a place, too"),
    (&DCE, NeverAfter, &LAYOUT, "blocks that become empty would stay in the order"),
    (&COMPACT, Cleans, &LAYOUT, "ids are dense, in the order of the code"),
    (&ATTRIBUTES, Cleans, &INLINE, "attributes are about the final bodies"),
    (&COMPACT, NeverAfter, &ATTRIBUTES, "attributes are about the final bodies"),
];

/// The first pair that steps do not keep, as text.
pub(super) fn broken(steps: &[Step]) -> Option<String> {
    let places = |pass: &'static Pass| {
        steps.iter().enumerate().filter(move |(_, s)| std::ptr::eq(s.pass, pass)).map(|(i, _)| i)
    };
    let keeps = |&&(first, relation, second, _): &&(&'static Pass, Relation, &'static Pass, &str)| {
        let ends = |pass| places(pass).next().zip(places(pass).next_back());
        let Some(((start, end), (from, to))) = ends(first).zip(ends(second)) else { return true };
        match relation {
            Precedes => start < from,
            NeverAfter => end < from,
            Cleans => end > to,
        }
    };
    let (first, relation, second, why) = ORDER.iter().find(|pair| !keeps(pair))?;
    Some(format!("`{}` {relation:?} `{}`: {why}", first.name, second.name))
}

#[cfg(test)]
mod tests {
    use super::super::{DEBUG, OPTIMISE};
    use super::*;

    fn step(pass: &'static Pass) -> Step {
        Step { pass, reason: "", two_sided: false }
    }

    #[test]
    fn pipelines_keep_the_order() {
        for (name, steps) in [("OPTIMISE", OPTIMISE), ("DEBUG", DEBUG)] {
            assert_eq!(broken(steps), None, "{name}");
        }
    }

    #[test]
    fn each_pair_can_be_broken() {
        for &(first, relation, second, why) in ORDER {
            // The optimised pipeline with one more run of a pass.
            let mut steps: Vec<Step> = OPTIMISE.iter().map(|s| step(s.pass)).collect();
            match relation {
                Precedes => steps.insert(0, step(second)),
                NeverAfter => steps.push(step(first)),
                Cleans => steps.push(step(second)),
            }
            let pair = |s: &Step| [first, second].iter().any(|p| std::ptr::eq(*p, s.pass));
            steps.retain(pair);
            assert!(broken(&steps).is_some_and(|b| b.ends_with(why)), "{} {}", first.name, second.name);
        }
    }
}
