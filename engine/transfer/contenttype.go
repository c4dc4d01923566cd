package transfer

import (
	"os"
	"strings"
)

// guess puts the type of a file's name into kind, and returns it; nil where the
// name says nothing, or is not to be asked: then S3 has its own.
func (t *Transfer) guess(kind *string, name string) *string {
	if t.Attributes.NoGuess || t.Attributes.ContentType != "" {
		return nil
	}
	if *kind = contentType(name); *kind == "" {
		return nil
	}
	return kind
}

// contentType is the type of a file by its name, as mimetypes.guess_type of Python
// 3.11 gives it without the files of the system, and so as aws s3 sends it. That
// of what is compressed is the one of its content; what is not known has none.
// It takes no memory.
func contentType(name string) string {
	base, ext := splitExt(name)
	var low [longestExt]byte
	ext = ending(ext)
	switch string(lower(&low, ext)) { // these stand for two endings
	case ".svgz":
		return typeOfExt([]byte(".svg"))
	case ".tgz", ".taz", ".tz", ".tbz2", ".txz":
		return typeOfExt([]byte(".tar"))
	}
	switch ext { // as they are written, and no other way
	case ".gz", ".Z", ".bz2", ".xz", ".br":
		_, ext = splitExt(base)
		ext = ending(ext)
	}
	return typeOfExt(lower(&low, ext))
}

