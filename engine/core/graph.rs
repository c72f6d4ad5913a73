//! Steps and what they wait for: who may start when, and who waits for whom in a circle.

use std::collections::{HashMap, VecDeque};

use petgraph::algo::{tarjan_scc, tred};
use petgraph::graph::{DiGraph, NodeIndex};

use crate::model::StepIx;
use crate::source::Span;

/// Why one step waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is written after it.
    Order,
    /// `needs:` says so, here.
    Needs(Span),
    /// It uses its result, here.
    Uses(Span),
}

/// One step waiting for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The step that has to end first.
    pub from: StepIx,
    /// The step that waits.
    pub to: StepIx,
    /// Why.
    pub why: Why,
}

/// Who waits for whom. Invariant of a graph without [`Graph::circles`]: `order` has every step
/// after all those that it waits for.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    waits_for: Vec<Vec<Edge>>,
    waited_by: Vec<Vec<StepIx>>,
}

impl Graph {
    /// Steps that wait for nothing yet.
    pub fn new(steps: usize) -> Self {
        Self { waits_for: vec![Vec::new(); steps], waited_by: vec![Vec::new(); steps] }
    }

    /// Makes `to` wait for `from`. The first reason given is kept, except that a stronger one
    /// (needs over uses over order) replaces it.
    pub fn wait(&mut self, edge: Edge) {
        let edges = &mut self.waits_for[edge.to.at()];
        match edges.iter_mut().find(|known| known.from == edge.from) {
            Some(known) => {
                if strength(edge.why) > strength(known.why) {
                    known.why = edge.why;
                }
            }
            None => {
                edges.push(edge);
                self.waited_by[edge.from.at()].push(edge.to);
            }
        }
    }

    /// What a step waits for.
    pub fn waits_for(&self, step: StepIx) -> &[Edge] {
        &self.waits_for[step.at()]
    }

    /// Who waits for a step.
    pub fn waited_by(&self, step: StepIx) -> &[StepIx] {
        &self.waited_by[step.at()]
    }

    /// How many steps.
    pub fn len(&self) -> usize {
        self.waits_for.len()
    }

    /// No steps?
    pub fn is_empty(&self) -> bool {
        self.waits_for.is_empty()
    }

    /// Every step after all those that it waits for, and otherwise in the order written. Steps in
    /// circles are left out.
    pub fn order(&self) -> Vec<StepIx> {
        let mut open: Vec<usize> = self.waits_for.iter().map(Vec::len).collect();
        let mut ready: std::collections::BTreeSet<StepIx> =
            (0..self.len()).filter(|&step| open[step] == 0).map(StepIx::from).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(step) = ready.pop_first() {
            order.push(step);
            for &next in self.waited_by(step) {
                open[next.at()] -= 1;
                if open[next.at()] == 0 {
                    ready.insert(next);
                }
            }
        }
        order
    }

    /// All steps that have to end before `step` can start.
    pub fn before(&self, step: StepIx) -> Vec<StepIx> {
        let mut seen = vec![false; self.len()];
        let mut queue = vec![step];
        let mut before = Vec::new();
        while let Some(next) = queue.pop() {
            for edge in self.waits_for(next) {
                if !std::mem::replace(&mut seen[edge.from.at()], true) {
                    before.push(edge.from);
                    queue.push(edge.from);
                }
            }
        }
        before.sort();
        before
    }

    /// The edges that are left when those that others imply are taken away (transitive reduction).
    pub fn reduced(&self) -> Vec<Edge> {
        let mut graph = DiGraph::<(), ()>::new();
        let order = self.order();
        let place: HashMap<StepIx, usize> = order.iter().enumerate().map(|(at, step)| (*step, at)).collect();
        for _ in &order {
            graph.add_node(());
        }
        for edge in self.waits_for.iter().flatten() {
            if let (Some(&from), Some(&to)) = (place.get(&edge.from), place.get(&edge.to)) {
                graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
            }
        }
        let sorted: Vec<NodeIndex> = (0..order.len()).map(NodeIndex::new).collect();
        let (list, _) = tred::dag_to_toposorted_adjacency_list::<_, NodeIndex>(&graph, &sorted);
        let (reduction, _) = tred::dag_transitive_reduction_closure(&list);
        self.waits_for
            .iter()
            .flatten()
            .filter(|edge| match (place.get(&edge.from), place.get(&edge.to)) {
                (Some(&from), Some(&to)) => reduction.contains_edge(NodeIndex::new(from), NodeIndex::new(to)),
                _ => true,
            })
            .copied()
            .collect()
    }

