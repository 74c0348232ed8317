//! Where blocks stand in a picture: in columns, so that calls lead from left to right and cross little.
//!
//! After Sugiyama: columns by the longest way from a block that nothing calls, a bend in each column that a call passes, an order in each
//! column that follows the neighbours, then heights that follow them too.

use super::Chart;

/// Something that takes room in a column: a block, or a call that passes.
#[derive(Debug)]
pub(super) struct Place {
    /// The block; none for a bend.
    pub(super) block: Option<usize>,
    pub(super) column: usize,
    /// Its middle, in rows from the top.
    pub(super) row: f64,
    before: Vec<usize>,
    behind: Vec<usize>,
}

/// All places, and for each call those it goes through.
#[derive(Debug)]
pub(super) struct Layers {
    /// Blocks first, in the order of the chart; then bends.
    pub(super) places: Vec<Place>,
    /// For each call of the chart its places, from left to right; a recursive one runs against its direction.
    pub(super) ways: Vec<Vec<usize>>,
    /// Columns in use.
    pub(super) columns: usize,
    /// Rows in use.
    pub(super) rows: f64,
}

/// Passes over the columns.
const PASSES: usize = 12;
/// Room that a bend takes, in rows.
const BEND: f64 = 0.5;

/// Finds a place for every block and every bend.
pub(super) fn layers(chart: &Chart) -> Layers {
    let columns = columns(chart);
    let place = |block, column| Place { block, column, row: 0.0, before: Vec::new(), behind: Vec::new() };
    let mut places: Vec<Place> = columns.iter().enumerate().map(|(at, column)| place(Some(at), *column)).collect();
    let mut ways = Vec::with_capacity(chart.calls.len());
    for edge in &chart.calls {
        let (left, right) =
            if columns[edge.from] <= columns[edge.to] { (edge.from, edge.to) } else { (edge.to, edge.from) };
        let mut way = vec![left];
        for column in columns[left] + 1..columns[right] {
            places.push(place(None, column));
            way.push(places.len() - 1);
        }
        way.push(right);
        for pair in way.windows(2).filter(|_| left != right) {
            places[pair[0]].behind.push(pair[1]);
            places[pair[1]].before.push(pair[0]);
        }
        ways.push(way);
    }
    let count = columns.iter().max().map_or(0, |most| most + 1);
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, place) in places.iter().enumerate() {
        order[place.column].push(at);
    }
    for column in &order {
        stack(&mut places, column);
    }
    for pass in 0..PASSES {
        let forward = pass % 2 == 0;
        for step in 0..count {
            let column = &mut order[if forward { step } else { count - 1 - step }];
            let wanted: Vec<f64> = column.iter().map(|at| wish(&places, *at, forward)).collect();
            let mut sorted: Vec<usize> = (0..column.len()).collect();
            sorted.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
            *column = sorted.into_iter().map(|at| column[at]).collect();
            stack(&mut places, column);
        }
    }
    for pass in 0..PASSES {
        for step in 0..count {
            settle(&mut places, &order[if pass % 2 == 0 { step } else { count - 1 - step }]);
        }
    }
    let top = places.iter().map(|place| place.row).fold(f64::INFINITY, f64::min);
    let mut rows: f64 = 0.0;
    for place in &mut places {
        place.row -= top;
        rows = rows.max(place.row + 1.0);
    }
    Layers { places, ways, columns: count, rows }
}

/// The column of each block: one further than that of its furthest caller.
fn columns(chart: &Chart) -> Vec<usize> {
    let mut callers = vec![0usize; chart.blocks.len()];
    for edge in chart.calls.iter().filter(|edge| !edge.recursive) {
        callers[edge.to] += 1;
    }
    let mut columns = vec![0; chart.blocks.len()];
    let mut ready: Vec<usize> = (0..callers.len()).filter(|at| callers[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        for edge in chart.from(at).iter().filter(|edge| !edge.recursive) {
            columns[edge.to] = columns[edge.to].max(columns[at] + 1);
            callers[edge.to] -= 1;
            if callers[edge.to] == 0 {
                ready.push(edge.to);
            }
        }
    }
    columns
}

/// Rows that a place takes.
fn room(place: &Place) -> f64 {
    if place.block.is_some() { 1.0 } else { BEND }
}

/// Puts a column's places one below the other.
fn stack(places: &mut [Place], column: &[usize]) {
    let mut row = 0.0;
    for at in column {
        let room = room(&places[*at]);
        places[*at].row = row + room / 2.0;
        row += room;
    }
}

/// The mean row of the neighbours on one side; its own when it has none there.
fn wish(places: &[Place], at: usize, left: bool) -> f64 {
    let neighbours = if left { &places[at].before } else { &places[at].behind };
    if neighbours.is_empty() {
        return places[at].row;
    }
    neighbours.iter().map(|at| places[*at].row).sum::<f64>() / neighbours.len() as f64
}

/// Moves a column's places towards their neighbours on both sides, keeping their order and distance.
fn settle(places: &mut [Place], column: &[usize]) {
    let wanted: Vec<f64> = column
        .iter()
        .map(|at| {
            let place = &places[*at];
            let count = place.before.len() + place.behind.len();
            let sum: f64 = place.before.iter().chain(&place.behind).map(|at| places[*at].row).sum();
            if count == 0 { place.row } else { sum / count as f64 }
        })
        .collect();
    // Runs of places that touch stand where they want to stand on average.
    let mut runs: Vec<(f64, f64, usize)> = Vec::new();
    let mut offset = 0.0;
    for (at, wanted) in column.iter().zip(&wanted) {
        let room = room(&places[*at]);
        let mut run = (wanted - offset - room / 2.0, 1.0, 1);
        offset += room;
        while let Some(before) = runs.pop_if(|before| before.0 >= run.0) {
            let weight = before.1 + run.1;
            run = ((before.0 * before.1 + run.0 * run.1) / weight, weight, before.2 + run.2);
        }
        runs.push(run);
    }
    let mut offset = 0.0;
    let mut column = column.iter();
    for (start, _, count) in runs {
        for at in column.by_ref().take(count) {
            let room = room(&places[*at]);
            places[*at].row = start + offset + room / 2.0;
            offset += room;
        }
    }
}
