//! Work on several regions at once: each at its own pace, so that a slow one keeps none of the others waiting.

use std::collections::BTreeMap;

use futures_util::stream::{self, Stream, StreamExt as _};

use crate::ids::RegionId;

/// Does `work` on all items, those of a region in their order and at most `parallelism` at one time, and
/// returns the results as they come.
pub(super) fn side_by_side<'a, I: 'a, O: 'a>(
    items: impl IntoIterator<Item = (RegionId, I)>,
    work: impl AsyncFn(I) -> O + 'a,
    parallelism: usize,
) -> impl Stream<Item = O> + Unpin + 'a {
    let mut regions: BTreeMap<RegionId, Vec<I>> = BTreeMap::new();
    for (region, item) in items {
        regions.entry(region).or_default().push(item);
    }
    let work = std::rc::Rc::new(work);
    let lanes = regions.into_values().map(move |items| {
        let work = std::rc::Rc::clone(&work);
        let lane = stream::iter(items).map(move |item| {
            let work = std::rc::Rc::clone(&work);
            async move { work(item).await }
        });
        Box::pin(lane.buffer_unordered(parallelism))
    });
    stream::select_all(lanes)
}
