//! The usual conditions, fast: names of a key compared with numbers and texts, joined by `and`, `or`,
//! `not` and parentheses. Everything else, and everything that looks wrong, goes the long way through
//! the expression language.
//!
//! Invariant: an answer given here is the answer of the long way.

use super::filter::About;

/// A condition that needs no interpreter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Quick {
    Compare(Name, Order, Literal),
    Not(Box<Quick>),
    And(Box<Quick>, Box<Quick>),
    Or(Box<Quick>, Box<Quick>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Key,
    Kind,
    Ttl,
    Idle,
    Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Number(i64),
    Text(String),
}

impl Quick {
    /// Reads a condition, if it is one of the usual.
    pub(super) fn read(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens };
        let read = parser.or()?;
        parser.tokens.is_empty().then_some(read)
    }

    /// The answer; `None` where only the long way knows.
    pub(super) fn eval(&self, key: &[u8], about: &About) -> Option<bool> {
        match self {
            Self::Not(inner) => Some(!inner.eval(key, about)?),
            Self::And(left, right) => Some(left.eval(key, about)? && right.eval(key, about)?),
            Self::Or(left, right) => Some(left.eval(key, about)? || right.eval(key, about)?),
            Self::Compare(name, order, literal) => match (name, literal) {
                (Name::Ttl, Literal::Number(number)) => Some(order.holds(&about.ttl?, number)),
                (Name::Idle, Literal::Number(number)) => Some(order.holds(&about.idle?, number)),
                (Name::Memory, Literal::Number(number)) => Some(order.holds(&about.memory?, number)),
                (Name::Kind, Literal::Text(text)) => order.equates(about.kind.as_deref()?, text),
                (Name::Key, Literal::Text(text)) => order.equates(std::str::from_utf8(key).ok()?, text),
                // Unlike kinds: the long way says what is wrong.
                (Name::Ttl | Name::Idle | Name::Memory, Literal::Text(_))
                | (Name::Kind | Name::Key, Literal::Number(_)) => None,
            },
        }
    }
}

impl Order {
    fn holds<T: Ord>(self, left: &T, right: &T) -> bool {
        let order = left.cmp(right);
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    fn equates(self, left: &str, right: &str) -> Option<bool> {
        match self {
            Self::Equal => Some(left == right),
            Self::NotEqual => Some(left != right),
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Literal(Literal),
    Order(Order),
    Open,
    Close,
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let pairs = [
            ("<=", Token::Order(Order::LessOrEqual)),
            (">=", Token::Order(Order::GreaterOrEqual)),
            ("==", Token::Order(Order::Equal)),
            ("!=", Token::Order(Order::NotEqual)),
            ("<", Token::Order(Order::Less)),
            (">", Token::Order(Order::Greater)),
            ("(", Token::Open),
            (")", Token::Close),
        ];
        let length = if let Some((mark, token)) = pairs.into_iter().find(|(mark, _)| rest.starts_with(mark)) {
            found.push(token);
            mark.len()
        } else if first == '\'' || first == '"' {
            let end = rest[1..].find(first)? + 1;
            let inner = &rest[1..end];
            if inner.contains('\\') {
                return None;
            }
            found.push(Token::Literal(Literal::Text(inner.to_owned())));
            end + 1
        } else {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
            let word = &rest[..end];
            let numeric = first.is_ascii_digit() || first == '-';
            found.push(match (numeric, word.parse::<i64>()) {
                (true, Ok(number)) => Token::Literal(Literal::Number(number)),
                (true, Err(_)) => return None,
                (false, _) if word.is_empty() || word.contains('-') => return None,
                (false, _) => Token::Word(word.to_owned()),
            });
            end
        };
        rest = rest[length..].trim_start();
    }
    Some(found)
}

struct Parser<'t> {
    tokens: &'t [Token],
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn eats(&mut self, word: &str) -> bool {
        let eaten = matches!(self.tokens.first(), Some(Token::Word(found)) if found == word);
        if eaten {
            self.tokens = &self.tokens[1..];
        }
        eaten
    }

    fn or(&mut self) -> Option<Quick> {
        let mut left = self.and()?;
        while self.eats("or") {
            left = Quick::Or(Box::new(left), Box::new(self.and()?));
        }
        Some(left)
    }

    fn and(&mut self) -> Option<Quick> {
        let mut left = self.not()?;
        while self.eats("and") {
            left = Quick::And(Box::new(left), Box::new(self.not()?));
        }
        Some(left)
    }

    fn not(&mut self) -> Option<Quick> {
        if self.eats("not") {
            return Some(Quick::Not(Box::new(self.not()?)));
        }
        if self.tokens.first() == Some(&Token::Open) {
            self.next();
            let inner = self.or()?;
            return (self.next()? == Token::Close).then_some(inner);
        }
        let Token::Word(word) = self.next()? else { return None };
        let name = match word.as_str() {
            "key" => Name::Key,
            "type" => Name::Kind,
            "ttl" => Name::Ttl,
            "idle" => Name::Idle,
            "memory" => Name::Memory,
            _ => return None,
        };
        match (self.next()?, self.next()?) {
            // A second comparison would be a chain, which means something else.
            (Token::Order(order), Token::Literal(literal)) if !matches!(self.tokens.first(), Some(Token::Order(_))) => {
                Some(Quick::Compare(name, order, literal))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_conditions_are_read_and_others_are_left() {
        for text in ["ttl < 0", "not ttl >= 0 and type == 'list'", "(idle > 3600 or memory > 1000) and key != \"a\""] {
            assert!(Quick::read(text).is_some(), "{text}");
        }
        for text in [
            "0 < ttl < 5",
            "ttl < 0 < 5",
            "ttl < 0.5",
            "key is startingwith('a')",
            "ttl",
            "ttl < idle",
            "ttl < bytes('1k')",
            "key == 'a\\n'",
            "",
        ] {
            assert_eq!(Quick::read(text), None, "{text}");
        }
    }
}
