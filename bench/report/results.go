package report

import (
	"encoding/json"
	"fmt"
	"os"
)

// System is one that took part.
type System struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Settings string `json:"settings"`
}

// Write keeps the results of a run in a file, from which Read takes them again.
func Write[R any](file string, results *R) error {
	raw, err := json.MarshalIndent(results, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}

// Read takes the results of an earlier run from a file.
func Read[R any](file string) (*R, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(R)
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, fmt.Errorf("results in %s: %w", file, err)
	}
	return r, nil
}
