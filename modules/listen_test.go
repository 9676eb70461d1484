package modules_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"mbox/modules"
)

// An address that is not of this box and a port that is in use are told apart, and each has its own advice.
func TestListenError(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().String()
	_, inUse := net.Listen("tcp", busy)
	_, foreign := net.Listen("tcp", "192.0.2.1:0") // TEST-NET-1: no box has it
	if inUse == nil || foreign == nil {
		t.Fatal("both can be listened on")
	}
	refused := func(err syscall.Errno) error {
		return &net.OpError{Op: "listen", Net: "tcp", Addr: taken.Addr(), Err: os.NewSyscallError("bind", err)}
	}
	for _, c := range []struct {
		err           error
		message, hint string
	}{
		{inUse, "cannot listen on " + busy + ": the port is in use", "Choose another with `web api listen ADDRESS port PORT`"},
		{foreign, "cannot listen on 192.0.2.1:0: the address is not one of this box", "`show ip interface brief` lists them"},
		{refused(syscall.EACCES), "cannot listen on " + busy + ": only root may use that port", "above 1023"},
		{refused(syscall.EAFNOSUPPORT), "cannot listen on " + busy + ": bind: address family not supported", "Choose another address or port"},
	} {
		var told *modules.Error
		got := modules.ListenError(fmt.Errorf("listen: %w", c.err), "web api listen ADDRESS port PORT")
		if !errors.As(got, &told) || !strings.HasPrefix(told.Message, c.message) || !strings.Contains(told.Hint, c.hint) {
			t.Errorf("%v is told as %v", c.err, got)
		}
	}
	if stopping := errors.New("the box is stopping"); modules.ListenError(stopping, "x") != stopping {
		t.Error("what is not about an address is told as if it were")
	}
}
