package modules

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// ListenError words for the operator why an address cannot be listened on; line is what to type instead, such as
// `web api listen ADDRESS port PORT`. An error that is not about an address stays as it is.
func ListenError(err error, line string) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Addr == nil {
		return err
	}
	choose := "with `" + line + "`"
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return &Error{
			Message: fmt.Sprintf("cannot listen on %s: the address is not one of this box", op.Addr),
			Hint:    "`show ip interface brief` lists them; choose one " + choose,
		}
	case errors.Is(err, syscall.EADDRINUSE):
		return &Error{
			Message: fmt.Sprintf("cannot listen on %s: the port is in use, by another program or another line of this box", op.Addr),
			Hint:    "Choose another " + choose,
		}
	case errors.Is(err, syscall.EACCES):
		return &Error{
			Message: fmt.Sprintf("cannot listen on %s: only root may use that port", op.Addr),
			Hint:    "Choose one above 1023 " + choose,
		}
	}
	return &Error{Message: fmt.Sprintf("cannot listen on %s: %v", op.Addr, op.Err), Hint: "Choose another address or port " + choose}
}
