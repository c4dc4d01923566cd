//go:build !nogateway

package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/versity/versitygw/backend/meta"
)

// The names inside a data directory.
const (
	markerName   = "s3haul-server.json"
	tempPrefix   = ".s3haul-server-"
	bucketsName  = "buckets"
	versionsName = "versions"
	sidecarName  = "meta"
)

// How the server keeps the metadata of an object.
const (
	metaXattr   = "xattr"   // in extended attributes of its file
	metaSidecar = "sidecar" // in files of their own below "meta"
)

const markerFormat = 1

// marker is the file that says "this directory is s3haul's", and holds what
// must stay as it was when the directory was made.
type marker struct {
	Format    int    `json:"format"`
	AccessKey string `json:"access_key_id"`
	SecretKey string `json:"secret_access_key"`
	Metadata  string `json:"metadata"`
}

// dataDir is a directory that is ready to be served; its paths are absolute.
type dataDir struct {
	marker
	buckets  string
	versions string
	sidecar  string // empty where xattrs hold the metadata
}

// openDataDir checks dir and makes what is missing. A directory of somebody
// else's is left as it is.
func openDataDir(ctx context.Context, dir string) (dataDir, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return dataDir{}, fmt.Errorf("find the absolute path of %s: %w", dir, err)
	}
	switch fi, err := os.Stat(root); {
	case err == nil && !fi.IsDir():
		return dataDir{}, fmt.Errorf("%s: %w", dir, ErrNotDirectory)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return dataDir{}, fmt.Errorf("look at the data directory: %w", err)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return dataDir{}, fmt.Errorf("make the data directory: %w", err)
	}
	ours, err := isOurs(root)
	if err != nil {
		return dataDir{}, err
	}
	if !ours {
		if err := makeMarker(root, os.Link); err != nil {
			return dataDir{}, err
		}
	}
	m, err := readMarker(ctx, root)
	if err != nil {
		return dataDir{}, err
	}
	return m.layOut(root)
}

// layOut makes the directories inside root.
func (m marker) layOut(root string) (dataDir, error) {
	d := dataDir{
		marker:   m,
		buckets:  filepath.Join(root, bucketsName),
		versions: filepath.Join(root, versionsName),
	}
	names := []string{d.buckets, d.versions}
	if m.Metadata == metaSidecar {
		d.sidecar = filepath.Join(root, sidecarName)
		names = append(names, d.sidecar)
	}
	for _, name := range names {
		if err := os.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return dataDir{}, fmt.Errorf("make the data directory: %w", err)
		}
	}
	if d.sidecar == "" {
		// A copy of the directory on another file system has lost every ETag,
		// version and checksum. That must not pass for a bucket of plain files.
		if ok, err := hasXattrs(root); err != nil {
			return dataDir{}, err
		} else if !ok {
			return dataDir{}, fmt.Errorf("%s keeps its metadata in extended attributes, which this file system does not have", root)
		}
	}
	return d, nil
}

// isOurs says whether root bears the marker. It is false for an empty
// directory, and any other directory is an error with [ErrForeignDir].
func isOurs(root string) (bool, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return false, fmt.Errorf("read the data directory: %w", err)
	}
	empty := true
	for _, e := range entries {
		switch {
		case e.Name() == markerName:
			return true, nil
		case !strings.HasPrefix(e.Name(), tempPrefix):
			empty = false
		}
	}
	if empty {
		return false, nil
	}
	// A process that starts beside this one makes the marker before anything
	// else; a listing taken meanwhile may have one without the other.
	if _, err := os.Lstat(filepath.Join(root, markerName)); err == nil {
		return true, nil
	}
	return false, fmt.Errorf("%s: %w", root, ErrForeignDir)
}

// makeMarker makes the marker, whole or not at all, with new credentials.
// Where another process was quicker, its marker stays. link is [os.Link].
func makeMarker(root string, link func(oldname, newname string) error) error {
	m := marker{Format: markerFormat, Metadata: metaXattr}
	ok, err := hasXattrs(root)
	if err != nil {
		return err
	}
	if !ok {
		m.Metadata = metaSidecar
	}
	// As long as AWS's own. Letters and digits alone (5 bits each): nothing
	// that a shell, or a flag's parser, would read as something else.
	m.AccessKey = "S3HAUL" + rand.Text()[:14]
	m.SecretKey = (rand.Text() + rand.Text())[:40]
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", markerName, err)
	}
	text = append(text, '\n')

	temp, err := os.CreateTemp(root, tempPrefix) // mode 0600
	if err != nil {
		return fmt.Errorf("make %s: %w", markerName, err)
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	if err := writeAndClose(temp, text); err != nil {
		return err
	}
	// Unlike a rename, a link fails where the name is taken.
	name := filepath.Join(root, markerName)
	err = link(temp.Name(), name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	// No hard links here (FAT). readMarker waits for a writer in this place.
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", markerName, err)
	}
	if err := writeAndClose(f, text); err != nil {
		_ = os.Remove(name)
		return err
	}
	return nil
}

func writeAndClose(f *os.File, text []byte) error {
	_, err := f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", markerName, err)
	}
	return nil
}

// markerWait is how long an unfinished marker may stay so, in a file system
// without hard links, before it counts as damaged.
const markerWait = 2 * time.Second

// readMarker reads the marker. No error of it has a part of the content.
func readMarker(ctx context.Context, root string) (marker, error) {
	name := filepath.Join(root, markerName)
	unfinished := time.NewTimer(markerWait)
	defer unfinished.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		text, err := os.ReadFile(name)
		if err != nil {
			return marker{}, fmt.Errorf("read the server's credentials: %w", err)
		}
		var m marker
		if json.Unmarshal(text, &m) == nil {
			return m, m.check(name)
		}
		select {
		case <-again.C:
		case <-unfinished.C:
			return marker{}, fmt.Errorf("%s is damaged; put it back, the buckets belong to the credentials in it", name)
		case <-ctx.Done():
			return marker{}, fmt.Errorf("read the server's credentials: %w", context.Cause(ctx))
		}
	}
}

func (m marker) check(name string) error {
	switch {
	case m.Format > markerFormat:
		return fmt.Errorf("%s was written by a newer s3haul (format %d, this one knows %d)", name, m.Format, markerFormat)
	case m.Format < 1, m.AccessKey == "", m.SecretKey == "", m.Metadata != metaXattr && m.Metadata != metaSidecar:
		return fmt.Errorf("%s is not what s3haul writes there", name)
	}
	return nil
}

// hasXattrs says whether the server can keep metadata in extended attributes
// below root. It asks the code that will write them.
func hasXattrs(root string) (bool, error) {
	f, err := os.CreateTemp(root, tempPrefix)
	if err != nil {
		return false, fmt.Errorf("write to the data directory: %w", err)
	}
	err = meta.XattrMeta{}.StoreAttribute(f, "", "", "s3haul-probe", []byte("1"))
	_ = f.Close()
	if rerr := os.Remove(f.Name()); rerr != nil {
		return false, fmt.Errorf("write to the data directory: %w", rerr)
	}
	return err == nil, nil
}
