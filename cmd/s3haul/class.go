package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) classCmd() *cobra.Command {
	var (
		t             = transferFlags{exits: asOther}
		recursive     bool
		class         choice
		acl           aclFlags
		sseC          choice
		key           secret
		payer         choice
		force, ignore bool
	)
	cmd := &cobra.Command{
		Use:   "class s3://BUCKET/KEY --storage-class NAME",
		Short: "Change the storage class of objects that are there",
		Long: `Change the storage class of an object, or with --recursive of all objects below a
prefix. The store copies each onto itself; no content comes here. Each copy is
compared with what was there, and one that is replaced meanwhile fails and stays
as it is. What has the class already is left alone.

What is larger than 5 GiB goes in parts. Where that is interrupted it begins anew
the next time, and what a killed process leaves is shown by s3haul uploads.

An object keeps its content, headers, metadata, tags, website redirect, encryption,
kind of checksum and ACL. It has a new time, and may have another ETag. In a bucket
with versioning the copy is a new version: the one before stays in its class and is
paid for, and a retention or legal hold stays on it.

Objects in GLACIER or DEEP_ARCHIVE are skipped with a warning until they have been
restored: then this brings them out for good.

S3 takes a fee for each copy, and keeps some classes at the price of a least time
(STANDARD_IA: 30 days) and a least size (128 KiB).

Exit codes: 0 all is done; 1 an object failed; 2 something was skipped with a
warning; 130 Ctrl-C; 252 usage; 253 credentials or region; 254 the service said no
to the listing; 255 no connection.`,
		Example: `  s3haul class s3://holiday/2026/a.raw --storage-class STANDARD_IA
  s3haul class s3://holiday/2025 --recursive --exclude '*' --include '*.raw' --storage-class GLACIER_IR --dryrun`,
		Args: exactly("s3://BUCKET/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := changing(cmd, &t, "class", args[0], recursive)
			if err != nil {
				return err
			}
			if !class.set() {
				return usagef("the following arguments are required: --storage-class NAME")
			}
			k, err := customerKey("--sse-c", sseC, key)
			if err := cmp.Or(err, acl.check()); err != nil {
				return err
			}
			return a.transfer(cmd, &t, nil,
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					acl.into(&o)
					o.Attributes.StorageClass, o.Attributes.CustomerKey = class.value, k
					o.Attributes.RequestPayer = payer.set()
					o.ForceGlacier, o.IgnoreGlacierWarnings = force, ignore
					return eng.SetClass(ctx, at, o)
				})
		},
	}
	f := cmd.Flags()
	class.of = []string{
		"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
		"GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "OUTPOSTS", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP",
	}
	f.Var(&class, "storage-class", "the class that objects are to have, `NAME`: STANDARD, STANDARD_IA, ONEZONE_IA,\n"+
		"INTELLIGENT_TIERING, GLACIER, DEEP_ARCHIVE, GLACIER_IR, ...")
	f.BoolVarP(&recursive, "recursive", "r", false, "change all that is below the prefix")
	acl.register(f, "give objects another ACL than they have, which saves a request each; `NAME`")
	f.BoolVar(&force, "force-glacier-transfer", false, "try archived objects, too")
	f.BoolVar(&ignore, "ignore-glacier-warnings", false, "say nothing of archived objects, which are left out")
	sseC.of = []string{"AES256"}
	f.Var(&sseC, "sse-c", "objects are encrypted with a key that S3 does not keep, `HOW`: AES256; they keep it")
	optional(f, "sse-c", "AES256")
	f.Var(&key, "sse-c-key", "with --sse-c: the `KEY` of 32 bytes; fileb://FILE has it in a file")
	t.register(f)
	t.choosing.register(f, "")
	t.choosing.registerGlob(f)
	registerPayer(f, &payer)
	return cmd
}
