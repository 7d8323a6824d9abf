package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// operation is one call of the API.
type operation struct {
	status  int // of success
	do      func(r *http.Request) (body any, err error)
	sending bool // open to keys that may only send
	open    bool // needs no key
	upload  bool // has the limits of an import
	// params are the parameters that the query may have. ignored are more of them, which
	// clients of Resend send and which have no meaning.
	params, ignored []string
}

// resource holds the operations on one path by method. The path of a nil resource does
// not exist.
type resource map[string]operation

// ok is an operation that answers with 200.
func ok(do func(*http.Request) (any, error)) operation {
	return operation{status: http.StatusOK, do: do}
}

// listing is an operation that answers with a page of a list. The query may have params, and
// what selects the page.
func listing(do func(*http.Request) (any, error), params ...string) operation {
	op := ok(do)
	op.params = append(params, "limit", "after", "before")
	return op
}

// taking lets the query have parameters.
func (op operation) taking(params ...string) operation {
	op.params = params
	return op
}

// ignoring lets the query have parameters that have no meaning.
func (op operation) ignoring(params ...string) operation {
	op.ignored = params
	return op
}

// created is an operation that creates an object and answers with its id.
func created(do func(*http.Request) (any, error)) operation {
	return operation{status: http.StatusCreated, do: do}
}

// routes returns the resources by the patterns of their paths. Patterns name no
// methods, so that the Handler itself answers a method that is not allowed.
func (h *Handler) routes() map[string]resource {
	routes := map[string]resource{"/": nil}
	maps.Copy(routes, h.automationRoutes())
	maps.Copy(routes, h.versionRoutes())
	maps.Copy(routes, h.runRoutes())
	maps.Copy(routes, h.eventRoutes())
	maps.Copy(routes, h.receivedEventRoutes())
	if h.opts.Contacts {
		maps.Copy(routes, h.contactRoutes())
		maps.Copy(routes, h.segmentRoutes())
		maps.Copy(routes, h.audienceRoutes())
		maps.Copy(routes, h.propertyRoutes())
		maps.Copy(routes, h.importRoutes())
	}
	if h.opts.Templates != nil {
		maps.Copy(routes, h.templateRoutes())
	}
	maps.Copy(routes, documentRoutes(routes))
	return routes
}

// find returns the operation of a method. HEAD is performed like GET: net/http leaves
// the body of the answer out.
func (res resource) find(method string) (operation, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	op, ok := res[method]
	return op, ok
}

// operation returns the operation of a method. The error is the answer to a request for
// which there is none.
func (res resource) operation(header http.Header, method string) (operation, error) {
	if res == nil {
		return operation{}, &failure{http.StatusNotFound, nameNotFound, "there is nothing at this path"}
	}
	if op, ok := res.find(method); ok {
		return op, nil
	}
	allow := res.methods()
	header.Set("Allow", allow)
	return operation{}, &failure{http.StatusMethodNotAllowed, nameMethod, fmt.Sprintf("this path takes %s", allow)}
}

// methods lists the methods that are allowed, for the header Allow.
func (res resource) methods() string {
	methods := slices.Collect(maps.Keys(res))
	if _, ok := res[http.MethodGet]; ok {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}
