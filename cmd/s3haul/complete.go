package main

import (
	"context"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/wire"
)

const (
	// tabTime is how long somebody waits who has pressed the tab key.
	tabTime = 500 * time.Millisecond
	// mostOffered bounds what is offered of one level: one page of a listing.
	mostOffered = 1000
)

// completing says that a shell asks what may come next.
func completing(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// completion has shells complete the arguments and flags of all commands.
func (a *app) completion(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		a.completion(sub)
	}
	if cmd.Runnable() && cmd.ValidArgsFunction == nil && len(cmd.ValidArgs) == 0 {
		cmd.ValidArgsFunction = a.completeArgument
	}
	values := map[string][]string{"case-conflict": {"ignore", "skip", "warn", "error"}, "client": {"fast", "sdk"}}
	each := func(f *pflag.Flag) {
		names := values[f.Name]
		if v, ok := f.Value.(interface{ choices() []string }); ok {
			names = v.choices()
		}
		if len(names) > 0 {
			// The error is that there is one already.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	cmd.NonInheritedFlags().VisitAll(each)
}

// completeArgument offers buckets and keys to what begins with s3://, and files to
// the rest where the command takes some.
func (a *app) completeArgument(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	wanted := strings.Fields(cmd.Use)[1:]
	if len(args) >= len(wanted) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	word := strings.Trim(wanted[len(args)], "[]")
	local := !strings.HasPrefix(word, scheme)
	switch {
	case word == "[flags]":
		return nil, cobra.ShellCompDirectiveNoFileComp
	case strings.HasPrefix(word, scheme), word == "SOURCE", word == "DESTINATION":
	default:
		return nil, cobra.ShellCompDirectiveDefault // DIR, FILE
	}
	switch {
	case strings.HasPrefix(typed, scheme):
	case strings.HasPrefix(scheme, typed) && (len(typed) > 1 || !local):
		return []string{scheme}, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	case local:
		return nil, cobra.ShellCompDirectiveDefault
	default:
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.offer(cmd.Context(), typed, strings.Contains(word, "/KEY") || strings.Contains(word, "/PREFIX") || !strings.HasPrefix(word, scheme)),
		cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

// offer lists what begins with typed: buckets, or one level of keys. Where that
// takes too long, or goes wrong, there is nothing: no error has a place at a prompt.
func (a *app) offer(ctx context.Context, typed string, keys bool) []string {
	if a.embedded != "" {
		return nil // a server would be made
	}
	if ctx == nil {
		ctx = context.Background() //nolint:contextcheck // cobra has none yet while it completes
	}
	ctx, cancel := context.WithTimeout(ctx, tabTime)
	defer cancel()
	found := make(chan []string, 1)
	go func() { // which ends with ctx, soon or when a look-up of a name is over
		names, err := a.lookUp(ctx, typed, keys)
		if err != nil {
			names = nil
		}
		found <- names
	}()
	select {
	case names := <-found:
		return names
	case <-ctx.Done():
		return nil
	}
}

func (a *app) lookUp(ctx context.Context, typed string, keys bool) (names []string, err error) {
	quiet := a.silent()
	eng, end, err := quiet.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = end() }()
	offer := func(url string) {
		if !strings.ContainsFunc(url, unicode.IsControl) {
			names = append(names, url)
		}
	}
	at, err := parsePlace(typed)
	if err != nil || at.key == "" && !strings.HasSuffix(typed[len(scheme):], "/") {
		buckets, err := eng.Buckets(ctx, wire.BucketsRequest{Prefix: at.bucket})
		if err != nil {
			return nil, err
		}
		for _, b := range buckets {
			url := scheme + b.Name
			if keys {
				url += "/"
			}
			if strings.HasPrefix(url, typed) {
				offer(url)
			}
		}
		return names, nil
	}
	if !keys {
		return nil, nil
	}
	o := engine.ListOptions{ByLevel: true, PageSize: mostOffered}
	for e, err := range eng.List(ctx, engine.Bucket(at.bucket, at.key), o) {
		if err != nil {
			return nil, err
		}
		if offer(scheme + at.bucket + "/" + e.Key); len(names) == mostOffered {
			break
		}
	}
	return names, nil
}

// silent is the command line without what prints or asks.
func (a *app) silent() *app {
	return &app{
		stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, unasked: true,
		endpointURL: a.endpointURL, profile: a.profile, region: a.region, noSign: a.noSign, noVerify: a.noVerify,
		caBundle: a.caBundle, readTimeout: a.readTimeout, connectTimeout: a.connectTimeout, client: a.client,
		memory: a.memory, partSize: a.partSize,
	}
}
