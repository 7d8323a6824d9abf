// Package contactimport creates and updates contacts from a CSV file.
//
//	report, err := contactimport.Run(ctx, runner, file, contactimport.Options{
//		Columns: contactimport.Columns{
//			Email:      "E-mail",
//			FirstName:  "First name",
//			Properties: map[string]contactimport.Property{"seats": {Column: "Seats", Type: contactimport.TypeNumber}},
//		},
//		Segments: []string{"customers"},
//	})
//
// Run reads the file as a stream: its memory does not depend on the length of the file. It
// writes each contact on its own, completely or not at all, and many of them at a time.
// A line that is wrong changes nothing and is reported, and the import goes on. An import
// that breaks off, because ctx has ended or the store is down, can be repeated: with
// Update, importing a line twice has the same effect as importing it once.
//
// # Files
//
// The first line has the names of the columns. Cells are separated by commas, semicolons
// or tabs, whichever occurs most often in the first line. Lines end in LF, CRLF or CR. A
// cell in double quotes may contain separators, line breaks, and quotes, which are doubled.
// White space around a cell is removed. Lines without any text are ignored. A cell that
// the line lacks is empty.
//
// The text must be UTF-8. A byte order mark is skipped. A file in UTF-16 is refused, and
// lines with other bytes are reported.
//
// # Cells
//
// An empty cell changes nothing: neither a name nor a property is cleared by an import. A
// number is written as in JSON. A boolean is true or false, yes or no, 1 or 0.
package contactimport