    /// Circles of waiting: each as the edges that lead around, at most one per group of steps that
    /// are caught in the same circles.
    pub fn circles(&self) -> Vec<Vec<Edge>> {
        let mut graph = DiGraph::<(), ()>::with_capacity(self.len(), self.len());
        for _ in 0..self.len() {
            graph.add_node(());
        }
        for edge in self.waits_for.iter().flatten() {
            graph.add_edge(NodeIndex::new(edge.from.at()), NodeIndex::new(edge.to.at()), ());
        }
        let mut circles: Vec<_> = tarjan_scc(&graph)
            .into_iter()
            .filter_map(|group| {
                let group: Vec<StepIx> = group.into_iter().map(|node| StepIx::from(node.index())).collect();
                self.shortest_circle(&group)
            })
            .collect();
        circles.sort_by_key(|circle| circle.iter().map(|edge| edge.to).min());
        circles
    }

    fn shortest_circle(&self, group: &[StepIx]) -> Option<Vec<Edge>> {
        let members: std::collections::HashSet<StepIx> = group.iter().copied().collect();
        // An explicit wait is what an author can mend: begin with one if there is any.
        let mut edges: Vec<Edge> = group
            .iter()
            .flat_map(|&step| self.waits_for(step))
            .filter(|edge| members.contains(&edge.from))
            .copied()
            .collect();
        edges.sort_by_key(|edge| (std::cmp::Reverse(strength(edge.why)), edge.to));
        let first = *edges.first()?;
        let mut came: HashMap<StepIx, Edge> = HashMap::new();
        let mut queue = VecDeque::from([first.to]);
        while let Some(step) = queue.pop_front() {
            if step == first.from {
                let mut back = vec![first];
                let mut at = first.from;
                let mut path = Vec::new();
                while at != first.to {
                    let edge = came[&at];
                    path.push(edge);
                    at = edge.from;
                }
                back.extend(path.into_iter().rev());
                return Some(back);
            }
            for &next in self.waited_by(step).iter().filter(|next| members.contains(next)) {
                if next != first.to && !came.contains_key(&next) {
                    let edge = *self.waits_for(next).iter().find(|edge| edge.from == step)?;
                    came.insert(next, edge);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

fn strength(why: Why) -> u8 {
    match why {
        Why::Order => 0,
        Why::Uses(_) => 1,
        Why::Needs(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn graph(steps: usize, edges: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::new(steps);
        for &(from, to) in edges {
            graph.wait(Edge { from: from.into(), to: to.into(), why: Why::Needs(Span::default()) });
        }
        graph
    }

    #[test]
    fn a_circle_is_spelled_out() {
        let graph = graph(5, &[(0, 1), (1, 2), (2, 3), (3, 1), (3, 4)]);
        let circles = graph.circles();
        let around: Vec<_> = circles[0].iter().map(|e| (e.from.0, e.to.0)).collect();
        assert_eq!(around, [(3, 1), (1, 2), (2, 3)]);
        assert_eq!(graph.order().len(), 1);
    }

    #[test]
    fn a_step_that_waits_for_itself_is_a_circle() {
        assert_eq!(graph(1, &[(0, 0)]).circles()[0].len(), 1);
    }

    proptest! {
        #[test]
        fn the_order_respects_every_edge_or_there_is_a_circle(
            edges in proptest::collection::vec((0usize..12, 0usize..12), 0..30)
        ) {
            let graph = graph(12, &edges);
            let order = graph.order();
            let circles = graph.circles();
            prop_assert_eq!(order.len() == 12, circles.is_empty());
            let place = |step: usize| order.iter().position(|s| s.at() == step);
            for (from, to) in edges {
                if let (Some(a), Some(b)) = (place(from), place(to)) {
                    prop_assert!(a < b);
                }
            }
            for circle in circles {
                for (edge, next) in circle.iter().zip(circle.iter().cycle().skip(1)) {
                    prop_assert_eq!(edge.to, next.from);
                }
            }
        }
    }
}
