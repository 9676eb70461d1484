package clock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/beevik/ntp"
)

// answerTime is how long a server may take to answer.
const answerTime = 5 * time.Second

// ask puts one question to a server and checks the answer as RFC 5905 section 8 and appendix A.5.1.1 have it. The error
// says why the answer is missing or no good, for people.
func (m *Module) ask(ctx context.Context, c serverConfig) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var remote netip.AddrPort
	var stop func() bool
	r, err := ntp.QueryWithOptions(net.JoinHostPort(c.Name, strconv.Itoa(c.Port)), ntp.QueryOptions{
		Version: c.Version, Timeout: answerTime, GetSystemTime: nil,
		Dialer: func(_, address string) (net.Conn, error) {
			conn, err := m.deps.Dial(ctx, c.Source, "udp", address)
			if err == nil {
				remote, _ = netip.ParseAddrPort(conn.RemoteAddr().String())
				stop = context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
			}
			return conn, err
		},
	})
	if stop != nil {
		stop()
	}
	if err != nil {
		return sample{address: remote}, explain(err)
	}
	got := sample{
		offset: r.ClockOffset, delay: max(r.RTT, 0), root: r.RootDelay/2 + r.RootDispersion, at: m.deps.Now(), stratum: int(r.Stratum),
		address: remote, interval: r.Poll,
	}
	if r.IsKissOfDeath() {
		got.kiss = cmp.Or(printable(r.KissCode), "an unknown code")
		return got, errors.New("kiss of death")
	}
	got.refID = printable(r.ReferenceString())
	if err := r.Validate(); err != nil {
		return sample{address: remote}, explain(err)
	}
	return got, nil
}

// explain words why a question has no good answer.
func explain(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("its name does not resolve: %s", dns.Err)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", answerTime)
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("nothing answers at this port")
	case errors.Is(err, ntp.ErrInvalidLeapSecond), errors.Is(err, ntp.ErrInvalidStratum):
		return errors.New("it is not synchronised itself")
	case errors.Is(err, ntp.ErrServerResponseMismatch):
		return errors.New("the answer is not to our question")
	}
	return errors.New(printable(err.Error()))
}

// printable keeps what others wrote to printable ASCII.
func printable(s string) string {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		switch {
		case r >= ' ' && r <= '~':
			out = append(out, byte(r))
		case r == '⋅': // how the library writes a character that does not print
			out = append(out, '.')
		}
	}
	return string(out[:min(len(out), 200)])
}
