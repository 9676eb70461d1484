package shell

import (
	"context"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"mbox/boxtest/vt"
)

// stuckAfter is how long a session may take to end once its person is gone.
const stuckAfter = 20 * time.Second

// FuzzKeys types random keys at a whole session while its window changes and messages arrive. A failure of readline would
// end the process. Run it for a minute: go test ./shell -run '^$' -fuzz FuzzKeys -fuzztime 1m
func FuzzKeys(f *testing.F) {
	for _, seed := range []string{
		"show v?\t\r", "\x12x\x07\x03\x13", "conf t\rinter eth0\r\x1a", "show lines 100\r  /x\rq", "s\x14\x14\x19\x19", "key\r\x03",
		"\x1b[A\x1b[B\x1b[3~\x04\x1bd\x1bb\x1bf\x1b\x7f", "wipe\ry", "a\x15\x19\x19\x12a\x12\x12\x7f\x7f\x1b[A\r", "漢字?\x02\x02\x08\t", "hang\r\x03",
		"conf\r\x1b[200~interface a\rmtu 1500\rmtu x\rexit\r\x1b[201~end\r", "éé\x02\x02\x08\xff\xfe", "terminal monitor\rclear line 1\rwho\r", "help \tsh\t",
		"alias exec x show version\rx?\rx\r", "show version | \t\tredirect x\r", "terminal width 20\rterminal length 1\rshow lines 9\r \r\r\r",
	} {
		f.Add([]byte(seed), 80, uint64(1))
		f.Add([]byte(seed+seed), 21, uint64(2))
	}
	b := newBox(f)
	b.brief = true
	b.Monitor = func(show func(string)) func() { show("monitored"); return func() {} }
	f.Fuzz(func(t *testing.T, keys []byte, width int, chance uint64) {
		dice := rand.New(rand.NewPCG(chance, 0))
		tty := NewTTY(vt.New(clampWidth(width)), Size{Width: width, Height: 5})
		done := make(chan error, 1)
		go func() { done <- b.Interact(context.Background(), actorAt(15), tty) }()
		for rest := keys; len(rest) > 0; {
			n := 1 + dice.IntN(len(rest))
			tty.Feed(rest[:n])
			rest = rest[n:]
			switch dice.IntN(4) {
			case 0:
				drain(tty.keys)
			case 1:
				tty.Resize(Size{Width: dice.IntN(width&1023 + 2), Height: dice.IntN(30) - 1})
			case 2:
				b.Announce("a message 漢")
			}
		}
		for _, part := range []string{"\x03", "\x03", "logout\r"} {
			drain(tty.keys) // an interrupt takes away what is not read yet
			tty.Feed([]byte(part))
		}
		drain(tty.keys)
		tty.Hangup()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(stuckAfter):
			stacks := make([]byte, 1<<20)
			t.Fatalf("the session is stuck:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
		if left := len(b.Sessions()); left > 0 {
			t.Errorf("%d sessions are left", left)
		}
	})
}
