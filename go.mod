module github.com/seed-b636437c/automation

go 1.26.8

require (
	github.com/benbjohnson/clock v1.3.5 // indirect
	github.com/santhosh-tekuri/jsonschema/v5 v5.3.1 // indirect
	github.com/stretchr/testify v1.12.1 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)
