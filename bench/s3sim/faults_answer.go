package s3sim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// hugeHeader is how long the header of KindHugeHeaders is.
const hugeHeader = 1 << 20

// mishap is one fault happening to one request.
type mishap struct {
	fault    *Fault
	w        http.ResponseWriter
	r        *http.Request
	control  *http.ResponseController
	counters *counters
}

func (m *mishap) happens() {
	m.counters.faults.Add(1)
	m.counters.timeline.add(Moment{Faults: 1})
}

// carriesOut says whether the store sees the request.
func (m *mishap) carriesOut() bool {
	switch m.fault.Kind {
	case KindInternalError, KindSlowDown, KindError, KindErrorIn200, KindReset, KindStall, KindGarbage:
		return false
	}
	return true
}

// commit answers the request, with what h would answer where that matters.
func (m *mishap) commit(h http.Handler) {
	if !m.carriesOut() {
		m.happens()
		m.instead()
		return
	}
	switch m.fault.Kind {
	case KindLost:
		h.ServeHTTP(&nowhere{header: http.Header{}}, m.r)
		m.happens()
		m.reset()
	case KindCut, KindStallBody, KindCorrupt:
		m.inBody(h)
	case KindXMLCut, KindXMLEntities:
		m.document(h)
	case KindRangeIgnored:
		if m.r.Header.Get("Range") != "" {
			m.happens()
			m.r = m.r.Clone(m.r.Context())
			m.r.Header.Del("Range")
		}
		h.ServeHTTP(m.w, m.r)
	case KindLengthShort:
		m.short(h)
	default:
		w := &header{ResponseWriter: m.w, change: m.changeHeader}
		h.ServeHTTP(w, m.r)
		w.WriteHeader(http.StatusOK) // where h wrote nothing
	}
}

// instead answers a request that is not carried out.
func (m *mishap) instead() {
	if m.fault.Kind == KindReset {
		m.reset()
		return
	}
	// A client that still sends would see its connection reset, not the answer;
	// and net/http sees a client go only when its body has been read.
	_, err := io.Copy(io.Discard, m.r.Body)
	switch m.fault.Kind {
	case KindStall:
		if err == nil {
			<-m.r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	case KindGarbage:
		m.garbage()
	default:
		m.fail()
	}
}

// fail answers with an error of S3.
func (m *mishap) fail() {
	status, code, message := http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."
	switch m.fault.Kind {
	case KindSlowDown:
		status, code, message = http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate."
	case KindErrorIn200:
		status = http.StatusOK
	case KindError:
		status, code, message = m.fault.Status, m.fault.Code, "This is a fault of the simulator."
	}
	h := m.w.Header()
	if m.fault.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(m.fault.RetryAfter.Seconds())))
	}
	h.Set("X-Amz-Request-Id", "S3SIMFAULT")
	h.Set("X-Amz-Id-2", "s3sim/fault")
	if m.r.Method == http.MethodHead {
		m.w.WriteHeader(status)
		return
	}
	body := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>%s</Code><Message>%s</Message><RequestId>S3SIMFAULT</RequestId><HostId>s3sim/fault</HostId></Error>`, code, message)
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	m.w.WriteHeader(status)
	_, _ = io.WriteString(m.w, body) // a client that went away needs no answer
}

// reset ends the connection as a crashed host does; over h2, the stream.
func (m *mishap) reset() {
	conn, _, err := m.control.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn
	for {
		if tcp, ok := raw.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
			_ = tcp.Close() // before TLS can say goodbye
			break
		}
		under, ok := raw.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		raw = under.NetConn()
	}
	_ = conn.Close()
}

func (m *mishap) garbage() {
	conn, _, err := m.control.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = conn.Write([]byte("\x00\x01\xfe\xffthis is not HTTP\r\n\x80\x81\r\n\r\n"))
	_ = conn.Close()
}

// changeHeader is of the kinds that change nothing but headers.
func (m *mishap) changeHeader(h http.Header) {
	switch m.fault.Kind {
	case KindHugeHeaders:
		h.Set("X-S3sim-Padding", strings.Repeat("s3sim pad", hugeHeader/9+1))
		m.happens()
	case KindRangeMissing:
		if h.Get("Content-Range") != "" {
			h.Del("Content-Range")
			m.happens()
		}
	case KindRangeWrong:
		var from, to, size int64
		if _, err := fmt.Sscanf(h.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &size); err == nil {
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from+1, to+1, max(size, to+2)))
			m.happens()
		}
	case KindLengthLong:
		if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil {
			h.Set("Content-Length", strconv.FormatInt(n+1, 10)) // net/http closes the connection then
			m.happens()
		}
	case KindChecksumWrong:
		changed := false
		for name, values := range h {
			if strings.HasPrefix(name, "X-Amz-Checksum-") && name != "X-Amz-Checksum-Type" {
				h[name] = []string{wrongSum(values[0])} // values may be shared with other answers
				changed = true
			}
		}
		if changed {
			m.happens()
		}
	}
}

// wrongSum is another sum of the same length.
func wrongSum(text string) string {
	sum, rest, composite := strings.Cut(text, "-")
	raw, err := base64.StdEncoding.DecodeString(sum)
	if err != nil || len(raw) == 0 {
		return text + "x"
	}
	raw[0] ^= 1
	sum = base64.StdEncoding.EncodeToString(raw)
	if composite {
		sum += "-" + rest
	}
	return sum
}

// inBody does something at the middle of the body.
func (m *mishap) inBody(h http.Handler) {
	w := &middle{mishap: m, status: http.StatusOK}
	h.ServeHTTP(w, m.r)
	w.finish()
	if !w.broken {
		return
	}
	m.happens()
	if w.sentHeader {
		_ = m.control.Flush()
	}
	if m.fault.Kind == KindStallBody {
		<-m.r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

// document changes an answer of XML as a whole.
func (m *mishap) document(h http.Handler) {
	w := &held{header: m.w.Header(), status: http.StatusOK}
	h.ServeHTTP(w, m.r)
	body := w.body.Bytes()
	if bytes.HasPrefix(body, []byte("<?xml")) {
		m.happens()
		if m.fault.Kind == KindXMLCut {
			body = body[:len(body)/2]
		} else {
			body = withEntities(body)
		}
		m.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	m.w.WriteHeader(w.status)
	_, _ = m.w.Write(body) // a client that went away needs no answer
}

// withEntities puts a DOCTYPE before the root and an entity, which stands for
// others, into the first key, or before the end.
func withEntities(doc []byte) []byte {
	const doctype = `<!DOCTYPE s3sim [<!ENTITY a "aaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>`
	declaration := bytes.Index(doc, []byte("?>")) + 2
	at := bytes.LastIndex(doc, []byte("</"))
	if i := bytes.Index(doc, []byte("<Key>")); i >= 0 {
		at = i + len("<Key>")
	}
	at = max(at, declaration)
	out := append(append([]byte{}, doc[:declaration]...), doctype...)
	out = append(append(out, doc[declaration:at]...), "&c;"...)
	return append(out, doc[at:]...)
}

