// Package template keeps templates for emails and renders them. Templates are files in
// the host's repository, or are created through a Go API. A send_email step names a
// template of either kind by id or alias. A Library is a mail.Renderer, so it works with
// every mailer that takes one:
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
// status, which is published by default and may be draft). The texts of the template are
// in welcome.html and, optionally, welcome.txt beside it, or in its fields html and text.
// The id is the file's name: welcome, or billing/receipt in a folder. Names that begin
// with a dot are ignored, and so are files of other kinds.
//
// # Text
//
// {{{NAME}}} is replaced by the variable NAME as it is, {{NAME}} by the variable with
// its HTML escaped. In the subject, the addresses and the text part, which are not
// HTML, both forms mean the same and nothing is escaped. {{{NAME|some text}}} has a
// fallback for this place only, which takes precedence over the declared fallback.
// {{#NAME}}…{{/NAME}} shows the enclosed text if NAME is true, a number, or a text that
// is not blank, and {{^NAME}}…{{/NAME}} shows it otherwise. A template cannot include
// another. These names are reserved, and the Library fills them in:
//
//	FIRST_NAME, LAST_NAME, EMAIL        of the contact, empty if it has none
//	contact.first_name, contact.properties.plan …   any other field of it
//	UNSUBSCRIBE_URL, RESEND_UNSUBSCRIBE_URL         what Options.UnsubscribeURL returns
//	this.NAME                           the same as NAME
//
// A variable that the text uses without a declaration must be given by the step, and takes
// any type. If a template has only HTML, the text part is made from the HTML.
//
// # Drafts
//
// As with Resend, a template that Create makes is a draft until it is published, and an
// update of a published template changes its draft only: emails use the published version
// until Publish. A run sends the version that is published at that moment. A Library made
// by New keeps these templates in memory only; a Library made by Open keeps them in a
// folder.
package template
