package sync_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"mbox/boxtest"
	"mbox/modules/sync"
	"mbox/modules/sync/peer"
)

// shown is what a command prints at a width.
func shown(t *testing.T, b *boxtest.Box, line string, width int) string {
	t.Helper()
	view, err := b.Exec(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var out bytes.Buffer
	if err := view.Text(&out, width); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// events are the names of what happened on a box, in order.
func events(t *testing.T, b *boxtest.Box) string {
	t.Helper()
	view, err := b.Exec("show mbox sync log")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range view.(sync.Log).Events {
		names = append(names, string(e.Event))
	}
	return strings.Join(names, " ")
}

// What happens to a pair stands in the logs of both, and is there after a restart.
func TestLogTellsWhatHappened(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Must("mbox sync allow 10.9.9.9") // it listens for as long as anybody is allowed
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	boxtest.Eventually(t, "both log it", func() bool {
		// The box may become ready at any moment in between.
		log := func(b *boxtest.Box) string { return strings.ReplaceAll(events(t, b)+" ", "READY ", "") }
		return strings.HasSuffix(log(backup), "PINNED PEERUP INSYNC ") && strings.HasSuffix(log(primary), "PEERUP INSYNC ")
	})
	if _, err := primary.Exec("mbox sync pause"); err != nil {
		t.Fatal(err)
	}
	backup.WaitState("upstream", "paused")
	if text := shown(t, primary, "show mbox sync status", 80); !strings.Contains(text, "mbox sync resume") {
		t.Errorf("the paused box does not say what to type:\n%s", text)
	}
	if _, err := primary.Exec("mbox sync resume"); err != nil {
		t.Fatal(err)
	}
	boxtest.InSync(primary, backup)
	primary.Must(fmt.Sprintf("no mbox sync allow %s", backup.Addr))
	backup.WaitState("upstream", "refused")
	boxtest.Eventually(t, "the primary logs it all", func() bool {
		got := events(t, primary)
		return strings.Contains(got, "PAUSED") && strings.Contains(got, "RESUMED") && strings.Contains(got, "REVOKED") && strings.Contains(got, "REJECTED")
	})
	boxtest.Eventually(t, "the backup logs it all", func() bool {
		got := events(t, backup)
		return strings.Contains(got, "PEERDOWN") && strings.Contains(got, "DENIED")
	})
	said := shown(t, backup, "show mbox sync log", 0)
	if !strings.Contains(said, "%SYNC-3-DENIED: "+primary.Addr.String()+": it refuses this box") {
		t.Errorf("the log is\n%s", said)
	}
	n := strings.Count(backup.Log.String(), "%SYNC-5-PINNED")
	if n != 1 {
		t.Errorf("PINNED is %d times in the system log", n)
	}
	backup.Shutdown()
	backup.Start()
	if got := events(t, backup); !strings.Contains(got, "DENIED") {
		t.Errorf("after a restart the log is %q", got)
	}
}

// The status says why there is no connection, and what to type, within the width of the screen.
func TestStatusSaysWhyAndWhatToDo(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	for _, tt := range []struct {
		name  string
		line  func() string
		state string
		says  []string
	}{
		{
			"nobody listens", func() string { return backup.FollowLine(primary, "") }, "connecting",
			[]string{"connection refused", "show mbox sync status"},
		},
		{
			"wrong password", func() string {
				primary.Must(fmt.Sprintf("mbox sync allow %s", backup.Addr))
				return strings.Replace(backup.FollowLine(primary, ""), boxtest.Password, "mistyped", 1)
			}, "refused",
			[]string{"wrong password", "Type here: mbox sync primary " + primary.Addr.String()},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			backup.Must(tt.line())
			boxtest.Eventually(t, "it is "+tt.state, func() bool { s := backup.Status("upstream"); return s.State == tt.state && s.Code != nil })
			for _, width := range []int{0, 80, 40} {
				text := shown(t, backup, "show mbox sync status detail", width)
				flat := strings.Join(strings.Fields(text), " ")
				for _, want := range tt.says {
					if !strings.Contains(flat, want) {
						t.Errorf("at width %d it does not say %q:\n%s", width, want, text)
					}
				}
				for line := range strings.Lines(text) {
					if width > 0 && len(line) > width+1 && strings.Contains(strings.TrimSpace(line), " ") && !strings.Contains(line, "  ") {
						t.Errorf("wider than %d: %q", width, line)
					}
				}
			}
			backup.Must("no mbox sync primary " + primary.Addr.String())
		})
	}
}

// A disk that is full ends applying; the status says so, and goes on by itself when there is room.
func TestFullDiskIsShown(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	var free atomic.Uint64
	free.Store(10 << 30)
	backup.Free = func() (uint64, error) { return free.Load(), nil }
	backup.Shutdown()
	backup.Start()
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	free.Store(1 << 20)
	primary.Add("guest", 10)
	boxtest.Eventually(t, "the backup says that its disk is full", func() bool {
		return backup.Sync.Status().DiskFull != nil && strings.Contains(shown(t, backup, "show mbox sync status", 80), "THE DISK IS FULL")
	})
	if !strings.Contains(events(t, backup), "NOSPACE") {
		t.Errorf("the log is %s", events(t, backup))
	}
	free.Store(10 << 30)
	boxtest.InSync(primary, backup)
}

// A box that comes back is not ready before it has caught up with its primary.
func TestReadyAfterCatchingUp(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 100)
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	primary.Shutdown()
	backup.Shutdown()
	backup.Start()
	boxtest.Eventually(t, "the backup waits", func() bool {
		ready, why := backup.Sync.Ready()
		return !ready && strings.Contains(why, "waiting for "+primary.Addr.String())
	})
	raw, err := json.Marshal(backup.Sync.Status())
	if err != nil || !strings.Contains(string(raw), `"ready":false`) {
		t.Errorf("%s, %v", raw, err)
	}
	if text := shown(t, backup, "show mbox sync status", 80); !strings.Contains(text, "not ready to serve: waiting for") {
		t.Errorf("the status is\n%s", text)
	}
	primary.Start()
	boxtest.Eventually(t, "the backup is ready", func() bool {
		ready, why := backup.Sync.Ready()
		return ready && strings.Contains(why, "caught up")
	})
	if backup.Users() != 100 {
		t.Errorf("ready with %d accounts", backup.Users())
	}
}

