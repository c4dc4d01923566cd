package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) versioningCmd() *cobra.Command {
	return parent(&cobra.Command{
		Use:   "versioning",
		Short: "Say whether a bucket keeps versions, or have it do so",
		Long: `Say whether a bucket keeps the versions of its objects, turn that on, or suspend
it. What versions there are, s3haul ls --versions says; s3haul purge removes them.`,
		Example: `  s3haul versioning get s3://holiday
  s3haul versioning enable s3://holiday`,
	}, a.versioningGetCmd(), a.versioningSetCmd(true), a.versioningSetCmd(false))
}

const settingCodes = `

Exit codes: 0 all is done; 130 Ctrl-C; 252 usage; 253 credentials or region; 254
the service said no; 255 no connection.`

func (a *app) versioningGetCmd() *cobra.Command {
	var asked bool // --json
	cmd := &cobra.Command{
		Use:   "get s3://BUCKET",
		Short: "Say whether a bucket keeps versions",
		Long: `Say in one word whether a bucket keeps the versions of its objects: Enabled,
Suspended (those that are there stay, new ones take the place of "null"), or Off
(it never was on). A second line says so where MFA delete is on.` + settingCodes,
		Example: `  s3haul versioning get s3://holiday
  s3haul versioning get s3://holiday --json`,
		Args: exactly("s3://BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := bucketName(args[0])
			if err != nil {
				return err
			}
			return a.reading(cmd.Context(), func(ctx context.Context, eng *engine.Engine, out *bufio.Writer) error {
				state, err := eng.Versioning(ctx, name)
				if err != nil {
					return err
				}
				status := cmp.Or(state.Status, "Off")
				if asked {
					return writeRecord(out, versioningRecord{recordOf("bucket", scheme+name), status, state.MFADelete})
				}
				fmt.Fprintln(out, status) // bufio keeps the error for Flush
				if state.MFADelete {
					fmt.Fprintln(out, "MFA delete: Enabled")
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asked, "json", false, "print one JSON object instead of text")
	return cmd
}

type versioningRecord struct {
	recordHead
	Versioning string `json:"versioning"`
	MFADelete  bool   `json:"mfa_delete"`
}

func (a *app) versioningSetCmd(on bool) *cobra.Command {
	var code string
	verb, short, state := "enable", "Have a bucket keep versions from now on", "Enabled"
	long := `Have a bucket keep the versions of its objects from now on: what is replaced or
deleted stays as a noncurrent version, and is paid for. It can be suspended, and
never be turned off again. Wait 15 minutes before the first writes after it was
enabled for the first time: so long S3 may take until all of it knows.`
	if !on {
		verb, short, state = "suspend", "Have a bucket keep no more versions", "Suspended"
		long = `Have a bucket keep no more versions. Those that are there stay. What is written
now has the version id "null", and takes the place of the one that had it.`
	}
	cmd := &cobra.Command{
		Use:     verb + " s3://BUCKET",
		Short:   short,
		Long:    long + settingCodes,
		Example: "  s3haul versioning " + verb + " s3://holiday",
		Args:    exactly("s3://BUCKET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := bucketName(args[0])
			if err != nil {
				return err
			}
			words := strings.Fields(code)
			if cmd.Flags().Changed("mfa") && len(words) != 2 {
				return usagef("--mfa wants two words in quotes: the serial number or ARN of the device, and its present code")
			}
			return a.reading(cmd.Context(), func(ctx context.Context, eng *engine.Engine, out *bufio.Writer) error {
				if err := eng.SetVersioning(ctx, name, on, strings.Join(words, " ")); err != nil {
					return err
				}
				fmt.Fprintf(out, "versioning: %s %s\n", name, state) // bufio keeps the error for Flush
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&code, "mfa", "", "`'SERIAL CODE'` of the device, where the bucket has MFA delete")
	return cmd
}
