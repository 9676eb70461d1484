package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"mbox/modules"
)

// Privilege guards `enable`.
type Privilege interface {
	// Asks says whether a level wants a secret of this actor. The error refuses the level.
	Asks(actor modules.Actor, level int) (bool, error)
	// Prove checks a secret. An *modules.Error ends the attempt and is told; after any other error the secret was wrong.
	Prove(ctx context.Context, actor modules.Actor, level int, secret string) error
}

// After an `enable` whose secrets were all wrong the session waits before the next, each time longer. The console does not.
const (
	enableWait    = 5 * time.Second
	maxEnableWait = time.Minute
)

// consoleFrom is Actor.From of whoever sits at the box itself.
const consoleFrom = "console"

// refusals is how often `enable` failed in this session since it last succeeded.
type refusals struct {
	count int
	until time.Time // no `enable` before
}

func (r *refusals) add() {
	r.count++
	r.until = time.Now().Add(min(time.Duration(r.count)*enableWait, maxEnableWait))
}

func enable(ctx context.Context, s *Session, call modules.Call) (modules.View, error) {
	level := fullLevel
	if call.Values.Has("LEVEL") {
		level = modules.Get[int](call.Values, "LEVEL")
	}
	if level > s.actor.Level && s.server.Enable != nil {
		if err := s.prove(ctx, call.Terminal, level); err != nil {
			return nil, err
		}
		s.refused = refusals{}
		s.log().Info("%SYS-5-PRIV_AUTH_PASS: privilege raised", "level", level)
	}
	s.setLevel(level)
	return nil, nil
}

// prove returns nil if the operator may have the level.
func (s *Session) prove(ctx context.Context, terminal modules.Terminal, level int) error {
	asks, err := s.server.Enable.Asks(s.actor, level)
	if err != nil || !asks {
		return err
	}
	if wait := time.Until(s.refused.until); wait > 0 && s.actor.From != consoleFrom {
		return &modules.Error{
			Message: "Too many wrong secrets", Hint: fmt.Sprintf("Try again in %d seconds", int(wait/time.Second)+1),
		}
	}
	return s.askEnable(ctx, terminal, level)
}

// askEnable gives a person three tries. A script has one: its next lines are not passwords.
func (s *Session) askEnable(ctx context.Context, terminal modules.Terminal, level int) error {
	tries := 1
	if terminal.Interactive() {
		tries = 3
	}
	for range tries {
		secret, err := terminal.ReadSecret(ctx, "Enter enable password: ")
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		err = s.server.Enable.Prove(ctx, s.actor, level, secret)
		var told *modules.Error
		if err == nil || errors.As(err, &told) || ctx.Err() != nil {
			return err
		}
	}
	s.refused.add()
	s.log().Warn("%SYS-4-PRIV_AUTH_FAIL: enable refused", "level", level)
	return &modules.Error{Message: "Bad secrets"}
}

func disable(_ context.Context, s *Session, call modules.Call) (modules.View, error) {
	level := userLevel
	if call.Values.Has("LEVEL") {
		level = modules.Get[int](call.Values, "LEVEL")
	}
	if level > s.actor.Level {
		return nil, &modules.Error{Message: "New privilege level must be less than the current one", Hint: "enable raises it"}
	}
	s.setLevel(level)
	return nil, nil
}

// setLevel gives the session another privilege. Configuration needs all of it: whoever gives it up leaves that mode.
func (s *Session) setLevel(level int) {
	s.actor.Level = level
	if level < fullLevel {
		s.leaveConfig()
	}
}