// gather returns the metrics of a box by name and labels.
func gather(t *testing.T, b *boxtest.Box) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(b.Sync.Collector())
	list, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range list {
		for _, m := range f.Metric {
			key := f.GetName()
			for _, l := range m.Label {
				key += " " + l.GetName() + "=" + l.GetValue()
			}
			out[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return out
}

func TestMetricsOfAPair(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary, backup := lan.Box("primary"), lan.Box("backup")
	primary.Add("guest", 500)
	primary.Must("mbox sync allow 10.9.9.9")
	backup.Follow(primary, "", "")
	boxtest.InSync(primary, backup)
	hq := " peer=" + primary.Addr.String() + " role=upstream"
	got := gather(t, backup)
	changes := 1000 + got["mbox_hotspotdb_records dataset=audit"] // who added them
	for key, want := range map[string]float64{
		"mbox_sync_state state=in-sync": 1, "mbox_sync_state state=diverged": 0,
		"mbox_sync_peer_state box=" + hq + " state=in-sync": 1, "mbox_sync_peer_state box=" + hq + " state=connecting": 0,
		"mbox_sync_peer_connected box=" + hq: 1, "mbox_sync_peer_behind_changes box=" + hq: 0,
		"mbox_sync_connections_total role=upstream": 1, "mbox_sync_events_total event=PEERUP": 1,
		"mbox_sync_received_changes_total role=upstream": changes, "mbox_hotspotdb_records dataset=users": 1000,
	} {
		if value, there := got[key]; !there || value != want {
			t.Errorf("%s is %v (%v), want %v", key, value, there, want)
		}
	}
	if got["mbox_hotspotdb_fsync_duration_seconds"] == 0 || got["mbox_sync_received_bytes_total role=upstream"] < 10_000 {
		t.Errorf("fsyncs or bytes are not counted: %v", got)
	}
	if age := float64(time.Now().Unix()) - got["mbox_sync_peer_verified_timestamp_seconds box="+hq]; age < -1 || age > 60 {
		t.Errorf("verified %v s ago", age)
	}
	followers := gather(t, primary)
	if followers["mbox_sync_followers state=in-sync"] != 1 || followers["mbox_sync_sent_changes_total role=downstream"] != changes {
		t.Errorf("the primary counts %v", followers)
	}
	for _, b := range []*boxtest.Box{primary, backup} {
		if problems, err := testutil.CollectAndLint(b.Sync.Collector()); err != nil || len(problems) > 0 {
			t.Errorf("%v, %v", problems, err)
		}
	}
	// The counters of the box go on when connections end.
	before := got["mbox_sync_received_bytes_total role=upstream"]
	primary.Must(fmt.Sprintf("no mbox sync allow %s", backup.Addr))
	backup.WaitState("upstream", "refused")
	boxtest.Eventually(t, "the refusal is counted", func() bool {
		return gather(t, primary)["mbox_sync_refusals_total code=address-not-allowed direction=by_this_box"] > 0 &&
			gather(t, backup)["mbox_sync_refusals_total code=address-not-allowed direction=by_primary"] > 0
	})
	after := gather(t, backup)
	if after["mbox_sync_received_bytes_total role=upstream"] < before {
		t.Errorf("the counter went back from %v to %v", before, after["mbox_sync_received_bytes_total role=upstream"])
	}
	if after["mbox_sync_peer_state box="+hq+" state=refused"] != 1 || after["mbox_sync_peer_connected box="+hq] != 0 {
		t.Errorf("refused, it says %v", after)
	}
}

// A stranger that knocks does not get a name into the log but by its address.
func TestStrangersAreLogged(t *testing.T) {
	lan := boxtest.NewLAN(t)
	primary := lan.Box("primary")
	primary.Must("mbox sync allow 10.9.9.9")
	thief := newStranger(t, primary, "127.8.0.3")
	if _, err := thief.login(peer.Credentials{Account: "mboxadmin", Password: boxtest.Password}); err == nil {
		t.Fatal("a stranger came in")
	}
	boxtest.Eventually(t, "the log names the address", func() bool {
		return strings.Contains(shown(t, primary, "show mbox sync log", 0), "REJECTED: 127.8.0.3")
	})
}
