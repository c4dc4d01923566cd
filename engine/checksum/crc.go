package checksum

// crc has what the sums of a cyclic redundancy check have in common, up to 64
// bits. Such a sum is a polynomial over GF(2) with its bits reversed: its highest
// bit is x^0. Bytes that follow multiply it by x^8 for each of them, modulo the
// polynomial of the check; that the register starts with ones and is inverted at
// the end cancels out (zlib's crc32_combine is the same for 32 bits).
type crc struct {
	polynomial uint64 // reversed, as sums are
	one        uint64 // x^0: the highest bit of a sum
}

// The polynomials are those of Greg Cook's catalogue
// (https://reveng.sourceforge.io/crc-catalogue/all.htm), with their bits reversed.
func crcOf(a Algorithm) crc {
	switch a {
	case ByCRC64NVME:
		return crc{polynomial: 0x9a6c9329ac4bc9b5, one: 1 << 63}
	case ByCRC32:
		return crc{polynomial: 0xedb88320, one: 1 << 31}
	case ByCRC32C:
		return crc{polynomial: 0x82f63b78, one: 1 << 31}
	}
	panic("checksum: " + string(a) + " is no cyclic redundancy check")
}

// combine returns the sum of bytes of sum a with size bytes of sum b behind them.
// It takes some microseconds, whatever the size.
func (c crc) combine(a, b uint64, size int64) uint64 {
	return c.multiply(c.power(uint64(size)*8), a) ^ b
}

// multiply returns a*b modulo the polynomial.
func (c crc) multiply(a, b uint64) uint64 {
	var product uint64
	for m := c.one; a != 0; m >>= 1 {
		if a&m != 0 {
			product ^= b
			a &^= m
		}
		b = b>>1 ^ c.polynomial*(b&1)
	}
	return product
}

// power returns x^n modulo the polynomial.
func (c crc) power(n uint64) uint64 {
	result := c.one
	for square := c.one >> 1; n > 0; n >>= 1 {
		if n&1 != 0 {
			result = c.multiply(square, result)
		}
		square = c.multiply(square, square)
	}
	return result
}
