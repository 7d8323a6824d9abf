module github.com/seed-b636437c/automation/e2e

go 1.25.0

require (
	github.com/benbjohnson/clock v1.3.5
	github.com/resend/resend-go/v3 v3.5.0
	github.com/seed-b636437c/automation v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/cbroglie/mustache v1.4.2 // indirect
	github.com/santhosh-tekuri/jsonschema/v5 v5.3.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.58.0 // indirect
	golang.org/x/time v0.15.0 // indirect
)

replace github.com/seed-b636437c/automation => ../
