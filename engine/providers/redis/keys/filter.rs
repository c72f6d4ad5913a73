//! Which of the keys are meant: by type, and by an expression over what the server tells of a key.

use playbook_core::action::{Fault, FaultKind};
use playbook_core::codes::Code;
use playbook_core::expr::{EvalError, Expr, Scope};
use serde_json::Value;

use super::quick::Quick;
use crate::redis::ask::told;
use crate::redis::client::Lines;
use crate::redis::target::RedisTarget;
use crate::redis::value::{Reply, lossless};

/// What a condition may ask of a key.
pub(super) const NAMES: &[&str] = &["key", "type", "ttl", "idle", "memory"];

/// What the server tells of a key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct About {
    pub(super) kind: Option<String>,
    /// Seconds; -1 without expiry.
    pub(super) ttl: Option<i64>,
    /// Seconds.
    pub(super) idle: Option<i64>,
    /// Bytes.
    pub(super) memory: Option<i64>,
}

/// What has to be asked of each key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) kind: bool,
    pub(super) ttl: bool,
    pub(super) idle: bool,
    pub(super) memory: bool,
}

/// Which of the keys are meant.
#[derive(Clone)]
pub(super) struct Filter {
    pub(super) kind: Option<String>,
    condition: Option<Expr>,
    quick: Option<Quick>,
    scope: Scope,
    needs: Needs,
}

impl Filter {
    pub(super) fn new(kind: Option<String>, condition: Option<Expr>, scope: &Scope) -> Self {
        let uses =
            |name: &str| condition.as_ref().is_some_and(|expr| expr.uses().iter().any(|usage| usage.root() == name));
        let needs = Needs {
            kind: kind.is_some() || uses("type"),
            ttl: uses("ttl"),
            idle: uses("idle"),
            memory: uses("memory"),
        };
        let quick = condition.as_ref().and_then(|expr| Quick::read(expr.text()));
        Self { kind, condition, quick, scope: scope.clone(), needs }
    }

    /// What has to be asked of each key. `scanned` tells that SCAN has looked at the type already.
    pub(super) fn needs(&self, scanned: bool) -> Needs {
        let asks_kind =
            self.condition.as_ref().is_some_and(|expr| expr.uses().iter().any(|usage| usage.root() == "type"));
        Needs { kind: if scanned { asks_kind } else { self.needs.kind }, ..self.needs }
    }

    /// Is this key meant?
    pub(super) fn takes(&self, key: &[u8], about: &About) -> Result<bool, Fault> {
        if let (Some(wanted), Some(kind)) = (&self.kind, &about.kind)
            && !wanted.eq_ignore_ascii_case(kind)
        {
            return Ok(false);
        }
        let Some(condition) = &self.condition else { return Ok(true) };
        if let Some(answer) = self.quick.as_ref().and_then(|quick| quick.eval(key, about)) {
            return Ok(answer);
        }
        let mut scope = self.scope.clone();
        scope.set("key", lossless(key));
        let numbers = [("ttl", about.ttl), ("idle", about.idle), ("memory", about.memory)];
        for (name, number) in numbers {
            scope.set(name, number.map_or(Value::Null, Value::from));
        }
        scope.set("type", about.kind.as_deref().unwrap_or_default());
        match condition.eval(&scope) {
            Ok(evaluated) => Ok(evaluated.truth),
            Err(EvalError::Failed { code, message, help, .. }) => {
                Err(Fault::new(FaultKind::Invalid, code, message).help(help))
            }
            Err(EvalError::Unknown(steps)) => {
                Err(Fault::new(FaultKind::Invalid, Code::NotReady, format!("`where` waits for {}", steps.join(", "))))
            }
        }
    }
}

impl Needs {
    /// Does anything have to be asked?
    pub(super) fn any(self) -> bool {
        self.kind || self.ttl || self.idle || self.memory
    }

    /// How many commands for each key.
    pub(super) fn width(self) -> usize {
        usize::from(self.kind) + usize::from(self.ttl) + usize::from(self.idle) + usize::from(self.memory)
    }

    /// Asks about one key. None of this counts as use of the key.
    pub(super) fn ask(self, key: &[u8], lines: &mut Lines) {
        if self.kind {
            lines.add([b"TYPE".as_slice(), key]);
        }
        if self.ttl {
            lines.add([b"TTL".as_slice(), key]);
        }
        if self.idle {
            lines.add([b"OBJECT".as_slice(), b"IDLETIME", key]);
        }
        if self.memory {
            lines.add([b"MEMORY".as_slice(), b"USAGE", key]);
        }
    }

    /// The replies about one key; `None` if it is gone.
    pub(super) fn read(
        self,
        replies: &mut impl Iterator<Item = Reply>,
        target: &RedisTarget,
    ) -> Result<Option<About>, Fault> {
        let mut about = About::default();
        let mut gone = false;
        let mut next = || told(replies.next().unwrap_or(Reply::Nil), target);
        if self.kind {
            let kind = next()?.text().unwrap_or("none").to_owned();
            gone |= kind == "none";
            about.kind = Some(kind);
        }
        if self.ttl {
            about.ttl = next()?.int();
            gone |= about.ttl == Some(-2);
        }
        if self.idle {
            about.idle = next().map_err(idle)?.int();
            gone |= about.idle.is_none();
        }
        if self.memory {
            about.memory = next()?.int();
            gone |= about.memory.is_none();
        }
        Ok((!gone).then_some(about))
    }
}

fn idle(fault: Fault) -> Fault {
    if fault.message.contains("LFU") {
        return Fault {
            help: "this server counts how often keys are used, not when: leave idle out of where:".into(),
            ..fault
        };
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;
    use playbook_core::diagnostic::Diagnostics;
    use playbook_core::source::{Span, Spanned};
    use proptest::prelude::*;

    fn filter(text: &str) -> Filter {
        let mut found = Diagnostics::new();
        let expr = Expr::new(&Spanned::new(text.to_owned(), Span::default()), &mut found).expect("reads");
        Filter::new(None, Some(expr), &Scope::new())
    }

    #[test]
    fn only_what_the_condition_asks_is_asked() {
        assert_eq!(filter("ttl < 0").needs(false), Needs { ttl: true, ..Needs::default() });
        assert_eq!(filter("key == 'a'").needs(false), Needs::default());
        assert_eq!(filter("type == 'list' and idle > 5").needs(false).width(), 2);
    }

    #[test]
    fn a_condition_that_makes_no_sense_is_told() {
        let about = About { kind: Some("list".into()), ..About::default() };
        assert_eq!(filter("type > 5").takes(b"k", &about).expect_err("refused").code, Code::StringNumber);
    }

    proptest! {
        #[test]
        fn the_quick_way_and_the_long_way_agree(
            text in "(not )?(ttl|idle|memory|type|key) (<|<=|==|!=|>|>=) (-1|0|5|3600|'list'|'k') (and|or) (\\()?(ttl|idle|type) (<|==|>=) (7|'list')(\\))?",
            ttl in -1i64..10, idle in 0i64..10, memory in 0i64..4000, kind in "(list|string)", key in "[kx]{1,2}",
        ) {
            prop_assume!(text.contains('(') == text.contains(')'));
            let about = About { kind: Some(kind), ttl: Some(ttl), idle: Some(idle), memory: Some(memory) };
            let quick = filter(&text);
            let long = Filter { quick: None, ..quick.clone() };
            let (quick, long) = (quick.takes(key.as_bytes(), &about), long.takes(key.as_bytes(), &about));
            prop_assert_eq!(quick.map_err(|fault| fault.code), long.map_err(|fault| fault.code), "{}", text);
        }
    }
}