// short writes the answer past net/http, which would not let a body be longer
// than its Content-Length.
func (m *mishap) short(h http.Handler) {
	w := &held{header: m.w.Header(), status: http.StatusOK}
	h.ServeHTTP(w, m.r)
	body := w.body.Bytes()
	if m.r.Method == http.MethodHead || len(body) == 0 {
		m.w.WriteHeader(w.status)
		return
	}
	m.happens()
	length := len(body) - 1
	m.w.Header().Set("Content-Length", strconv.Itoa(length))
	conn, _, err := m.control.Hijack()
	if errors.Is(err, http.ErrNotSupported) { // h2 has no bytes behind a body
		m.w.WriteHeader(w.status)
		_, _ = m.w.Write(body[:length])
		return
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = conn.Close() }()
	var head bytes.Buffer
	fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\nDate: %s\r\n", w.status, http.StatusText(w.status), time.Now().UTC().Format(http.TimeFormat))
	_ = w.header.Write(&head)
	head.WriteString("\r\n")
	if _, err := conn.Write(head.Bytes()); err == nil {
		_, _ = conn.Write(body)
	}
}

// nowhere is where an answer goes that gets lost.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(int)             {}
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// held keeps an answer.
type held struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (w *held) Header() http.Header { return w.header }

func (w *held) WriteHeader(status int) {
	if !w.wrote && status >= 200 {
		w.status, w.wrote = status, true
	}
}

func (w *held) Write(p []byte) (int, error) {
	w.wrote = true
	return w.body.Write(p)
}

// header changes the headers of an answer.
type header struct {
	http.ResponseWriter
	change func(http.Header)
	wrote  bool
}

func (w *header) WriteHeader(status int) {
	if w.wrote {
		return
	}
	if status >= 200 {
		w.wrote = true
		w.change(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *header) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

func (w *header) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// errFault is what a handler gets that writes behind the end of a broken answer.
var errFault = errors.New("the answer breaks off, as a fault says")

// middle breaks or corrupts a body in its middle. A body whose length is not
// told beforehand is kept until it ends.
type middle struct {
	mishap     *mishap
	status     int
	wrote      bool
	sentHeader bool
	keeps      bool
	kept       bytes.Buffer
	at, sent   int64 // where it happens, and how much has gone out
	broken     bool
}

func (w *middle) Header() http.Header { return w.mishap.w.Header() }

func (w *middle) WriteHeader(status int) {
	if w.wrote || status < 200 {
		return
	}
	w.wrote, w.status = true, status
	length, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
	if err != nil {
		w.keeps = true
		return
	}
	w.begin(length)
}

// begin sends the header, if there is to be a body.
func (w *middle) begin(length int64) {
	if w.mishap.r.Method == http.MethodHead {
		length = 0
	}
	if length == 0 && w.mishap.fault.Kind != KindCorrupt {
		w.broken = true
		return
	}
	w.at, w.sentHeader = length/2, true
	w.mishap.w.WriteHeader(w.status)
}

func (w *middle) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.keeps {
		return w.kept.Write(p)
	}
	return w.through(p)
}

// finish sends what was kept.
func (w *middle) finish() {
	w.WriteHeader(http.StatusOK)
	if !w.keeps {
		return
	}
	if w.kept.Len() > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(w.kept.Len()))
	}
	w.begin(int64(w.kept.Len()))
	_, _ = w.through(w.kept.Bytes()) // a client that went away needs no answer
}

func (w *middle) through(p []byte) (int, error) {
	if w.broken {
		return 0, errFault
	}
	k := w.at - w.sent
	if k < 0 || k >= int64(len(p)) {
		return w.write(p)
	}
	n, err := w.write(p[:k])
	if err != nil {
		return n, err
	}
	if w.mishap.fault.Kind != KindCorrupt {
		w.broken = true
		return n, errFault
	}
	w.mishap.happens()
	// p may be the block that other answers are written from as well.
	one, err := w.write([]byte{p[k] ^ 1})
	if err != nil {
		return n + one, err
	}
	rest, err := w.write(p[k+1:])
	return n + one + rest, err
}

func (w *middle) write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := w.mishap.w.Write(p)
	w.sent += int64(n)
	return n, err
}
