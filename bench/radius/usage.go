package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what processes have used since they began.
type usage struct {
	processor time.Duration
	memory    uint64 // bytes now; what processes share is divided among them (proportional set size)
}

// usageOf adds up processes and their children.
func usageOf(pids []int) (u usage, err error) {
	tree, err := withChildren(pids)
	if err != nil {
		return u, err
	}
	for pid, p := range tree {
		u.processor += p.processor
		memory, err := memoryOf(pid)
		if err != nil {
			return u, err
		}
		u.memory += memory
	}
	return u, nil
}

// inProcess is what /proc/PID/stat says.
type inProcess struct {
	parent    int
	processor time.Duration // of it and of its children that have ended
}

// tick is the unit of times in /proc: proc(5), USER_HZ.
const tick = time.Second / 100

func withChildren(pids []int) (map[int]inProcess, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	all := map[int]inProcess{}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if p, ok := readStat(pid); ok {
				all[pid] = p
			}
		}
	}
	tree := map[int]inProcess{}
	var take func(pid int)
	take = func(pid int) {
		tree[pid] = all[pid]
		for child, p := range all {
			if p.parent == pid {
				take(child)
			}
		}
	}
	for _, pid := range pids {
		if _, lives := all[pid]; !lives {
			return nil, fmt.Errorf("process %d has ended", pid)
		}
		take(pid)
	}
	return tree, nil
}

// readStat is false for a process that has just ended.
func readStat(pid int) (p inProcess, ok bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, false
	}
	_, rest, _ := bytes.Cut(raw[bytes.LastIndexByte(raw, ')')+1:], []byte(" ")) // the name may hold anything
	fields := strings.Fields(string(rest))
	const ppid, utime, cstime = 1, 11, 14 // proc(5) counts from 1 and has pid and name before
	if len(fields) <= cstime {
		return p, false
	}
	p.parent, _ = strconv.Atoi(fields[ppid])
	for _, field := range fields[utime : cstime+1] {
		ticks, _ := strconv.ParseInt(field, 10, 64)
		p.processor += time.Duration(ticks) * tick
	}
	return p, true
}

func memoryOf(pid int) (uint64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("memory of process %d is not told", pid)
}
