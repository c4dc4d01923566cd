package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// found is a difference as the file of --results has it.
type found struct {
	Kind string   `json:"kind"`
	AWS  []string `json:"aws,omitempty"`
	Ours []string `json:"s3haul,omitempty"`
}

// known are the differences of earlier runs, by the names of the cases.
type known map[string][]found

// readKnown reads the file of an earlier run; one that is not there knows nothing.
func readKnown(path string) (known, error) {
	all := known{}
	if path == "" {
		return all, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("the results of an earlier run: %w", err)
	}
	return all, nil
}

// write keeps what is known for another run.
func (k known) write(path string) error {
	text, err := json.MarshalIndent(k, "", " ")
	if err == nil {
		err = os.WriteFile(path, text, 0o666)
	}
	return err
}

// learn takes in what a run has found.
func (k known) learn(r *result) {
	all := []found{}
	for _, d := range r.differences {
		all = append(all, found{d.kind, d.aws, d.ours})
	}
	k[r.testcase.name] = all
}

// judge makes results of what is known, with the reasons of today. It fails where
// a case was never run.
func (k known) judge(cases []testcase) ([]result, error) {
	results := make([]result, len(cases))
	for i := range cases {
		c := &cases[i]
		all, ok := k[c.name]
		if !ok {
			return nil, fmt.Errorf("%s: it has not been run", c.name)
		}
		results[i].testcase = c
		for _, f := range all {
			d := difference{kind: f.Kind, aws: f.AWS, ours: f.Ours}
			d.reason = reasonFor(c.name, &d)
			results[i].differences = append(results[i].differences, d)
		}
	}
	return results, nil
}
