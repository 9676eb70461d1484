package policy

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"mbox/hotspotdb"
)

func TestMerge(t *testing.T) {
	own := attributes("Session-Timeout", "1", "Idle-Timeout", "2")
	first := attributes("Session-Timeout", "3", "Simultaneous-Use", "4")
	second := attributes("Simultaneous-Use", "5", "CS-Total-MB", "6")
	want := attributes("Session-Timeout", "1", "Idle-Timeout", "2", "Simultaneous-Use", "4", "CS-Total-MB", "6")
	if got := merge(own, first, second); !reflect.DeepEqual(got, want) {
		t.Errorf("merged %v", got)
	}
	if got := merge(nil, first); !reflect.DeepEqual(got, first) {
		t.Errorf("without own ones %v", got)
	}
	if got := merge(nil); got == nil || len(got) != 0 {
		t.Errorf("nothing at all %v", got)
	}
	if !reflect.DeepEqual(own, attributes("Session-Timeout", "1", "Idle-Timeout", "2")) {
		t.Error("what was merged has changed")
	}
}

// Of each attribute the first list that has it wins, every attribute of any list is there once, and nothing else.
func TestMergeProperties(t *testing.T) {
	names := make([]string, len(hotspotdb.AccessAttributes))
	for i, spec := range hotspotdb.AccessAttributes {
		names[i] = spec.Name
	}
	rapid.Check(t, func(t *rapid.T) {
		var lists [][]hotspotdb.Attribute
		want := map[string]string{}
		for range rapid.IntRange(1, 6).Draw(t, "lists") {
			var list []hotspotdb.Attribute
			for name, value := range rapid.MapOf(rapid.SampledFrom(names), rapid.StringMatching(`[0-9]{1,4}`)).Draw(t, "list") {
				list = append(list, hotspotdb.Attribute{Name: name, Value: value})
				if _, known := want[name]; !known {
					want[name] = value
				}
			}
			lists = append(lists, list)
		}
		got := map[string]string{}
		for _, a := range merge(lists...) {
			if _, twice := got[a.Name]; twice {
				t.Fatalf("%s is there twice", a.Name)
			}
			got[a.Name] = a.Value
		}
		if !maps.Equal(got, want) {
			t.Fatalf("%v merged to %v, want %v", lists, got, want)
		}
	})
}

// Every attribute that can be given to an account is read by the policy: none is stored and then ignored.
func TestEveryAttributeIsEnforced(t *testing.T) {
	values := map[string]string{"URL": "http://x/", "hours": "Wk", "names": "a"}
	for _, spec := range hotspotdb.AccessAttributes {
		value := values[spec.Unit]
		if value == "" {
			value = "1"
		}
		r, err := parseRules(attributes(spec.Name, value))
		if err != nil || reflect.DeepEqual(r, rules{}) {
			t.Errorf("%s: rules %+v, %v", spec.Name, r, err)
		}
	}
}

func TestUnknownAttributesArePassedOver(t *testing.T) {
	r, err := parseRules(attributes("X-Newer", "whatever", "Session-Timeout", "60"))
	if err != nil || r.session == 0 || slices.Contains(r.hotspots, "whatever") {
		t.Errorf("rules %+v, %v", r, err)
	}
}
