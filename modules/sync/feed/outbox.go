package feed

import (
	"context"

	"mbox/proto/syncpb"
)

// outbox sends frames from a goroutine that must not block. If two boxes feed each other, each must read while its own
// writing waits for the other to read.
type outbox struct {
	conn  frames
	queue chan *syncpb.Frame
}

func newOutbox(conn frames) *outbox { return &outbox{conn, make(chan *syncpb.Frame, 2*maxRequests)} }

// Send queues a frame. A queue that is full means that the peer makes us answer faster than it reads.
func (o *outbox) Send(frame *syncpb.Frame) error {
	select {
	case o.queue <- frame:
		return nil
	default:
		return errTooManyRequests
	}
}

func (o *outbox) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case frame := <-o.queue:
			if err := o.conn.Send(frame); err != nil {
				return err
			}
		}
	}
}
