package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

// gateway is s3haul's own server on a directory, which may be killed: what it
// has told to be there is there when it is started again.
type gateway struct {
	store  *lab.Store
	b      *bench
	dir    string
	listen string
	cmd    *exec.Cmd
	ended  chan struct{}
}

const killedBucket = "killed"

// newGateway starts one, and makes its bucket.
func (b *bench) newGateway(ctx context.Context) (*gateway, error) {
	listen, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	g := &gateway{b: b, dir: filepath.Join(b.dir, "served"), listen: listen}
	if err := g.start(ctx); err != nil {
		return nil, err
	}
	p, err := b.start(ctx, filepath.Join(b.dir, "runs"), g.store.Environment(), []string{"mb", "s3://" + killedBucket})
	if err == nil {
		err = p.wait(b.options.timeout)
	}
	if err == nil {
		err = g.store.Connect(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making the gateway's bucket: %w", err), g.kill())
	}
	return g, nil
}

// freePort is one that nobody listens on now. The gateway gets the same one again
// each time, since a journal is of an endpoint.
func freePort(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start starts the server; it has to end before it is started again.
func (g *gateway) start(ctx context.Context) error {
	if err := g.gone(ctx); err != nil {
		return err
	}
	g.cmd = exec.CommandContext(ctx, g.b.s3haul, "serve", g.dir, "--listen", g.listen, "--json")
	g.cmd.Env = g.b.runner.Environment()
	alone(g.cmd)
	g.cmd.Cancel = func() error { return killAll(g.cmd) }
	g.cmd.WaitDelay = 10 * time.Second
	if _, err := g.cmd.StdinPipe(); err != nil { // its end would end the server
		return err
	}
	stdout, err := g.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var said strings.Builder
	g.cmd.Stderr = &said
	if err := g.cmd.Start(); err != nil {
		return fmt.Errorf("starting the gateway: %w", err)
	}
	var ready struct {
		Endpoint    string `json:"endpoint"`
		Region      string `json:"region"`
		Credentials string `json:"credentials_file"`
	}
	line, rerr := bufio.NewReader(stdout).ReadBytes('\n')
	g.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}(g.cmd, g.ended)
	if rerr == nil {
		rerr = json.Unmarshal(line, &ready)
	}
	if rerr != nil {
		kerr := g.kill()
		return errors.Join(fmt.Errorf("the gateway's first line %q: %w: %s", line, rerr, said.String()), kerr)
	}
	if g.store != nil {
		return nil
	}
	id, secret, err := readCredentials(ready.Credentials)
	if err != nil {
		return errors.Join(err, g.kill())
	}
	g.store = &lab.Store{Endpoint: ready.Endpoint, Region: ready.Region, ID: id, Secret: secret, Bucket: killedBucket}
	return nil
}

// kill kills the server and its child, and waits for the end of the one that is
// ours to wait for.
func (g *gateway) kill() error {
	err := killAll(g.cmd)
	<-g.ended
	return err
}

// gone waits for the end of the child of a server that was killed: then nobody
// answers any more.
func (g *gateway) gone(ctx context.Context) error {
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(time.Millisecond) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", g.listen)
		if err != nil {
			return ctx.Err()
		}
		_ = conn.Close()
	}
	return fmt.Errorf("the gateway at %s was killed, and answers", g.listen)
}

func readCredentials(file string) (id, secret string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, "=")
		switch value = strings.TrimSpace(value); strings.TrimSpace(name) {
		case "aws_access_key_id":
			id = value
		case "aws_secret_access_key":
			secret = value
		}
	}
	if id == "" || secret == "" {
		return "", "", fmt.Errorf("%s has no credentials", file)
	}
	return id, secret, nil
}
