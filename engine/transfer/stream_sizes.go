package transfer

import "fmt"

const (
	// evenParts is how many parts of a stream are of the first size: 39 GiB of 8 MiB.
	// S3 takes parts of any sizes, but Cloudflare R2 wants all of one size but the
	// last (https://developers.cloudflare.com/r2/objects/multipart-objects/).
	evenParts = 5000
	// growEvery is after how many of those that follow the size doubles.
	growEvery = 1000
)

// partSizes says how large the parts of a stream are, in bytes: first, and then
// more and more, up to most.
type partSizes struct{ first, most int64 }

// at is the size of a part by its number, from 1 on.
func (s partSizes) at(number int) int64 {
	size := s.first
	for n := number - evenParts; n > 0 && size < s.most; n -= growEvery {
		size *= 2
	}
	return min(size, s.most)
}

// MemoryError says that Size bytes which pass through here, as a stream or from one
// store to another, go in parts of Part bytes, for one of which there is no room in
// memory.
type MemoryError struct{ Size, Part int64 }

func (e *MemoryError) Error() string {
	return fmt.Sprintf("%d bytes that pass through here need parts of %d MiB, which are held in memory while they are sent: give --memory %dMiB or more",
		e.Size, ceilMiB(e.Part), ceilMiB(e.Memory()))
}

// Memory is how many bytes are enough, for the buffers of connections too: those
// have half of it at the most.
func (e *MemoryError) Memory() int64 { return 2 * e.Part }

func ceilMiB(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// streamSizes are those of the parts of a stream of expected bytes, or of one of
// which that is not known where it is 0.
func (t *Transfer) streamSizes(expected int64) (partSizes, error) {
	budget := min(t.Pool.Budget(), MaxPartSize)
	// One part is read while another is sent.
	first := min(t.PartSize, max(MinPartSize, budget/2))
	first, err := PartSize(expected, first)
	if err != nil {
		return partSizes{}, err
	}
	if first > budget {
		return partSizes{}, &MemoryError{Size: expected, Part: first}
	}
	return partSizes{first: first, most: budget}, nil
}
