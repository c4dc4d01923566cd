package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Simulator is how bench/s3sim is started.
type Simulator struct {
	Program    string
	Bucket     string // that it has at the start
	Latency    string // as s3sim reads it; "" and "0" are none
	TLS        bool
	KeepBodies int64    // bytes; 0: its default
	Flags      []string // more of them
	Dir        string   // for its certificate
}

// Start runs a simulator and waits until it can be asked. The store's Close
// ends it.
func (sim Simulator) Start(ctx context.Context) (*Store, error) {
	args := append([]string{"--listen", "127.0.0.1:0", "--json", "--bucket", sim.Bucket}, sim.Flags...)
	if sim.Latency != "" && sim.Latency != "0" {
		args = append(args, "--latency", sim.Latency)
	}
	if sim.KeepBodies > 0 {
		args = append(args, "--keep-bodies", fmt.Sprint(sim.KeepBodies))
	}
	var caFile string
	if sim.TLS {
		caFile = filepath.Join(sim.Dir, "ca.pem")
		args = append(args, "--tls", "--ca-file", caFile)
	}
	cmd := exec.Command(sim.Program, args...) //nolint:noctx // it ends with its standard input, by stop
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the simulator: %w", err)
	}
	s := &Store{CAFile: caFile, Bucket: sim.Bucket}
	stop := func() error {
		_ = stdin.Close()
		err := cmd.Wait()
		if state := cmd.ProcessState; state != nil {
			s.CPU = (state.UserTime() + state.SystemTime()).Seconds()
		}
		if err != nil {
			return fmt.Errorf("the simulator: %w: %s", err, complaints.String())
		}
		return nil
	}
	var ready struct {
		Endpoint string `json:"endpoint"`
		Region   string `json:"region"`
		ID       string `json:"access_key_id"`
		Secret   string `json:"secret_access_key"`
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the simulator's first line %q: %w", line, err), stop())
	}
	s.Endpoint, s.Region, s.ID, s.Secret, s.Stop = ready.Endpoint, ready.Region, ready.ID, ready.Secret, stop
	if err := s.Connect(ctx); err != nil {
		return nil, errors.Join(err, stop())
	}
	if !s.Simulated {
		return nil, errors.Join(errors.New("the simulator gives no counts"), stop())
	}
	return s, nil
}
