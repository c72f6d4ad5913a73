//! The arguments. `--help` and the reference in `docs/` are made from this.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Executable runbooks: planned like terraform, recorded as they run, taken back if it goes wrong.
#[derive(Debug, Parser)]
#[command(name = "playbook", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Examples:
  playbook find \"OOM command not allowed\"   which playbook helps?
  playbook plan redis-oom --live            what would it change, right now?
  playbook run redis-oom                    do it, step by step
  playbook rollback last                    take it back
  playbook timeline last -o markdown        what happened, for the post-mortem

Exit codes: 0 done · 1 failed · 2 wrong input · 3 waiting for a person · 4 failed and rolled back ·
5 rolled back in part · 6 refused before any change · 130 cancelled")]
pub(crate) struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Global {
    /// Colour: auto, always or never. NO_COLOR and CLICOLOR_FORCE are honoured.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub color: Colour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For a person.
    Text,
    /// For programs; stable, with a schema.
    Json,
    /// For a pull request or a post-mortem.
    Markdown,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Carry out a playbook.
    Run(Run),
    /// Show what a playbook would do, without being able to do it.
    Plan(Plan),
    /// Find everything that is wrong with playbooks.
    Check(Check),
    /// Draw the order of the steps.
    Graph(Graph),
    /// List playbooks.
    List(List),
    /// Show a playbook, or where a run stands.
    Show(Show),
    /// Find the playbook for an alert, an error text or a symptom.
    Find(Find),
    /// List runs, and who holds what.
    Runs(Runs),
    /// Follow a run from another terminal.
    Watch(RunName),
    /// Go on with a run that waits for a person, or that was killed or left half-way.
    Resume(Resume),
    /// Say yes to the question of a run.
    Approve(Decide),
    /// Say no to the question of a run.
    Reject(Decide),
    /// Put a line into the timeline of a run.
    Note(Note),
    /// Take back what a run changed.
    Rollback(Rollback),
    /// Ask a run to end.
    Cancel(RunName),
    /// Take a target away from the run that holds it.
    Unlock(Unlock),
    /// Export what happened.
    Timeline(Timeline),
    /// Check that nobody edited a journal.
    Verify(Verify),
    /// Rehearse a playbook on throwaway servers: break, run, check, take back, compare.
    Drill(Drill),
    /// Print a JSON Schema.
    Schema(Schema),
    /// Explain an error code.
    Explain(Explain),
    /// Print completions for a shell.
    Completions(Completions),
    /// Print the manual page, or write all of them.
    Man(Man),
    /// Look at this machine: state directory, terminal, programs that are needed.
    Doctor(Doctor),
}

/// What a run is given; also for plans.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct Given {
    /// An input: NAME=VALUE, NAME=@FILE or NAME=env:VARIABLE. Secrets only in the last two forms.
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    /// Inputs from a YAML or JSON file.
    #[arg(long, value_name = "FILE")]
    pub input_file: Option<PathBuf>,
    /// The environment whose targets are used, from targets.yaml beside the playbook.
    #[arg(short, long, env = "PLAYBOOK_ENV", value_name = "NAME")]
    pub env: Option<String>,
    /// Put a target elsewhere: NAME=URL. The scheme of the URL says what kind it is.
    #[arg(short, long = "target", value_name = "NAME=URL")]
    pub targets: Vec<String>,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  playbook run redis-oom
  playbook run redis-oom --env prod -i new_limit=4gb
  playbook run redis-oom --dry-run              as `playbook plan`
  playbook run ./mine.yaml -t cache=redis://10.0.0.7:6379/0")]
