// Package template keeps templates for emails and renders them. They live in the
// host's repository, as files, or are made through a Go API; either way what a
// send_email step names is looked up here by id or alias. A Library is a
// mail.Renderer, and so fits every mailer that takes one:
//
//	//go:embed emails
//	var emails embed.FS
//
//	library, err := template.New(template.Options{From: "Shop <hello@example.com>"})
//	files, err := fs.Sub(emails, "emails")
//	err = library.Load(files)
//
// # Files
//
// A template is a file such as welcome.json, with the fields of Resend's
// create-template call (name, alias, from, subject, reply_to, variables, and
// status, which is published unless it says draft). Its texts stand beside it in
// welcome.html and, optionally, welcome.txt, or in its fields html and text. The id
// is the file's name: welcome, or billing/receipt in a folder. Names that begin
// with a dot are passed over, and so are files of other kinds.
//
// # Text
//
// {{{NAME}}} is replaced by the variable NAME as it is, {{NAME}} by the variable with
// its HTML escaped. In the subject, the addresses and the text part, which are no
// HTML, both are the same and nothing is escaped. {{{NAME|some text}}} has a fallback
// for just this place, which goes before the declared one. {{#NAME}}…{{/NAME}} shows
// what it encloses if NAME is true, a number, or a text that is not blank, and
// {{^NAME}}…{{/NAME}} if it is not. Files cannot be included. These names are reserved
// and filled in by themselves:
//
//	FIRST_NAME, LAST_NAME, EMAIL        of the contact, empty if it has none
//	contact.first_name, contact.properties.plan …   any other field of it
//	UNSUBSCRIBE_URL, RESEND_UNSUBSCRIBE_URL         what Options.UnsubscribeURL returns
//	this.NAME                           the same as NAME
//
// A variable that the text uses and nobody declares must be given, and takes any
// type. Where only HTML is given the text part is made from it.
//
// # Drafts
//
// As with Resend, what is made through Create is a draft until it is published, and
// an update of a published template is a draft too: what is sent stays what it was
// until Publish. A run sends what is published at that moment. In a Library made by
// New they live in memory only; one made by Open keeps them in a folder.
package template
