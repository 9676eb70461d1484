package feed

import (
	"testing"
	"time"
)

func TestWhatAPeerCanRepeatIsSaidSeldom(t *testing.T) {
	var s seldom
	now := time.Now()
	if _, ok := s.due(now, 0); ok {
		t.Error("nothing was worth saying")
	}
	if n, ok := s.due(now, 3); !ok || n != 3 {
		t.Errorf("at first: %d, %v", n, ok)
	}
	for range 1000 {
		if _, ok := s.due(now.Add(seldomPause/2), 2); ok {
			t.Fatal("said again too soon")
		}
	}
	if n, ok := s.due(now.Add(seldomPause), 1); !ok || n != 2001 {
		t.Errorf("later: %d, %v", n, ok)
	}
}
