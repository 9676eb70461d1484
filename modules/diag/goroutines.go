package diag

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
)

// room is how many goroutines a part of the program has.
type room struct {
	Room       string `json:"room"` // "sync/feed", or a library
	Goroutines int    `json:"goroutines"`
}

// goroutines counts them by the room that they are in: the innermost function of the box on their stack, else the library that
// started them.
func goroutines() (list []room, total int) {
	records := make([]runtime.StackRecord, runtime.NumGoroutine()+64)
	for {
		n, ok := runtime.GoroutineProfile(records)
		if ok {
			records = records[:n]
			break
		}
		records = make([]runtime.StackRecord, n+64)
	}
	counts := map[string]int{}
	for i := range records {
		counts[roomOf(records[i].Stack())]++
	}
	for name, n := range counts {
		list = append(list, room{name, n})
	}
	slices.SortFunc(list, func(a, b room) int {
		return cmp.Or(cmp.Compare(b.Goroutines, a.Goroutines), cmp.Compare(a.Room, b.Room))
	})
	return list, len(records)
}

// roomOf reads a stack, whose first frame is the innermost.
func roomOf(stack []uintptr) string {
	frames := runtime.CallersFrames(stack)
	found, outermost := "", "runtime"
	for {
		frame, more := frames.Next()
		if name := packageOf(frame.Function); name != "" && name != "runtime" {
			outermost = name
			if ours, yes := strings.CutPrefix(name, "mbox/"); found == "" && (yes || name == "main") {
				found = strings.TrimPrefix(ours, "modules/")
			}
		}
		if !more {
			break
		}
	}
	return cmp.Or(found, outermost)
}

// packageOf is "mbox/modules/sync/feed" for "mbox/modules/sync/feed.(*Link).run.func1".
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	if dot := strings.IndexByte(function[slash:], '.'); dot >= 0 {
		return function[:slash+dot]
	}
	return function
}
