//! Bodies laid flat: a search for some sorts of steps finds what a search through all of them would.

use unleak_analysis::lower;
use unleak_analysis::program::flow::{Flow, Sorts, used};
use unleak_analysis::source::{Language, Source};
use unleak_analysis::unit::{Body, LocalId, Place, StepId, StepKind, ValueId};

const TEXT: &str = "\
import queue

class Worker:
    limit = 3

    def __init__(self, jobs):
        self.jobs, self.done = jobs, []

    async def run(self):
        global total
        while self.jobs:
            job = self.jobs.pop()
            total += len(job)
            self.done.append(lambda: job)
            try:
                await job(total)
            except (OSError, ValueError) as error:
                self.done[0] = error
            except TypeError:
                del self.done
        return [step for step in self.done if step]

def broken(:
    pass

def last(x):
    match x:
        case {'a': 1}:
            yield x.a
        case [_, *rest]:
            return rest
";

/// Whether a step is of a sort.
type Is = fn(&StepKind) -> bool;

fn with_bodies(check: impl Fn(&[Body])) {
    check(&lower(&Source::from_bytes("a.py", Language::Python, TEXT.as_bytes())).unit.bodies);
}

#[test]
fn a_search_by_sort_finds_all_steps_of_it_in_order() {
    let sorts: [(Sorts, Is); 5] = [
        (Sorts::CALLS, |kind| matches!(kind, StepKind::Call { .. })),
        (Sorts::STORES, |kind| matches!(kind, StepKind::Store { .. })),
        (Sorts::CHANGES, |kind| matches!(kind, StepKind::Update { .. } | StepKind::Delete { .. })),
        (Sorts::CLOSURES, |kind| matches!(kind, StepKind::Closure { .. })),
        (Sorts::FIELDS, |kind| match kind {
            StepKind::Read { place, .. } | StepKind::Store { place, .. } | StepKind::Delete { place } => {
                matches!(place, Place::Field { .. })
            }
            _ => false,
        }),
    ];
    with_bodies(|bodies| {
        for (sort, is) in sorts {
            let mut found = 0;
            for body in bodies {
                let flow = Flow::new(body);
                let by_sort: Vec<StepId> = flow.nodes_of(sort).map(|node| node.step.id).collect();
                let by_look: Vec<StepId> =
                    flow.nodes().filter(|node| is(&node.step.kind)).map(|node| node.step.id).collect();
                assert_eq!(by_sort, by_look);
                found += by_sort.len();
            }
            assert!(found > 0, "the text has no step of {sort:?}");
        }
    });
}

#[test]
fn a_row_names_the_steps_of_its_value_or_variable() {
    with_bodies(|bodies| {
        for body in bodies {
            let flow = Flow::new(body);
            let by_look = |is: &dyn Fn(&StepKind) -> bool| -> Vec<StepId> {
                flow.nodes().filter(|node| is(&node.step.kind)).map(|node| node.step.id).collect()
            };
            for value in (0..body.value_count).map(ValueId) {
                assert_eq!(flow.uses(value), by_look(&|kind| used(kind).contains(&value)));
            }
            for local in (0..body.locals.len() as u32).map(LocalId) {
                let here = Place::Local(local);
                assert_eq!(
                    flow.reads(local),
                    by_look(&|kind| match kind {
                        StepKind::Read { place, .. } | StepKind::Update { place, .. } => *place == here,
                        StepKind::Opaque { locals, .. } => locals.contains(&local),
                        _ => false,
                    })
                );
                assert_eq!(
                    flow.stores(local),
                    by_look(&|kind| match kind {
                        StepKind::Store { place, .. } | StepKind::Update { place, .. } | StepKind::Delete { place } =>
                            *place == here,
                        _ => false,
                    })
                );
            }
        }
    });
}

#[test]
fn each_step_knows_the_part_it_stands_in() {
    with_bodies(|bodies| {
        let mut handlers = Vec::new();
        for body in bodies {
            let flow = Flow::new(body);
            for node in flow.nodes() {
                handlers.extend(flow.around(node.step.id).map(|(_, slot)| format!("{slot:?}")));
            }
        }
        for slot in ["LoopHead", "LoopBody", "TryBody", "Handler(0)", "Handler(1)", "Arm(0)", "Arm(1)", "Then"] {
            assert!(handlers.iter().any(|found| found == slot), "no step stands in {slot}: {handlers:?}");
        }
    });
}
