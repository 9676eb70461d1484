// Package modules is the contract between the box and its modules: the grammar as data, the configuration tree, and
// the engine that checks a candidate tree in every module before it applies it to any.
package modules

import (
	"context"
	"io"
	"io/fs"
	"os"
)

// A Module is one room of the box. It says which lines it understands; what it does with them it says by also being
// Configured, a Runner, or both.
type Module interface {
	Name() string
	Grammar() Grammar
}

// Configured is a module that acts on configuration. It is shown its own lines only, with the contexts that hold them, and
// is asked again only when one of them has changed: a pasted line costs the modules it is about and no others. A module
// that needs the lines of others is also a Reader.
type Configured interface {
	// Check says whether the candidate could be applied. It touches nothing. A *StatementError names the line.
	Check(candidate *Tree) error
	// Apply makes the module match the tree, whatever it did before: applying twice changes nothing, and rolling
	// back is applying the old tree.
	Apply(ctx context.Context, tree *Tree) error
}

// Reader is a Configured module that is also shown the lines of other modules, by their names, and told of their changes.
type Reader interface {
	Reads() []string
}

// Guard is a Configured module that knows how operators reach the box.
type Guard interface {
	// Cuts says, for a person, why the change would cut the session it comes from, such as "the account alice is removed";
	// empty if it would not. It touches nothing.
	Cuts(old, candidate *Tree, actor Actor) (reason string)
}

// Runner is a module that lives between start and stop of the box. Run returns when ctx ends.
type Runner interface {
	Run(ctx context.Context) error
}

// Grammar is what a module adds to the command line.
type Grammar struct {
	Statements []Statement
	Commands   []Command
	Foreign    []Foreign // lines that are not there, and what to do instead; may be empty
}

// Statement is one kind of configuration line.
//
// Syntax knows literals, LABELS, {a | b}, [optional] (in any order; rendered in syntax order), [repeated]... and a
// list LABEL... .
type Statement struct {
	In     string            // Syntax of the parent statement; empty at the top
	Syntax string            // for example "ip host NAME ADDR"
	Help   string            // one line that a newcomer understands
	Words  map[string]string // help for each literal, where it says more than Help
	Args   map[string]Type   // every LABEL of Syntax
	Key    []string          // labels that identify the line among its kind; none: a single value
	Order  Order
	Mode   string // part of the prompt if the line opens a context, for example "if-NAME" (labels are filled in)

	// Default is the whole line that says what is in force while nothing is typed, for `show running-config all`; empty
	// if there is no such line. Statements with a Key have none.
	Default string

	// Alone keeps the line out of the batches in which the shell runs pasted lines: it changes the prompt of those behind it.
	Alone bool

	// Normalize is given typed input only, never what is loaded from the box's own startup-config, and may replace values:
	// a secret is hashed or sealed here, so that no tree holds one in clear.
	Normalize func(Values) (Values, error)

	// Note is what somebody who typed the line must know of what it costs. It is printed once the line is accepted, and not
	// for what is loaded or removed; empty, or a nil func: nothing.
	Note func(Values) string

	pattern *pattern // compiled by NewBook
}

// Order says how the lines of one Statement stand in running-config.
type Order int

const (
	Sorted  Order = iota // by key, so that two boxes with the same lines print the same text
	AsTyped              // where the order is meaning
)

// Command is one exec or show line. Every show accepts pipes and `| json`.
type Command struct {
	Syntax string
	Help   string
	Words  map[string]string
	Args   map[string]Type
	Level  int // privilege level 0-15 that may run it; 0 and 1 run in user mode, others need `enable`

	// InConfig makes the command understood in every configuration mode as well, among the statements: `end`, `exit`,
	// `do LINE`. ParseStatement then returns a Match with Command set.
	InConfig   bool
	ConfigOnly bool // InConfig, and not understood in exec mode: there `en` is enable, never end

	// Pinned keeps the command at its Level: `privilege exec level` cannot move what everybody needs, nor what reaches
	// everything, such as the configuration as a whole.
	Pinned bool

	// Support is the line that `show tech-support` runs for this command. It must show no secret and no data of guests.
	Support string

	// Result is a zero value of the type whose JSON Run's View is, for docs/schema/, or a OneOf; nil: the result is plain Text.
	Result any

	Run func(ctx context.Context, call Call) (View, error)
}

