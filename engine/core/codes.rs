//! The error codes. Each has a page in `codes/`, which `playbook explain` prints.
//!
//! A code is never given a new meaning; a code that is no longer used keeps its page.

macro_rules! codes {
    ($($name:ident = $code:literal $title:literal),* $(,)?) => {
        /// What kind of problem something is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// `PB0101`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => concat!("PB", $code),)* }
            }

            /// What it is, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// The page on it, as Markdown.
            pub fn page(self) -> &'static str {
                match self { $(Code::$name => include_str!(concat!("codes/PB", $code, ".md")),)* }
            }
        }
    };
}

codes! {
    // 01: the file as YAML
    Budget = "0101" "the file is larger, deeper or more repetitive than allowed",
    Yaml = "0102" "the file is not valid YAML",
    DuplicateKey = "0103" "a key is written twice",
    NotAPlaybook = "0104" "the file is not a playbook",
    UnknownKey = "0105" "a key that has no meaning here",
    WrongType = "0106" "a value of the wrong type",
    MissingKey = "0107" "a required key is missing",
    AmbiguousScalar = "0108" "a value that YAML readers understand differently",
    // 02: steps
    NoAction = "0201" "a step that does nothing",
    TwoActions = "0202" "a step with more than one action",
    UnknownAction = "0203" "an action that does not exist",
    DuplicateId = "0204" "an id is used twice",
    InvalidId = "0205" "a name that cannot be used as an id",
    NameMismatch = "0206" "the playbook is not named like its file",
    Misplaced = "0207" "keys that do not go together",
    NotSupported = "0208" "part of the language that this version cannot run",
    // 03: references
    UnknownStep = "0301" "a step that does not exist",
    Cycle = "0302" "steps that wait for each other",
    NotReady = "0303" "a reference to a step that cannot have run",
    UnknownInput = "0304" "an input that does not exist",
    UnknownTarget = "0305" "a target that does not exist",
    UndefinedName = "0306" "a name that is not defined",
    Expression = "0307" "an expression or template that cannot be read",
    UnknownFunction = "0308" "a filter, test or function that does not exist",
    Evaluation = "0309" "an expression that has no value",
    StringNumber = "0310" "a string compared with a number",
    // 04: inputs
    InputDeclaration = "0401" "an input whose declaration contradicts itself",
    InputValue = "0402" "a value that an input does not take",
    InputMissing = "0403" "a required input without a value",
    SecretInTheOpen = "0404" "a secret where others can read it",
    SecretUnavailable = "0405" "a secret that cannot be had",
    // 05: what a provider makes of its parameters
    Quoting = "0501" "a command line with an open quote",
    UnknownCommand = "0502" "a command that the provider does not know",
    Arguments = "0503" "a command with the wrong arguments",
    UnsuitableCommand = "0504" "a command that cannot be a step",
    DangerousCommand = "0505" "a command that hurts a live server",
    TargetAddress = "0506" "a target address that cannot be read",
    Manifest = "0507" "a file that a step names and cannot use",
    // 06: safety
    NoWayBack = "0601" "a change that cannot be taken back, without a gate",
    UnprovenRollback = "0602" "a rollback that proves nothing",
    Wait = "0603" "waiting that cannot end well",
    // 07: while running
    Unreachable = "0701" "a target that does not answer",
    Unauthorised = "0702" "a target that refuses the user",
    WrongTarget = "0703" "a target that is not the one expected",
    Locked = "0704" "another run holds the target",
    PlaybookChanged = "0705" "the playbook is not the one the run started with",
    JournalDamaged = "0706" "a journal that does not hold together",
    ApprovalLapsed = "0707" "what was approved is no longer what would happen",
    CaptureLimit = "0708" "more to capture than is allowed",
    RunNotFound = "0709" "a run that cannot be found",
    ServerError = "0710" "the server refused a command",
    Expectation = "0711" "an expectation that was not met",
    TimedOut = "0712" "time ran out",
    State = "0713" "the state directory cannot be used",
    ReadOnly = "0714" "a write where only reads are allowed",
    InDoubt = "0715" "a change of which nobody knows whether it happened",
    Conflict = "0716" "someone else changed what would be rolled back",
    WorldMoved = "0717" "what is to be changed keeps changing",
    Drill = "0718" "a drill that did not end as it should",
    // 08: the command line
    PlaybookNotFound = "0801" "a playbook that cannot be found",
    Usage = "0802" "a command used in a way that makes no sense",
    NeedsPerson = "0803" "a decision that needs a person",
    Internal = "0899" "a fault in playbook itself",
}

impl Code {
    /// Finds `PB0101`, `pb101` or `101`.
    pub fn find(text: &str) -> Option<Self> {
        let digits = text.trim_start_matches(['P', 'p', 'B', 'b']);
        let number: u32 = digits.parse().ok()?;
        let wanted = format!("PB{number:04}");
        Self::ALL.iter().copied().find(|code| code.as_str() == wanted)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn every_page_names_its_code_and_says_what_to_do() {
        for code in Code::ALL {
            let page = code.page();
            assert!(page.starts_with(&format!("# {code}: {}\n", code.title())), "{code}: heading");
            assert!(page.contains("\n## What to do\n"), "{code}: what to do");
        }
    }

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        for text in ["PB0101", "pb0101", "101", "PB101"] {
            assert_eq!(Code::find(text), Some(Code::Budget));
        }
        assert_eq!(Code::find("PB9999"), None);
    }
}
