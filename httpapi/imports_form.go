package httpapi

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/contactimport"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// importForm is the body of a request that imports a file.
type importForm struct {
	file    *upload
	options contactimport.Options
}

// readImportForm reads the body of a request, multipart/form-data with these parts. Clients
// send the file before the other parts, or after them, so that the whole body must be read
// before the import begins. The file is in memory up to so many bytes. The caller must
// remove it, unless the error is set.
func readImportForm(r *http.Request, memory int64) (form importForm, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return form, invalid("", "the body must be multipart/form-data, with the file in the part file")
	}
	reader := formReader{parts: parts, memory: memory}
	defer func() {
		if err != nil && reader.file != nil {
			reader.file.remove()
		}
	}()
	fields, err := reader.read()
	if err != nil {
		return form, err
	}
	var hasFile bool
	var conflict string
	o := contactimport.Options{DefineProperties: true}
	if err := decode(fields, []field{
		required(flag("file", &hasFile)),
		columnMap("column_map", &o.Columns),
		text("on_conflict", &conflict),
		segments("segments", &o.Segments),
		unsupported("topics", "leave it out"),
	}); err != nil {
		return form, err
	}
	o.OnConflict = contactimport.Conflict(conflict)
	return importForm{reader.file, o}, nil
}

// formReader reads the parts of a form.
type formReader struct {
	parts  *multipart.Reader
	memory int64
	file   *upload
	fields []byte
}

// read returns the parts as one JSON object. The file is true.
func (f *formReader) read() ([]byte, error) {
	f.fields = append(f.fields, '{')
	for {
		part, err := f.parts.NextPart()
		if err == io.EOF { // a body that ends too early has an error that wraps io.EOF
			return append(f.fields, '}'), nil
		}
		if err != nil {
			return nil, brokenOff(err)
		}
		value, err := f.value(part)
		if err != nil {
			return nil, err
		}
		if len(value) == 0 {
			continue
		}
		if len(f.fields) > 1 {
			f.fields = append(f.fields, ',')
		}
		f.fields = append(jsondoc.AppendString(f.fields, part.FormName()), ':')
		f.fields = append(f.fields, value...)
	}
}

// value returns the JSON of a part, and nothing for a part that is empty.
func (f *formReader) value(part *multipart.Part) ([]byte, error) {
	name := part.FormName()
	if name == "file" {
		if f.file != nil {
			return nil, invalid("file", "is given more than once: import one file at a time")
		}
		f.file = &upload{}
		return []byte("true"), f.file.receive(part, f.memory)
	}
	data, err := io.ReadAll(io.LimitReader(part, f.memory+1))
	if err != nil {
		return nil, brokenOff(err)
	}
	if int64(len(data)) > f.memory {
		return nil, invalid(name, "is too long: at most %d bytes are allowed", f.memory)
	}
	switch name {
	case "column_map", "segments", "topics":
		if len(data) == 0 {
			return nil, nil
		}
		if _, err := jsondoc.ScanWithin(data, maxNesting); err != nil {
			return nil, invalid(name, "is not JSON: %s", err)
		}
		return data, nil
	default:
		return jsondoc.AppendString(nil, string(data)), nil
	}
}

// brokenOff returns the error of a body that cannot be read.
func brokenOff(err error) error {
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return err
	}
	return &failure{http.StatusBadRequest, nameInvalid, "the body of the request is not valid multipart/form-data, or ended too early"}
}

// columnMap is an object that maps the fields of contacts to columns of a file.
func columnMap(name string, into *contactimport.Columns) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) {
		r.object(n, []field{
			text("email", &into.Email), text("first_name", &into.FirstName), text("last_name", &into.LastName),
			text("unsubscribed", &into.Unsubscribed), mappedProperties("properties", &into.Properties),
		})
	})}
}

// mappedProperties is an object of columns by the keys of properties.
func mappedProperties(name string, into *map[string]contactimport.Property) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) {
		*into = map[string]contactimport.Property{}
		r.members(n, func(key, value int) {
			var p contactimport.Property
			var kind string
			r.object(value, []field{required(text("column", &p.Column)), text("type", &kind)})
			if kind != "" && !isPropertyType(kind) {
				r.report(r.Member(value, "type"), automation.CodeWrongType, "must be string, number or boolean")
			}
			p.Type = contactimport.Type(kind)
			(*into)[r.Text(key)] = p
		})
	})}
}
