// Package plot draws line charts as SVG that read well on light and on dark pages.
package plot

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Chart is lines over two axes.
type Chart struct {
	Title          string
	Note           string // a line under the title
	XLabel, YLabel string // with their units
	LogX, LogY     bool
	Lines          []Line
	Bands          []Band
}

// Line is one measured series. Points that a logarithmic axis cannot show are left out.
type Line struct {
	Name   string
	Color  int  // lines of one colour belong together; also the shape of the points
	Dashed bool // the second of two lines that belong together
	Points []Point
	Plain  bool // without marks: many points
}

// Point is one figure.
type Point struct{ X, Y float64 }

// Band marks a span of the x axis.
type Band struct {
	From, To float64
	Name     string
}

// Measures of the drawing, in SVG units.
const (
	width, height                                    = 760, 400
	marginLeft, marginRight, marginTop, marginBottom = 70, 170, 64, 56
	plotWidth, plotHeight                            = width - marginLeft - marginRight, height - marginTop - marginBottom
	palette                                          = 4
)

// The colours can be told apart by the colour-blind (Okabe and Ito), brighter on dark pages.
const style = `<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.faint { fill: #57606a }
.page { fill: #ffffff }
.grid { stroke: #d8dee4; stroke-width: 1 }
.axis { stroke: #57606a; stroke-width: 1 }
.band { fill: #afb8c1; fill-opacity: .3 }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
.dashed { stroke-dasharray: 6 4 }
.c0 { stroke: #0072b2 } .p0 { fill: #0072b2 }
.c1 { stroke: #d55e00 } .p1 { fill: #d55e00 }
.c2 { stroke: #009e73 } .p2 { fill: #009e73 }
.c3 { stroke: #a64d8f } .p3 { fill: #a64d8f }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .faint { fill: #9198a1 } .page { fill: #0d1117 } .grid { stroke: #2d333b } .axis { stroke: #9198a1 }
.c0 { stroke: #56b4e9 } .p0 { fill: #56b4e9 }
.c1 { stroke: #f0883e } .p1 { fill: #f0883e }
.c2 { stroke: #3fcf9f } .p2 { fill: #3fcf9f }
.c3 { stroke: #e08fc8 } .p3 { fill: #e08fc8 }
}
</style>
`

// SVG draws the chart.
func (c Chart) SVG() []byte {
	d := &drawing{}
	d.x = newAxis(c.LogX, c.values(func(p Point) float64 { return p.X }), marginLeft, marginLeft+plotWidth)
	d.y = newAxis(c.LogY, c.values(func(p Point) float64 { return p.Y }), marginTop+plotHeight, marginTop)
	d.put(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n", width, height, width, height, escape(c.Title))
	d.out.WriteString(style)
	d.put(`<rect class="page" width="%d" height="%d" rx="6"/>`+"\n", width, height)
	d.text(marginLeft, 26, "title", "start", c.Title)
	d.text(marginLeft, 46, "faint", "start", c.Note)
	for _, b := range c.Bands {
		d.band(b)
	}
	d.axes(c.XLabel, c.YLabel)
	for _, l := range c.Lines {
		d.line(l)
	}
	d.legend(c.Lines)
	d.out.WriteString("</svg>\n")
	return d.out.Bytes()
}

func (c Chart) values(of func(Point) float64) (out []float64) {
	for _, l := range c.Lines {
		for _, p := range l.Points {
			out = append(out, of(p))
		}
	}
	return out
}

// drawing is a chart being drawn.
type drawing struct {
	out  bytes.Buffer
	x, y axis
}

func (d *drawing) put(format string, args ...any) { fmt.Fprintf(&d.out, format, args...) }

func (d *drawing) text(x, y float64, class, anchor, s string) {
	if s != "" {
		d.put(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, escape(s))
	}
}

func (d *drawing) band(b Band) {
	from, to := d.x.at(b.From), d.x.at(b.To)
	d.put(`<rect class="band" x="%.1f" y="%d" width="%.1f" height="%d"/>`+"\n", from, marginTop, to-from, plotHeight)
	d.text((from+to)/2, marginTop+16, "faint", "middle", b.Name)
}

func (d *drawing) axes(xLabel, yLabel string) {
	const bottom, right = marginTop + plotHeight, marginLeft + plotWidth
	for _, v := range d.y.ticks() {
		y := d.y.at(v)
		d.put(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`+"\n", marginLeft, right, y, y)
		d.text(marginLeft-8, y+4, "faint", "end", number(v))
	}
	for _, v := range d.x.ticks() {
		x := d.x.at(v)
		d.put(`<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", x, x, marginTop, bottom)
		d.text(x, bottom+18, "faint", "middle", number(v))
	}
	d.put(`<path class="axis line" style="stroke-width:1" d="M%d %dV%dH%d"/>`+"\n", marginLeft, marginTop, bottom, right)
	d.text(marginLeft+plotWidth/2, height-14, "", "middle", xLabel)
	const middle = marginTop + plotHeight/2
	d.put(`<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", middle, escape(yLabel))
}

func (d *drawing) line(l Line) {
	var path strings.Builder
	var marks strings.Builder
	letter := "M"
	for _, p := range l.Points {
		if !d.x.shows(p.X) || !d.y.shows(p.Y) {
			continue
		}
		x, y := d.x.at(p.X), d.y.at(p.Y)
		fmt.Fprintf(&path, "%s%.1f %.1f", letter, x, y)
		letter = "L"
		if !l.Plain {
			marks.WriteString(mark(l, x, y))
		}
	}
	d.put(`<path class="line c%d%s" d="%s"/>`+"\n%s", l.Color%palette, dashed(l), path.String(), marks.String())
}

func dashed(l Line) string {
	if l.Dashed {
		return " dashed"
	}
	return ""
}

// mark is a point's shape: circle, square, triangle, diamond.
func mark(l Line, x, y float64) string {
	class := fmt.Sprintf("p%d", l.Color%palette)
	switch l.Color % palette {
	case 0:
		return fmt.Sprintf(`<circle class="%s" cx="%.1f" cy="%.1f" r="4"/>`+"\n", class, x, y)
	case 1:
		return fmt.Sprintf(`<rect class="%s" x="%.1f" y="%.1f" width="7" height="7"/>`+"\n", class, x-3.5, y-3.5)
	case 2:
		return fmt.Sprintf(`<path class="%s" d="M%.1f %.1fl4.5 8h-9z"/>`+"\n", class, x, y-5)
	default:
		return fmt.Sprintf(`<path class="%s" d="M%.1f %.1fl5 5l-5 5l-5 -5z"/>`+"\n", class, x, y-5)
	}
}

func (d *drawing) legend(lines []Line) {
	const left, length, step = marginLeft + plotWidth + 16, 28, 22
	for i, l := range lines {
		y := float64(marginTop + 10 + i*step)
		d.put(`<path class="line c%d%s" d="M%d %.1fh%d"/>`+"\n", l.Color%palette, dashed(l), left, y, length)
		if !l.Plain {
			d.out.WriteString(mark(l, left+length/2, y))
		}
		d.text(left+length+8, y+4, "", "start", l.Name)
	}
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// number is a tick's label.
func number(v float64) string {
	if v >= 1000 && math.Mod(v, 100) == 0 {
		return strconv.FormatFloat(v/1000, 'f', -1, 64) + "k"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
