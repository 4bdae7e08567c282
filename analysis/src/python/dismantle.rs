//! Takes a syntax tree apart without recursion.
//!
//! Dropping a tree recurses as deep as the tree, and the parser makes trees of any depth (a chain
//! of 100,000 calls is one): the drop alone could overflow the stack.

use std::cell::RefCell;

use ruff_python_ast::visitor::transformer::{
    Transformer, walk_expr, walk_interpolated_string_element, walk_pattern, walk_stmt,
};
use ruff_python_ast::{
    AtomicNodeIndex, Expr, ExprEllipsisLiteral, InterpolatedStringElement, InterpolatedStringLiteralElement, Pattern,
    PatternMatchStar, Stmt, StmtPass, Suite,
};
use ruff_text_size::TextRange;

/// Trees that cannot be deeper than this are dropped as usual.
const SAFE_DEPTH: u32 = 2_000;

/// Drops a tree of which no path is longer than `depth_bound`.
pub(super) fn discard(suite: Suite, depth_bound: u32) {
    if depth_bound <= SAFE_DEPTH {
        return;
    }
    let pile = Pile::default();
    pile.nodes.borrow_mut().extend(suite.into_iter().map(Node::Stmt));
    while let Some(mut node) = pile.pop() {
        match &mut node {
            Node::Stmt(stmt) => walk_stmt(&pile, stmt),
            Node::Expr(expr) => walk_expr(&pile, expr),
            Node::Pattern(pattern) => walk_pattern(&pile, pattern),
            Node::Element(element) => walk_interpolated_string_element(&pile, element),
        }
    }
}

/// A part of the tree that can hold others of its sort.
enum Node {
    Stmt(Stmt),
    Expr(Expr),
    Pattern(Pattern),
    Element(InterpolatedStringElement),
}

/// The parts that are still to be taken apart. Visiting a part swaps its children for stand-ins.
#[derive(Default)]
struct Pile {
    nodes: RefCell<Vec<Node>>,
}

impl Pile {
    fn pop(&self) -> Option<Node> {
        self.nodes.borrow_mut().pop()
    }

    fn push(&self, node: Node) {
        self.nodes.borrow_mut().push(node);
    }
}

impl Transformer for Pile {
    fn visit_stmt(&self, stmt: &mut Stmt) {
        let pass = StmtPass { node_index: AtomicNodeIndex::NONE, range: TextRange::default() };
        self.push(Node::Stmt(std::mem::replace(stmt, Stmt::Pass(pass))));
    }

    fn visit_expr(&self, expr: &mut Expr) {
        let dots = ExprEllipsisLiteral { node_index: AtomicNodeIndex::NONE, range: TextRange::default() };
        self.push(Node::Expr(std::mem::replace(expr, Expr::EllipsisLiteral(dots))));
    }

    fn visit_pattern(&self, pattern: &mut Pattern) {
        let star = PatternMatchStar { node_index: AtomicNodeIndex::NONE, range: TextRange::default(), name: None };
        self.push(Node::Pattern(std::mem::replace(pattern, Pattern::MatchStar(star))));
    }

    fn visit_interpolated_string_element(&self, element: &mut InterpolatedStringElement) {
        let text = InterpolatedStringLiteralElement {
            node_index: AtomicNodeIndex::NONE,
            range: TextRange::default(),
            value: Box::default(),
        };
        self.push(Node::Element(std::mem::replace(element, InterpolatedStringElement::Literal(text))));
    }
}