// OneOf is the Result of a command whose View is of one of several types.
type OneOf []any

// A Type reads and writes one argument.
type Type interface {
	Parse(text string) (any, error) // the error says what is expected, for people: "a port from 1 to 65535"
	Render(value any) string        // Parse(Render(v)) is v
	Form() string                   // what `?` shows: WORD, A.B.C.D, <1-65535>, LINE
	Help() string                   // what the argument is, for `?`
	Secret() bool                   // never shown, logged or kept in a history
}

// A Lister is a Type that knows values that would be accepted now, for `?` and Tab.
type Lister interface {
	List(prefix string) []Candidate
}

// A Candidate is one line of `?`.
type Candidate struct {
	Text string // the word, or the form of an argument
	Help string
}

// Call is what a Command gets.
type Call struct {
	Values   Values
	Actor    Actor
	Terminal Terminal
	Files    Files
	Line     string // as typed, abbreviations expanded, secrets masked
	Piped    bool   // a pipe or `| json` takes the View: nothing of the result may be written to the Terminal
}

// Actor is who does something.
type Actor struct {
	Name  string `json:"name"`  // account, or "console"
	From  string `json:"from"`  // "console", or an address
	Level int    `json:"level"` // 0-15
	Line  int    `json:"line"`  // number of the session, as `show users` counts; 0: not one of them
}

// Terminal is the operator's side of a running command.
type Terminal interface {
	io.Writer // notices that are not the command's result; the result is its View
	// Interactive says whether a person sits there. Confirmations and secrets are refused if not.
	Interactive() bool
	// Confirm asks "question [confirm]" or similar; off a terminal it returns ErrNotInteractive.
	Confirm(ctx context.Context, question string) (bool, error)
	// YesNo asks "question [yes/no]: " and takes a whole line for an answer: for questions that come one after another,
	// where the Enter of "n" and Enter must not say yes to the next. Off a terminal it is as Confirm.
	YesNo(ctx context.Context, question string) (bool, error)
	// ReadSecret asks without echo. Off a terminal it takes the next line of input.
	ReadSecret(ctx context.Context, prompt string) (string, error)
	// Progress draws a bar; off a terminal it does nothing. total 0 means unknown. unit is a plural: "accounts".
	Progress(done, total int64, unit string)
}

// Files is the file area of the operator: relative names lie under DIR/files, absolute ones are for the console only.
type Files interface {
	Open(name string) (*os.File, error)
	// Create returns a file that takes its name only on Commit, with mode 0600; until then the old one stays.
	Create(name string) (PendingFile, error)
	// List returns what is in a folder, by name, without what is still being written; "" is the area itself.
	List(name string) (Folder, error)
	// Stat describes a file, a folder, or a link itself.
	Stat(name string) (fs.FileInfo, error)
	// Remove takes away a file, a link, or an empty folder. It is for the area only, as is Rename.
	Remove(name string) error
	// Rename gives a file or folder another name. What has that name already is replaced only with replace, and only by
	// its like.
	Rename(from, to string, replace bool) error
}

// Folder is one folder of the file area.
type Folder struct {
	Entries []fs.FileInfo // by name
	More    bool          // there are more than MaxEntries
	Free    *uint64       // bytes free on the file system; nil: unknown
}

// MaxEntries bounds what Files.List returns.
const MaxEntries = 10_000

// PendingFile replaces its name whole or not at all.
type PendingFile interface {
	io.Writer
	Commit() error
	Abort() error // does nothing after Commit
}

// A View is the result of a command. json.Marshal of the same value is what `| json` prints, so a View is a struct (or
// slice) with json tags; times are RFC 3339, null when unknown, lists are [] and never null.
type View interface {
	// Text writes at most width columns a line where it can; width 0 means unlimited.
	Text(w io.Writer, width int) error
}

// Text is a View of plain text; as JSON it is {"text": ...}.
type Text string

func (t Text) Text(w io.Writer, _ int) error {
	_, err := io.WriteString(w, string(t))
	return err
}

// MarshalJSON keeps `| json` an object for commands without a data model.
func (t Text) MarshalJSON() ([]byte, error) { return marshalText(string(t)) }
