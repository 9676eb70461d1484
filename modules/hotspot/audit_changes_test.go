package hotspot

import (
	"strings"
	"testing"
)

// TestAuditChangesReadAsTheyWereTyped: the log keeps values as any box can read them; people see them as in all other lists.
func TestAuditChangesReadAsTheyWereTyped(t *testing.T) {
	b := newBox(t)
	b.in(singapore)
	for _, step := range []struct{ line, want string }{
		{"hotspot voucher create pool count 1 profile guest validity 7d expires 2031-12-31T18:00:00+08:00", "profile guest, validity 7d, expires 2031-12-31 18:00:00, uses 1, owner this box, codes 1"},
		{"hotspot voucher set pool validity 90m", "validity 7d -> 90m"},
		{"hotspot user add 3a:71:b4:e9:f7:99 usertype mac disabled expires 2031-12-31T10:00:00Z", "usertype mac, disabled yes, expires 2031-12-31 18:00:00"},
		{"hotspot user set 3a:71:b4:e9:f7:99 expires never Idle-Timeout 5", "expires 2031-12-31 18:00:00 -> never, Idle-Timeout 5"},
		{`hotspot user set 3a:71:b4:e9:f7:99 Idle-Timeout ""`, "Idle-Timeout 5 -> none"},
	} {
		b.must(step.line)
		if out := b.must("show hotspot audit limit 1"); !strings.Contains(out, " "+step.want+" ") {
			t.Errorf("%s:\n%s\nwant %s", step.line, out, step.want)
		}
	}
}
