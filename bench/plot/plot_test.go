package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func chart() Chart {
	return Chart{
		Title: `p50 < p99 & "more"`, XLabel: "rate, 1/s", YLabel: "latency, ms", LogX: true, LogY: true,
		Lines: []Line{
			{Name: "mbox", Points: []Point{{30, 0.2}, {1000, 0.4}, {10_000, 3}}},
			{Name: "other", Color: 1, Dashed: true, Points: []Point{{30, 0}, {math.NaN(), 1}, {300, 20}}}, // two that cannot be shown
		},
		Bands: []Band{{From: 100, To: 300, Name: "down"}},
	}
}

func TestSVGIsWellFormed(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(string(chart().SVG())))
	var text strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := token.(xml.CharData); ok {
			text.Write(data)
		}
	}
	for _, want := range []string{`p50 < p99 & "more"`, "rate, 1/s", "latency, ms", "mbox", "other", "down", "prefers-color-scheme: dark"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in the drawing", want)
		}
	}
}

func TestEverythingIsInsideTheAxes(t *testing.T) {
	svg := string(chart().SVG())
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error("the drawing has coordinates that are no numbers")
	}
	paths := regexp.MustCompile(`class="line c\d[^"]*" d="(M[^"h]*)"`).FindAllStringSubmatch(svg, -1)
	if len(paths) != 2 {
		t.Fatalf("%d lines are drawn, want 2", len(paths))
	}
	points := 0
	for _, path := range paths {
		for _, pair := range regexp.MustCompile(`[ML]([\d.-]+) ([\d.-]+)`).FindAllStringSubmatch(path[1], -1) {
			x, err1 := strconv.ParseFloat(pair[1], 64)
			y, err2 := strconv.ParseFloat(pair[2], 64)
			if err1 != nil || err2 != nil || x < marginLeft || x > marginLeft+plotWidth || y < marginTop || y > marginTop+plotHeight {
				t.Errorf("point %s", pair[0])
			}
			points++
		}
	}
	if points != 4 {
		t.Errorf("%d points are drawn, want 4", points)
	}
}

func TestAxis(t *testing.T) {
	for _, tt := range []struct {
		name   string
		log    bool
		values []float64
		ticks  []float64
	}{
		{"linear", false, []float64{0, 11.3}, []float64{0, 2, 4, 6, 8, 10, 12}},
		{"linear, small", false, []float64{0.01, 0.05}, []float64{0, 0.01, 0.02, 0.03, 0.04, 0.05}},
		{"one value", false, []float64{0}, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{"logarithmic", true, []float64{0.3, 40}, []float64{0.2, 0.5, 1, 2, 5, 10, 20, 50}},
		{"logarithmic, wide", true, []float64{0.1, 10_000}, []float64{0.1, 1, 10, 100, 1000, 10_000}},
		{"nothing", true, nil, []float64{1, 2, 5, 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := newAxis(tt.log, tt.values, 0, 100).ticks()
			if len(got) != len(tt.ticks) {
				t.Fatalf("ticks %v, want %v", got, tt.ticks)
			}
			for i, v := range got {
				if math.Abs(v-tt.ticks[i]) > 1e-9*math.Abs(v) {
					t.Errorf("ticks %v, want %v", got, tt.ticks)
				}
			}
		})
	}
}

func TestAxisKeepsProportions(t *testing.T) {
	a := newAxis(true, []float64{1, 100}, 0, 100)
	if got := a.at(10); math.Abs(got-50) > 1e-9 {
		t.Errorf("10 between 1 and 100 is drawn at %g, want 50", got)
	}
	down := newAxis(false, []float64{0, 10}, 300, 100)
	if got := down.at(5); math.Abs(got-200) > 1e-9 {
		t.Errorf("5 between 0 and 10 is drawn at %g, want 200", got)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0.2: "0.2", 5: "5", 1000: "1k", 1500: "1.5k", 20_000: "20k", 0.30000000000000004: "0.3"} {
		if got := number(v); got != want {
			t.Errorf("%g is labelled %q, want %q", v, got, want)
		}
	}
}
