package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/transfer"
)

// attributeFlags are the flags of what objects are given beside their content, and
// of what it takes to read those of the source. They are those of aws s3, but --tag.
type attributeFlags struct {
	acl, class                   choice
	grants                       grants
	sse, sseC, sseCSource        choice
	kmsKey                       string
	sseCKey, sseCSourceKey       secret
	contentType, disposition     string
	encoding, language, cache    string
	expires                      expiry
	metadata                     metadata
	directive, copyProps         choice
	redirect                     string
	guess                        bool
	tags                         tags
	payer, checksumMode          choice
	forceGlacier, ignoreGlacier  bool
	customerKey, sourceKey       *transfer.CustomerKey
	fromRegion, fromURL, fromPro string
}

func (v *attributeFlags) register(f *pflag.FlagSet) {
	v.acl = choice{of: []string{
		"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
		"bucket-owner-read", "bucket-owner-full-control", "log-delivery-write",
	}}
	v.class = choice{of: []string{
		"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
		"GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "OUTPOSTS", "SNOW", "EXPRESS_ONEZONE", "FSX_OPENZFS", "FSX_ONTAP",
	}}
	v.sse = choice{of: []string{"AES256", "aws:kms", "aws:kms:dsse"}}
	v.sseC, v.sseCSource = choice{of: []string{"AES256"}}, choice{of: []string{"AES256"}}
	v.directive = choice{of: []string{"COPY", "REPLACE"}}
	v.copyProps = choice{of: []string{"default", "metadata-directive", "none"}}
	v.checksumMode = choice{of: []string{"ENABLED"}}

	f.Var(&v.acl, "acl", "give objects the canned ACL of this `NAME`: private, public-read, public-read-write,\n"+
		"authenticated-read, aws-exec-read, bucket-owner-read, bucket-owner-full-control\n"+
		"or log-delivery-write")
	f.Var(&v.grants, "grants", "grant permissions, `PERMISSION=GRANTEE` ...: read, readacl, writeacl or full, and\n"+
		"uri=..., id=... or emailaddress=..., several with commas between")
	several(f, "grants", 0)
	f.Var(&v.class, "storage-class", "write objects with this class, `NAME`: STANDARD, REDUCED_REDUNDANCY, STANDARD_IA,\n"+
		"ONEZONE_IA, INTELLIGENT_TIERING, GLACIER, DEEP_ARCHIVE, GLACIER_IR, ...")
	f.StringVar(&v.contentType, "content-type", "", "the media type of objects, `TYPE`, instead of that of the file's name")
	f.BoolVar(&v.guess, "guess-mime-type", true, "give objects the media type of the file's name")
	pair(f, &v.guess, "no-guess-mime-type", "guess no media type by the names of files")
	f.StringVar(&v.disposition, "content-disposition", "", "how objects are presented, `TEXT` as 'attachment; filename=a.txt'")
	f.StringVar(&v.encoding, "content-encoding", "", "what encodings the content has, `NAME` as gzip")
	f.StringVar(&v.language, "content-language", "", "the language of the content, `NAME` as en")
	f.StringVar(&v.cache, "cache-control", "", "what caches may do, `TEXT` as 'max-age=3600'")
	f.Var(&v.expires, "expires", "when caches are to forget objects, `TIME` as 2027-01-31T12:00:00Z, or in seconds\nsince 1970")
	f.Var(&v.metadata, "metadata", "metadata of objects, `KEY=VALUE`,KEY2=VALUE2 or {\"KEY\":\"VALUE\"}; file://FILE has it\nin a file")
	f.Var(&v.directive, "metadata-directive", "of copies in S3: `WHAT` is COPY (headers and metadata of the source) or REPLACE\n(those given here); it turns --copy-props off")
	f.Var(&v.copyProps, "copy-props", "what copies in S3 take along: `WHAT` is default (headers, metadata and tags),\nmetadata-directive (no tags) or none")
	f.Var(&v.tags, "tag", "give objects a tag, `KEY=VALUE`; may be given 10 times")
	f.StringVar(&v.redirect, "website-redirect", "", "have a website redirect requests for objects to `TARGET`")

	f.Var(&v.sse, "sse", "have S3 encrypt objects, `HOW`: AES256, aws:kms or aws:kms:dsse")
	optional(f, "sse", "AES256")
	f.StringVar(&v.kmsKey, "sse-kms-key-id", "", "with --sse aws:kms: `ID` of the key")
	f.Var(&v.sseC, "sse-c", "have S3 encrypt and decrypt objects with a key that it does not keep, `HOW`: AES256")
	optional(f, "sse-c", "AES256")
	f.Var(&v.sseCKey, "sse-c-key", "with --sse-c: the `KEY` of 32 bytes; fileb://FILE has it in a file")
	f.Var(&v.sseCSource, "sse-c-copy-source", "of copies in S3: decrypt the source so, `HOW`: AES256")
	optional(f, "sse-c-copy-source", "AES256")
	f.Var(&v.sseCSourceKey, "sse-c-copy-source-key", "with --sse-c-copy-source: the `KEY` that the source was written with")

	registerPayer(f, &v.payer)
	f.BoolVar(&v.forceGlacier, "force-glacier-transfer", false, "try archived objects, too: they may have been restored")
	f.BoolVar(&v.ignoreGlacier, "ignore-glacier-warnings", false, "say nothing of archived objects, which are left out")
	f.Var(&v.checksumMode, "checksum-mode", "`MODE` is ENABLED, and is without effect: checksums are always looked at")
	f.StringVar(&v.fromRegion, "source-region", "", "`NAME` of the region of the source's bucket")
	f.StringVar(&v.fromURL, "source-endpoint-url", "", "`URL` of the store that has the source: bytes come here and go on;\n"+
		"--no-verify-ssl and --ca-bundle hold for both stores")
	f.StringVar(&v.fromPro, "source-profile", "", "section `NAME` of the AWS config files, for the source, with its endpoint")
}

