package report

import (
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	var all Figures
	for _, v := range []float64{30, 10, 20} {
		all.Add("a", Figure{Key: "rate", Unit: "/s"}, v)
		all.Add("b", Figure{Key: "rate"}, v/2)
		all.Add("a", Figure{Key: "time", Lower: true}, v)
		all.Add("b", Figure{Key: "time"}, v*4)
	}
	all.Add("b", Figure{Key: "rate"}, 100)
	if len(all) != 2 || all.Find("rate").Unit != "/s" || all.Find("other") != nil {
		t.Fatalf("got %+v", all)
	}
	if v, ok := all.Find("rate").Of("a"); !ok || v != 20 {
		t.Errorf("the median of three is %v, %v", v, ok)
	}
	if v, ok := all.Find("rate").Of("b"); !ok || v != 12.5 {
		t.Errorf("the median of four is %v, %v", v, ok)
	}
	if v, ok := all.Find("rate").Times("a", "b"); !ok || v != 1.6 {
		t.Errorf("a is %v times better, %v", v, ok)
	}
	if v, ok := all.Find("time").Times("a", "b"); !ok || v != 4 {
		t.Errorf("a is %v times quicker, %v", v, ok)
	}
	if _, ok := all.Find("rate").Times("a", "c"); ok {
		t.Error("a ratio to what was not measured")
	}
	if _, ok := all.Find("other").Of("a"); ok {
		t.Error("a figure that nobody measured")
	}
}

func TestPercentile(t *testing.T) {
	var d []time.Duration
	for i := range 100 {
		d = append(d, time.Duration(99-i)*time.Millisecond)
	}
	for p, want := range map[float64]float64{0: 0, 0.5: 50, 0.99: 99, 1: 99} {
		if got := Percentile(d, p); got != want {
			t.Errorf("percentile %v is %v, want %v", p, got, want)
		}
	}
}

func TestAmount(t *testing.T) {
	for _, tt := range []struct {
		v          float64
		unit, want string
	}{{1234567.4, "/s", "1,234,567/s"}, {123.4, "ms", "123 ms"}, {0.12345, "ms", "0.123 ms"}, {999.6, "s", "1000 s"}} {
		if got := Amount(tt.v, tt.unit); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.v, got, tt.want)
		}
	}
	if got := Ratio(2.345, true) + Ratio(1, false) + Ratio(1234.5, true); got != "2.31,235" {
		t.Errorf("got %s", got)
	}
}
