package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

// expire is purge --expire: one change of a bucket's configuration, and no
// run.
func (a *app) expire(cmd *cobra.Command, p *purgeFlags, s scope, ask question) (err error) {
	if err := p.t.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	eng, end, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := end(); err == nil {
			err = cerr
		}
		if cause := context.Cause(ctx); cause != nil && err != nil && !isExit(err) {
			err = cause
		}
	}()
	if ask != nil {
		// What no rule can say, and what is not allowed, is told before the question.
		if _, err := eng.Expire(ctx, s.at, p.options(engine.RunOptions{DryRun: true})); err != nil {
			return err
		}
		if err := ask(ctx, eng); err != nil {
			return err
		}
	}
	rule, err := eng.Expire(ctx, s.at, p.options(engine.RunOptions{}))
	if err != nil {
		return err
	}
	if p.t.quiet || p.t.onlyErrors {
		return nil
	}
	verb, others := "added", "the bucket's only rule"
	if rule.Replaced {
		verb = "replaced"
	}
	switch {
	case rule.Rules == 1:
		others = "1 other rule is as it was"
	case rule.Rules > 1:
		others = fmt.Sprintf("%d other rules are as they were", rule.Rules)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), `expire: %s
%s lifecycle rule %q; %s
S3 begins with it in a day or more, and it takes what comes later, too, as long as it is there.
To remove it: take the rule %q out of what
  aws s3api get-bucket-lifecycle-configuration --bucket %s
prints and put the rest back with put-bucket-lifecycle-configuration; where it is the only rule:
  aws s3api delete-bucket-lifecycle --bucket %s
`, s.title, verb, rule.ID, others, rule.ID, s.bucket, s.bucket)
	if err != nil {
		return &outputError{fmt.Errorf("write to stdout: %w", err)}
	}
	return nil
}