// registerPayer registers --request-payer, which commands have that only list or
// delete, too.
func registerPayer(f *pflag.FlagSet, v *choice) {
	v.of = []string{"requester"}
	f.Var(v, "request-payer", "pay for the requests, `WHO`: requester")
	optional(f, "request-payer", "requester")
}

// check looks for what makes no sense together, and reads the keys.
func (v *attributeFlags) check(f *pflag.FlagSet, from, to place) (err error) {
	if err := notEmpty(f, "source-region", "source-endpoint-url", "source-profile"); err != nil {
		return err
	}
	if v.customerKey, err = customerKey("--sse-c", v.sseC, v.sseCKey); err != nil {
		return err
	}
	if v.sourceKey, err = customerKey("--sse-c-copy-source", v.sseCSource, v.sseCSourceKey); err != nil {
		return err
	}
	copies := from.s3 && to.s3
	for _, name := range []string{"source-endpoint-url", "source-profile"} {
		if f.Changed(name) && !from.s3 {
			return usagef("--%s goes with a source in S3, and %q is local", name, from.text)
		}
	}
	switch {
	case v.sseCSource.set() && !copies:
		return usagef("--sse-c-copy-source is only supported for copy operations.")
	case v.sse.set() && v.sseC.set():
		return usagef("--sse encrypts with a key that S3 keeps, --sse-c with one that it does not: leave one out")
	case v.kmsKey != "" && !strings.HasPrefix(v.sse.value, "aws:kms"):
		return usagef("--sse-kms-key-id goes with --sse aws:kms")
	case v.acl.set() && len(v.grants) > 0:
		return usagef("S3 takes --acl or --grants, not both: leave one out")
	case v.directive.value == "COPY" && len(v.metadata) > 0 && copies:
		return usagef("--metadata-directive COPY keeps the metadata of the source: leave --metadata out, or give REPLACE")
	}
	return nil
}

// into sets what the engine wants to know of them.
func (v *attributeFlags) into(o *engine.RunOptions) {
	o.Attributes = engine.Attributes{
		ACL: v.acl.value, Grants: slices.Clone(v.grants), StorageClass: v.class.value,
		Encryption: v.sse.value, KMSKeyID: v.kmsKey,
		CustomerKey: v.customerKey, SourceKey: v.sourceKey,
		ContentType: v.contentType, ContentDisposition: v.disposition, ContentEncoding: v.encoding,
		ContentLanguage: v.language, CacheControl: v.cache, NoGuess: !v.guess,
		Expires: v.expires.time, Metadata: v.metadata, Tags: v.tags, Redirect: v.redirect,
		MetadataDirective: v.directive.value, CopyProps: v.copyProps.value,
		RequestPayer: v.payer.set(),
	}
	o.ForceGlacier, o.IgnoreGlacierWarnings = v.forceGlacier, v.ignoreGlacier
}

// remote is where the source is; nil where it is where the destination is.
func (v *attributeFlags) remote(from, to place) *engine.Remote {
	r := engine.Remote{EndpointURL: v.fromURL, Profile: v.fromPro}
	if from.s3 && to.s3 || r.EndpointURL != "" || r.Profile != "" {
		r.Region = v.fromRegion // as aws: of a download, --region is that of the source
	}
	if r == (engine.Remote{}) {
		return nil
	}
	return &r
}
