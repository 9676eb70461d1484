package shell

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The console protocol is a stream of frames in both directions: one byte of kind, four bytes of length (big endian),
// the payload. The client begins with hello. An interactive client then sends input and resize and shows output until
// exit arrives. Any other client sends one line, or those that it has, and waits for their status; in between come output
// and, where a command wants one more line of input than was sent, ask, which it answers with answer or noAnswer.
type kind byte

const (
	kindHello     kind = 'h' // client: hello
	kindInput     kind = 'i' // client: bytes typed
	kindResize    kind = 'w' // client: size
	kindLine      kind = 'l' // client: a line without its end
	kindLines     kind = 'm' // client: several lines, with newlines between them
	kindAnswer    kind = 'a' // client: the line that ask wanted
	kindNoAnswer  kind = 'n' // client: there are no more lines
	kindInterrupt kind = 'c' // client: stop the running command
	kindOutput    kind = 'o' // server: bytes to show
	kindAsk       kind = 'q' // server: one more line of input is wanted
	kindStatus    kind = 's' // server: status, ends a line or lines
	kindExit      kind = 'x' // server: exit, ends the session
)

// protocol is raised when frames change meaning; both sides come from one binary, so no older one is spoken.
const protocol = 2

// maxFrame bounds what is read into memory: a line of modules.MaxLine and room for a caller that exceeds it, so that
// the session, not the transport, refuses it.
const maxFrame = 128 << 10

// maxOutput is the largest payload of an output frame; longer output is cut into several.
const maxOutput = 32 << 10

type hello struct {
	Protocol    int  `json:"protocol"`
	Interactive bool `json:"interactive"`          // a person at a terminal
	Privileged  bool `json:"privileged,omitempty"` // start in privileged mode
	Screen      bool `json:"screen,omitempty"`     // output goes to a terminal, input does not
	Size        Size `json:"size"`
}

// Size is that of a terminal in character cells; zero is unknown.
type Size struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

type status struct {
	Outcome Outcome   `json:"outcome"`           // the worst
	Secret  bool      `json:"secret,omitempty"`  // a line held a secret in clear
	Closed  bool      `json:"closed,omitempty"`  // a line ended the session: exit
	More    bool      `json:"more,omitempty"`    // a text of several lines is not complete
	Refused []refusal `json:"refused,omitempty"` // of several lines, those that were not done; at most maxRefusals
}

type exit struct {
	Gone    bool   `json:"gone,omitempty"` // the box ends, not the operator
	Message string `json:"message,omitempty"`
}

var errFrameTooLarge = errors.New("console frame is too large")

// link reads and writes frames. One goroutine may read while any number write.
type link struct {
	r *bufio.Reader

	mu sync.Mutex // guards w: a frame is written whole
	w  io.Writer
}

func newLink(rw io.ReadWriter) *link { return &link{r: bufio.NewReader(rw), w: rw} }

func (l *link) read() (kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(l.r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return 0, nil, fmt.Errorf("%w: %d bytes", errFrameTooLarge, size)
	}
	payload := make([]byte, size)
	_, err := io.ReadFull(l.r, payload)
	return kind(head[0]), payload, err
}

func (l *link) write(k kind, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("%w: %d bytes", errFrameTooLarge, len(payload))
	}
	frame := make([]byte, 5, 5+len(payload))
	frame[0] = byte(k)
	binary.BigEndian.PutUint32(frame[1:], uint32(len(payload)))
	frame = append(frame, payload...)
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.w.Write(frame)
	return err
}

func (l *link) writeJSON(k kind, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode console frame: %w", err)
	}
	return l.write(k, payload)
}

// output is an io.Writer of output frames. Its errors are errHangup.
type output struct{ link *link }

func (o output) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n := min(len(p)-done, maxOutput)
		if err := o.link.write(kindOutput, p[done:done+n]); err != nil {
			return done, fmt.Errorf("%w: %w", errHangup, err)
		}
		done += n
	}
	return len(p), nil
}
