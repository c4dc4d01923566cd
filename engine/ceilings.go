package engine

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
)

// ceilings takes from the AWS config file what o leaves open, and says what it
// was, for the summary.
func (o *Options) ceilings() ([]string, error) {
	s, err := wire.Options{
		EndpointURL: o.EndpointURL, Profile: o.Profile, Region: o.Region, AccessKeyID: o.AccessKeyID, CABundle: o.CABundle, Dial: o.Dial,
	}.Settings()
	if err != nil {
		return nil, usagef("%v", err)
	}
	var all []string
	if o.MaxInFlight == 0 && s.MaxConcurrentRequests > 0 {
		o.MaxInFlight = s.MaxConcurrentRequests
		all = append(all, "max_concurrent_requests "+strconv.Itoa(s.MaxConcurrentRequests))
	}
	if len(o.LimitRate) == 0 && s.MaxBandwidth > 0 {
		o.LimitRate = pool.Constant(s.MaxBandwidth)
		all = append(all, "max_bandwidth "+perSecond(s.MaxBandwidth))
	}
	if o.PartSize == 0 {
		// What S3 does not take is made what it takes, as aws s3 does.
		if s.MultipartChunksize > 0 {
			o.PartSize = min(max(s.MultipartChunksize, transfer.MinPartSize), transfer.MaxPartSize)
		}
		o.threshold = min(cmp.Or(s.MultipartThreshold, transfer.DefaultPartSize), transfer.MaxPartSize)
	}
	return all, nil
}

// perSecond is a rate in the largest unit that it is a whole number of.
func perSecond(rate int64) string {
	for i, unit := range []string{"GiB", "MiB", "KiB"} {
		if n := int64(1) << (30 - 10*i); rate%n == 0 {
			return fmt.Sprintf("%d %s/s", rate/n, unit)
		}
	}
	return fmt.Sprintf("%d B/s", rate)
}
