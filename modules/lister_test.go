package modules

import (
	"fmt"
	"testing"
)

func TestKnown(t *testing.T) {
	typ := Known(Word("a box", nil), func(string) []Candidate {
		list := []Candidate{{"edge2", "b"}, {"edge1", "a"}, {"edge2", "b"}, {"core", "c"}, {"edge\x1b3", "bad"}}
		for i := range 100 {
			list = append(list, Candidate{Text: fmt.Sprintf("x%03d", i)})
		}
		return list
	})
	for prefix, want := range map[string]string{"e": "[{edge1 a} {edge2 b}]", "edge2": "[{edge2 b}]", "no": "[]"} {
		if got := fmt.Sprint(typ.(Lister).List(prefix)); got != want {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
	if got := typ.(Lister).List(""); len(got) != maxListed || got[0].Text != "core" {
		t.Errorf("%d values: %v", len(got), got)
	}
	if v, err := typ.Parse("other"); err != nil || v != "other" {
		t.Errorf("%v %v", v, err)
	}
}