// splitExt cuts a name before its last point. Points that a file's name begins
// with are part of it: .txt has no ending.
func splitExt(name string) (base, ext string) {
	file := strings.LastIndexByte(name, '/') + 1
	if os.PathSeparator != '/' {
		file = max(file, strings.LastIndexByte(name, os.PathSeparator)+1)
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < file || strings.Trim(name[file:dot], ".") == "" {
		return name, ""
	}
	return name[:dot], name[dot:]
}

// longestExt is the length of .webmanifest.
const longestExt = 12

// ending is ext where it may be known.
func ending(ext string) string {
	if len(ext) > longestExt {
		return ""
	}
	return ext
}

// lower writes ext, of longestExt at most, in small letters.
func lower(to *[longestExt]byte, ext string) []byte {
	n := copy(to[:], ext)
	for i, c := range to[:n] {
		if c >= 'A' && c <= 'Z' {
			to[i] = c + 'a' - 'A'
		}
	}
	return to[:n]
}

// typeOfExt is the table of Lib/mimetypes.py, with the endings in small letters.
func typeOfExt(ext []byte) string {
	switch string(ext) {
	case ".js", ".mjs":
		return "application/javascript"
	case ".json":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".doc", ".dot", ".wiz":
		return "application/msword"
	case ".nq":
		return "application/n-quads"
	case ".nt":
		return "application/n-triples"
	case ".a", ".bin", ".dll", ".exe", ".o", ".obj", ".so":
		return "application/octet-stream"
	case ".oda":
		return "application/oda"
	case ".pdf":
		return "application/pdf"
	case ".p7c":
		return "application/pkcs7-mime"
	case ".ai", ".eps", ".ps":
		return "application/postscript"
	case ".trig":
		return "application/trig"
	case ".m3u", ".m3u8":
		return "application/vnd.apple.mpegurl"
	case ".xlb", ".xls":
		return "application/vnd.ms-excel"
	case ".pot", ".ppa", ".pps", ".ppt", ".pwz":
		return "application/vnd.ms-powerpoint"
	case ".wasm":
		return "application/wasm"
	case ".bcpio":
		return "application/x-bcpio"
	case ".cpio":
		return "application/x-cpio"
	case ".csh":
		return "application/x-csh"
	case ".dvi":
		return "application/x-dvi"
	case ".gtar":
		return "application/x-gtar"
	case ".hdf":
		return "application/x-hdf"
	case ".h5":
		return "application/x-hdf5"
	case ".latex":
		return "application/x-latex"
	case ".mif":
		return "application/x-mif"
	case ".cdf", ".nc":
		return "application/x-netcdf"
	case ".p12", ".pfx":
		return "application/x-pkcs12"
	case ".ram":
		return "application/x-pn-realaudio"
	case ".pyc", ".pyo":
		return "application/x-python-code"
	case ".sh":
		return "application/x-sh"
	case ".shar":
		return "application/x-shar"
	case ".swf":
		return "application/x-shockwave-flash"
	case ".sv4cpio":
		return "application/x-sv4cpio"
	case ".sv4crc":
		return "application/x-sv4crc"
	case ".tar":
		return "application/x-tar"
	case ".tcl":
		return "application/x-tcl"
	case ".tex":
		return "application/x-tex"
	case ".texi", ".texinfo":
		return "application/x-texinfo"
	case ".roff", ".t", ".tr":
		return "application/x-troff"
	case ".man":
		return "application/x-troff-man"
	case ".me":
		return "application/x-troff-me"
	case ".ms":
		return "application/x-troff-ms"
	case ".ustar":
		return "application/x-ustar"
	case ".src":
		return "application/x-wais-source"
	case ".rdf", ".wsdl", ".xpdl", ".xsl":
		return "application/xml"
	case ".zip":
		return "application/zip"
	case ".3gp", ".3gpp":
		return "audio/3gpp"
	case ".3g2", ".3gpp2":
		return "audio/3gpp2"
	case ".aac", ".adts", ".ass", ".loas":
		return "audio/aac"
	case ".au", ".snd":
		return "audio/basic"
	case ".mp2", ".mp3":
		return "audio/mpeg"
	case ".opus":
		return "audio/opus"
	case ".aif", ".aifc", ".aiff":
		return "audio/x-aiff"
	case ".ra":
		return "audio/x-pn-realaudio"
	case ".wav":
		return "audio/x-wav"
	case ".avif":
		return "image/avif"
	case ".bmp":
		return "image/bmp"
	case ".gif":
		return "image/gif"
	case ".heic":
		return "image/heic"
	case ".heif":
		return "image/heif"
	case ".ief":
		return "image/ief"
	case ".jpe", ".jpeg", ".jpg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".svg":
		return "image/svg+xml"
	case ".tif", ".tiff":
		return "image/tiff"
	case ".ico":
		return "image/vnd.microsoft.icon"
	case ".ras":
		return "image/x-cmu-raster"
	case ".pnm":
		return "image/x-portable-anymap"
	case ".pbm":
		return "image/x-portable-bitmap"
	case ".pgm":
		return "image/x-portable-graymap"
	case ".ppm":
		return "image/x-portable-pixmap"
	case ".rgb":
		return "image/x-rgb"
	case ".xbm":
		return "image/x-xbitmap"
	case ".xpm":
		return "image/x-xpixmap"
	case ".xwd":
		return "image/x-xwindowdump"
	case ".eml", ".mht", ".mhtml", ".nws":
		return "message/rfc822"
	case ".css":
		return "text/css"
	case ".csv":
		return "text/csv"
	case ".htm", ".html":
		return "text/html"
	case ".n3":
		return "text/n3"
	case ".bat", ".c", ".h", ".ksh", ".pl", ".srt", ".txt":
		return "text/plain"
	case ".rtx":
		return "text/richtext"
	case ".tsv":
		return "text/tab-separated-values"
	case ".vtt":
		return "text/vtt"
	case ".py":
		return "text/x-python"
	case ".etx":
		return "text/x-setext"
	case ".sgm", ".sgml":
		return "text/x-sgml"
	case ".vcf":
		return "text/x-vcard"
	case ".xml":
		return "text/xml"
	case ".mp4":
		return "video/mp4"
	case ".m1v", ".mpa", ".mpe", ".mpeg", ".mpg":
		return "video/mpeg"
	case ".mov", ".qt":
		return "video/quicktime"
	case ".webm":
		return "video/webm"
	case ".avi":
		return "video/x-msvideo"
	case ".movie":
		return "video/x-sgi-movie"
	}
	return ""
}
