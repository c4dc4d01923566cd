package main

import (
	"bufio"
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
)

func (a *app) aclCmd() *cobra.Command {
	return parent(&cobra.Command{
		Use:   "acl",
		Short: "Read or change who may do what with objects",
		Long: `Read or change the access control lists of objects: whom they are granted to.

A bucket that was made since April 2023 has ACLs turned off, unless its owner
turned them on: then only the owner's grant is there, and set fails with
AccessControlListNotSupported.`,
		Example: `  s3haul acl get s3://holiday/2026/a.jpg
  s3haul acl set s3://holiday/2026/a.jpg --acl public-read`,
	}, a.aclGetCmd(), a.aclSetCmd())
}

// parent is a command that has others, one of which has to be named.
func parent(cmd *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	cmd.Args = noCommand
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return cmp.Or[error](cmd.Help(), &exitError{exitUsage})
	}
	cmd.AddCommand(subs...)
	return cmd
}

func (a *app) aclGetCmd() *cobra.Command {
	var (
		o     engine.StatOptions
		payer choice
		asked bool // --json
	)
	cmd := &cobra.Command{
		Use:   "get s3://BUCKET/KEY",
		Short: "Say who may do what with an object",
		Long: `Say who may do what with an object, a line a grant: to whom, and what, READ,
READ_ACP (the ACL), WRITE_ACP or FULL_CONTROL. What is behind it in parentheses
says who that is.

Exit codes: 0 all is done; 130 Ctrl-C; 252 usage; 253 credentials or region; 254
the service said no, or there is no such object; 255 no connection.`,
		Example: `  s3haul acl get s3://holiday/2026/a.jpg
  s3haul acl get s3://holiday/2026/a.jpg --json | jq .public`,
		Args: exactly("s3://BUCKET/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := objectArg("acl get", args[0])
			if err == nil {
				err = notEmpty(cmd.Flags(), "version-id")
			}
			if err != nil {
				return err
			}
			o.RequestPayer = payer.set()
			return a.reading(cmd.Context(), func(ctx context.Context, eng *engine.Engine, out *bufio.Writer) error {
				acl, err := eng.ACL(ctx, engine.Object(at.bucket, at.key), o)
				if err != nil {
					return err
				}
				if asked {
					return writeRecord(out, aclRecord{recordOf("object", at.url()), public(acl), acl})
				}
				for i := range acl.Grants {
					a.println(out, granted(acl, &acl.Grants[i]))
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.VersionID, "version-id", "", "of the version of this `ID`, or null")
	f.BoolVar(&asked, "json", false, "print one JSON object instead of text")
	registerPayer(f, &payer)
	return cmd
}

type aclRecord struct {
	recordHead
	// Public says that everyone is granted something.
	Public bool `json:"public"`
	*wire.ACL
}

func public(a *wire.ACL) bool {
	for i := range a.Grants {
		if a.Grants[i].Public() {
			return true
		}
	}
	return false
}

// granted is the line of one grant.
func granted(a *wire.ACL, g *wire.Grant) string {
	var who []string
	switch g.Grantee {
	case "uri=" + wire.AllUsers:
		who = append(who, "public: everyone on the Internet")
	case "uri=" + wire.AuthenticatedUsers:
		who = append(who, "everyone who has an AWS account")
	case "id=" + a.Owner:
		who = append(who, "the owner")
	}
	if g.Name != "" {
		who = append(who, g.Name)
	}
	line := g.Grantee + " " + g.Permission
	if len(who) > 0 {
		line += " (" + strings.Join(who, ", ") + ")"
	}
	return line
}

func (a *app) aclSetCmd() *cobra.Command {
	var (
		t         = transferFlags{exits: asOther}
		recursive bool
		version   string
		to        aclFlags
		payer     choice
	)
	cmd := &cobra.Command{
		Use:   "set s3://BUCKET/KEY --acl NAME",
		Short: "Change who may do what with objects",
		Long: `Replace the ACL of an object, or with --recursive of all objects below a prefix:
by a canned one, or by grants. What is not granted any more is taken away. With
--grants that is the owner's own grant as well, unless it is among them; the
owner of an object may always read and change its ACL.

Exit codes: 0 all is done; 1 an object failed; 130 Ctrl-C; 252 usage; 253
credentials or region; 254 the service said no to the listing; 255 no connection.`,
		Example: `  s3haul acl set s3://holiday/2026/a.jpg --acl public-read
  s3haul acl set s3://holiday/2026 --recursive --acl private
  s3haul acl set s3://holiday/a.jpg --grants full=id=79a5 read=uri=http://acs.amazonaws.com/groups/global/AllUsers`,
		Args: exactly("s3://BUCKET/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := changing(cmd, &t, "acl set", args[0], recursive)
			switch {
			case err != nil:
				return err
			case !to.given():
				return usagef("give --acl or --grants: who may do what with it")
			case version != "" && recursive:
				return usagef("--version-id is for one version of one key: leave --recursive out")
			}
			if err := cmp.Or(notEmpty(cmd.Flags(), "version-id"), to.check()); err != nil {
				return err
			}
			return a.transfer(cmd, &t, nil,
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					to.into(&o)
					o.Attributes.RequestPayer = payer.set()
					return eng.SetACL(ctx, at, engine.ACLOptions{RunOptions: o, VersionID: version})
				})
		},
	}
	f := cmd.Flags()
	to.register(f, "the canned ACL of this `NAME`")
	f.StringVar(&version, "version-id", "", "of the version of this `ID`, or null")
	f.BoolVarP(&recursive, "recursive", "r", false, "change all that is below the prefix")
	t.register(f)
	t.choosing.register(f, "")
	t.choosing.registerGlob(f)
	registerPayer(f, &payer)
	return cmd
}

// aclFlags say what an ACL is to be.
type aclFlags struct {
	acl    choice
	grants grants
}

func (v *aclFlags) register(f *pflag.FlagSet, what string) {
	v.acl.of = transfer.CannedACLs()
	f.Var(&v.acl, "acl", what+":\nprivate, public-read, public-read-write, authenticated-read, aws-exec-read,\n"+
		"bucket-owner-read, bucket-owner-full-control or log-delivery-write")
	f.Var(&v.grants, "grants", "grants instead of it, `PERMISSION=GRANTEE` ...: read, readacl, writeacl or full, and\n"+
		"uri=..., id=... or emailaddress=..., several with commas between")
	several(f, "grants", 0)
}

func (v *aclFlags) given() bool { return v.acl.set() || len(v.grants) > 0 }

func (v *aclFlags) check() error {
	if v.acl.set() && len(v.grants) > 0 {
		return usagef("S3 takes --acl or --grants, not both: leave one out")
	}
	return nil
}

func (v *aclFlags) into(o *engine.RunOptions) {
	o.Attributes.ACL, o.Attributes.Grants = v.acl.value, v.grants
}

// changing reads the argument of a command that changes objects where they are:
// one, or with --recursive all below a prefix.
func changing(cmd *cobra.Command, t *transferFlags, command, arg string, recursive bool) (engine.Location, error) {
	at, err := parsePlace(arg)
	if err == nil && !at.s3 {
		err = usagef("%q is local: %s works in S3, write s3://bucket/key", arg, command)
	}
	if err == nil {
		err = t.choosing.check(cmd.Flags(), recursive)
	}
	if err != nil {
		return engine.Location{}, err
	}
	if where, pattern := t.choosing.wild(at); pattern {
		return where, nil
	}
	switch {
	case recursive:
		return at.tree(), nil
	case at.key == "":
		return engine.Location{}, usagef("%s is a bucket: give --recursive for all that is in it", at.text)
	case len(t.rules) > 0:
		return engine.Location{}, usagef("--exclude and --include go with --recursive")
	}
	for _, name := range []string{"min-size", "max-size", "older-than", "newer-than"} {
		if cmd.Flags().Changed(name) {
			return engine.Location{}, usagef("--%s goes with --recursive", name)
		}
	}
	return engine.Object(at.bucket, at.key), nil
}
