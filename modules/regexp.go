package modules

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

// Bounds of a regular expression that somebody types: `.{1000}` a few thousand times takes half a gigabyte, and anybody
// with the least privilege may type one.
const (
	maxRegexp  = 256    // bytes
	maxProgram = 10_000 // instructions that it is compiled to
)

// CompileRegexp is regexp.Compile within bounds. The error is for the operator.
func CompileRegexp(text string) (*regexp.Regexp, error) {
	if len(text) > maxRegexp {
		return nil, fmt.Errorf("at most %d characters", maxRegexp)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxProgram {
		return nil, errors.New("it repeats too much")
	}
	return regexp.Compile(text)
}