pub(crate) struct Run {
    /// Name or path of the playbook.
    pub playbook: String,
    #[command(flatten)]
    pub given: Given,
    /// Plan only.
    #[arg(long)]
    pub dry_run: bool,
    /// Answer the `confirm:` questions with yes. Approvals and protected targets still ask.
    #[arg(short, long)]
    pub yes: bool,
    /// Steps that may run side by side.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub parallel: u32,
    /// Ask nothing; park where a person is needed.
    #[arg(long)]
    pub no_input: bool,
    /// text for a person, json for one event a line.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// With --dry-run: exit with 10 if something would change.
    #[arg(long, requires = "dry_run")]
    pub detailed_exitcode: bool,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  playbook plan redis-oom                       offline: no connection is opened
  playbook plan redis-oom --live                asks the targets, and cannot write
  playbook plan redis-oom --live -o markdown    for a pull request
  playbook plan redis-oom --live --detailed-exitcode; [ $? = 10 ] && echo changes")]
pub(crate) struct Plan {
    /// Name or path of the playbook.
    pub playbook: String,
    #[command(flatten)]
    pub given: Given,
    /// Ask the targets what would be hit and changed.
    #[arg(long)]
    pub live: bool,
    /// Exit with 10 if something would change.
    #[arg(long)]
    pub detailed_exitcode: bool,
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  playbook check                      every playbook here
  playbook check redis-oom mine.yaml
  playbook check -o github            annotations for a pull request")]
pub(crate) struct Check {
    /// Names or paths; all playbooks here if none is given.
    pub playbooks: Vec<String>,
    /// Warnings count as errors.
    #[arg(long)]
    pub strict: bool,
    #[arg(short, long, value_enum, default_value_t = CheckOutput::Text)]
    pub output: CheckOutput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckOutput {
    /// With excerpts, for a person.
    Text,
    /// For programs.
    Json,
    /// Annotations for GitHub Actions.
    Github,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Graph {
    /// Name or path of the playbook.
    pub playbook: String,
    #[arg(short, long, value_enum, default_value_t = GraphOutput::Tree)]
    pub output: GraphOutput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphOutput {
    /// For a terminal.
    Tree,
    /// For Markdown.
    Mermaid,
    /// For graphviz.
    Dot,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct List {
    /// Only those with this tag.
    #[arg(long)]
    pub tag: Option<String>,
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Show {
    /// A playbook, or a run (`last` for the latest).
    pub name: String,
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  playbook find \"OOM command not allowed when used memory > 'maxmemory'\"
  playbook find --alert RedisMemoryHigh
  playbook find writes fail")]
pub(crate) struct Find {
    /// Words of an error, an alert or a symptom.
    pub words: Vec<String>,
    /// The name of an alert.
    #[arg(long)]
    pub alert: Option<String>,
    /// The text of an error, as it stands in a log.
    #[arg(long)]
    pub error: Option<String>,
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Runs {
    /// How many, latest first.
    #[arg(short = 'n', long, default_value_t = 20)]
    pub limit: usize,
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RunName {
    /// The run: its id, the last part of it, or `last`.
    #[arg(default_value = "last")]
    pub run: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Resume {
    /// The run: its id, the last part of it, or `last`.
    #[arg(default_value = "last")]
    pub run: String,
    /// Go on although this step was changed in the file. May be repeated.
    #[arg(long = "accept", value_name = "STEP")]
    pub accept: Vec<String>,
    /// Go on although another server answers at this target than when it was changed, for example
    /// because it was restarted. May be repeated.
    #[arg(long = "accept-target", value_name = "TARGET")]
    pub accept_targets: Vec<String>,
    #[command(flatten)]
    pub given: Given,
    /// Ask nothing; park where a person is needed.
    #[arg(long)]
    pub no_input: bool,
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Decide {
    /// The run: its id, the last part of it, or `last`.
    pub run: String,
    /// The step, if more than one asks.
    pub step: Option<String>,
    /// Why.
    #[arg(short = 'm', long, value_name = "TEXT")]
    pub comment: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Note {
    /// The run: its id, the last part of it, or `last`.
    pub run: String,
    /// What to say.
    #[arg(required = true)]
    pub text: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Rollback {
    /// The run: its id, the last part of it, or `last`.
    pub run: String,
    /// Show what would be put back, without being able to do it.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// Go on although another server answers at this target than when it was changed, for example
    /// because it was restarted. May be repeated.
    #[arg(long = "accept-target", value_name = "TARGET")]
    pub accept_targets: Vec<String>,
    #[command(flatten)]
    pub given: Given,
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Unlock {
    /// The target's identity as `playbook runs` shows it, or the run that holds it.
    pub what: String,
    /// Why it is safe. Recorded.
    #[arg(long)]
    pub reason: String,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  playbook timeline last
  playbook timeline k3f9 -o json > incident.json
  playbook timeline last --tz Europe/Berlin > postmortem.md")]
pub(crate) struct Timeline {
    /// The run: its id, the last part of it, or `last`.
    #[arg(default_value = "last")]
    pub run: String,
    #[arg(short, long, value_enum, default_value_t = TimelineOutput::Markdown)]
    pub output: TimelineOutput,
    /// The zone in which times are shown.
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    pub tz: String,
    /// Shorten to this many characters, and say what was left out.
    #[arg(long, value_name = "N")]
    pub max_chars: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimelineOutput {
    /// For a post-mortem.
    Markdown,
    /// For programs; stable, with a schema.
    Json,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "Exit codes: 0 good and anchored · 20 tampered · 21 incomplete · 22 consistent, but its end is
not anchored by a head")]
pub(crate) struct Verify {
    /// The run, or the path of a journal.
    #[arg(default_value = "last")]
    pub run: String,
    /// A head that was kept elsewhere: a file, or sha256:… of the last line.
    #[arg(long, value_name = "HEAD")]
    pub head: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Drill {
    /// Name or path of the playbook.
    pub playbook: String,
    /// Leave the servers running afterwards, to look at them.
    #[arg(long)]
    pub keep: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Schema {
    /// Of what.
    #[arg(value_enum)]
    pub what: SchemaOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// What authors write.
    Playbook,
    /// `plan -o json`.
    Plan,
    /// `run -o json`, and the lines of a journal.
    Event,
    /// `timeline -o json`.
    Timeline,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Explain {
    /// A code such as PB0302; all of them if none is given.
    pub code: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Completions {
    /// Which shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Man {
    /// Write one page a command into this directory.
    pub dir: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}
