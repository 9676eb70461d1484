package plot

import "math"

// axis maps values to a span of the drawing.
type axis struct {
	log      bool
	min, max float64 // of the values shown
	from, to float64 // in the drawing
}

// newAxis makes room for all values: whole ticks on a linear axis from 0, a third of a decade's steps on a logarithmic one.
func newAxis(log bool, values []float64, from, to float64) axis {
	a := axis{log: log, from: from, to: to, min: math.Inf(1), max: math.Inf(-1)}
	for _, v := range values {
		if a.shows(v) {
			a.min, a.max = math.Min(a.min, v), math.Max(a.max, v)
		}
	}
	if a.min > a.max {
		a.min, a.max = 1, 1
	}
	if log {
		a.min, a.max = stepDown(a.min), stepUp(a.max)
		if a.min == a.max {
			a.max *= 10
		}
		return a
	}
	a.min = math.Min(a.min, 0)
	if a.max <= a.min {
		a.max = a.min + 1
	}
	step := a.step()
	a.max = math.Ceil(a.max/step-1e-9) * step
	return a
}

// shows says whether the axis has a place for a value.
func (a axis) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.log || v > 0)
}

func (a axis) at(v float64) float64 {
	part := (v - a.min) / (a.max - a.min)
	if a.log {
		part = math.Log(v/a.min) / math.Log(a.max/a.min)
	}
	return a.from + part*(a.to-a.from)
}

// steps of a logarithmic axis within a decade.
var steps = []float64{1, 2, 5}

func stepDown(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)))
	best := decade
	for _, s := range steps {
		if s*decade <= v*(1+1e-9) {
			best = s * decade
		}
	}
	return best
}

func stepUp(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)))
	for _, s := range append(steps, 10) {
		if s*decade >= v*(1-1e-9) {
			return s * decade
		}
	}
	return 10 * decade
}

// step is a round distance of about a sixth of a linear axis.
func (a axis) step() float64 {
	const ticks = 6
	return stepUp((a.max - a.min) / ticks)
}

func (a axis) ticks() (out []float64) {
	if !a.log {
		step := a.step()
		for i := 0.0; a.min+i*step <= a.max+step/2; i++ {
			out = append(out, a.min+i*step)
		}
		return out
	}
	const crowded = 3 // decades from which only whole ones are labelled
	wide := math.Log10(a.max/a.min) > crowded
	for decade := math.Pow(10, math.Floor(math.Log10(a.min))); decade <= a.max*(1+1e-9); decade *= 10 {
		for _, s := range steps {
			if v := s * decade; v >= a.min*(1-1e-9) && v <= a.max*(1+1e-9) && (s == 1 || !wide) {
				out = append(out, v)
			}
		}
	}
	return out
}
