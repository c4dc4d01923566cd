package local

import "fmt"

const (
	tempPrefix = ".s3haul-"
	tempSuffix = ".part"
	tempDigits = 16
)

// TempPattern is the fnmatch and path.Match pattern of the names that
// [TempName] gives; it takes in a few more than [IsTemp] does.
const TempPattern = tempPrefix + "????????????????" + tempSuffix

// TempName returns the name under which a download is written until it is
// verified. Its length is fixed (29 bytes), whatever the length of the final
// name: that may already be the longest that the file system takes. random
// tells the names in one directory apart.
func TempName(random uint64) string {
	return fmt.Sprintf("%s%016x%s", tempPrefix, random, tempSuffix)
}

// IsTemp says whether name, one segment of a path, is one that [TempName] gives.
func IsTemp(name string) bool {
	if len(name) != len(tempPrefix)+tempDigits+len(tempSuffix) ||
		name[:len(tempPrefix)] != tempPrefix || name[len(name)-len(tempSuffix):] != tempSuffix {
		return false
	}
	for _, c := range []byte(name[len(tempPrefix) : len(tempPrefix)+tempDigits]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
