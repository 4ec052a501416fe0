package kube

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// room is for how many bytes of samples a family has space. More would tell little more, and slow down every packing.
const room = 8 << 10

// distinct is how many bytes every object has to itself: names, ids and times.
const distinct = 64

// family is all that is packed of one type. Much of an object is in the next one, too, so it is deflated (RFC 1951) as what
// follows the samples: the first object of the family, and those that were unlike the samples before. Samples are never
// changed, as those who read an object need the ones that it was packed with; more may come after them.
type family struct {
	of      reflect.Type
	samples [room]byte
	used    int
}

// parcel is an encoded object, deflated after the first samples of its family, so many bytes of them.
type parcel struct {
	family  *family
	samples int
	bytes   string
}

// press deflates for the whole process, one object at a time: a writer takes 800 kB.
type press struct {
	mu       sync.Mutex
	writer   *flate.Writer
	out      bytes.Buffer
	families map[reflect.Type]*family
}

var thePress = sync.OnceValue(func() *press {
	writer, err := flate.NewWriter(io.Discard, flate.DefaultCompression)
	if err != nil {
		panic(fmt.Sprintf("deflate: %v", err)) // the level is wrong
	}
	return &press{writer: writer, families: map[reflect.Type]*family{}}
})

// pack makes a parcel of an object of a type. It keeps none of data.
func (p *press) pack(of reflect.Type, data []byte) (parcel, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.families[of]
	if f == nil {
		f = &family{of: of}
		p.families[of] = f
	}
	packed := parcel{family: f, samples: f.used}
	if err := p.deflate(f.samples[:f.used], data); err != nil {
		return parcel{}, err
	}
	packed.bytes = p.out.String()
	if isUnlike := len(packed.bytes) > len(data)/4+distinct; isUnlike && len(data) <= room-f.used {
		f.used += copy(f.samples[f.used:], data)
	}
	return packed, nil
}

// deflate leaves in out what data adds to a stream that began with the samples. A flush ends their part on a whole byte.
func (p *press) deflate(samples, data []byte) error {
	p.writer.Reset(&p.out)
	_, sampled := p.writer.Write(samples)
	flushed := p.writer.Flush()
	p.out.Reset()
	_, written := p.writer.Write(data)
	return errors.Join(sampled, flushed, written, p.writer.Close())
}

// inflater reads parcels. It may be used again, and takes 50 kB.
type inflater struct {
	source strings.Reader
	reader io.ReadCloser
	out    bytes.Buffer
}

var inflaters = sync.Pool{New: func() any { return &inflater{reader: flate.NewReader(strings.NewReader(""))} }}

// unpack makes the object anew.
func (p parcel) unpack() (client.Object, error) {
	in := inflaters.Get().(*inflater)
	defer inflaters.Put(in)
	in.source.Reset(p.bytes)
	in.out.Reset()
	if err := in.reader.(flate.Resetter).Reset(&in.source, p.family.samples[:p.samples]); err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	if _, err := in.out.ReadFrom(in.reader); err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	o := reflect.New(p.family.of).Interface().(client.Object)
	return o, decode(in.out.Bytes(), o)
}
