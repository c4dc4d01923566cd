// Package lab is what the programs that measure s3haul from outside share: they
// build what takes part, start a simulated S3, make data, run programs as
// processes of their own, and check what these did.
package lab
