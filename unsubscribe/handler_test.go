package unsubscribe_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/unsubscribe"
)

// people is a table of contacts that counts its calls.
type people struct {
	mu           sync.Mutex
	unsubscribed map[string]bool
	err          error // of every call
	reads        int
	changes      int
}

func newPeople() *people { return &people{unsubscribed: map[string]bool{"contact-1": false}} }

func (p *people) GetContact(_ context.Context, ref automation.ContactRef) (automation.Contact, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads++
	return p.contact(ref.ID)
}

func (p *people) contact(id string) (automation.Contact, error) {
	unsubscribed, ok := p.unsubscribed[id]
	switch {
	case p.err != nil:
		return automation.Contact{}, p.err
	case !ok:
		return automation.Contact{}, automation.ErrNotFound
	}
	return automation.Contact{ID: id, Email: "ada@example.com", FirstName: "Ada", Unsubscribed: unsubscribed}, nil
}

func (p *people) UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	if ctx.Err() != nil {
		return automation.Contact{}, ctx.Err()
	}
	if _, err := p.contact(id); err != nil {
		return automation.Contact{}, err
	}
	p.unsubscribed[id] = *change.Unsubscribed
	return p.contact(id)
}

func (p *people) asked() int { return p.reads + p.changes }

// site is a server with the page.
type site struct {
	t      *testing.T
	people *people
	links  *unsubscribe.Links
	server *httptest.Server
	log    *bytes.Buffer // read after an answer only
	link   string        // of contact-1
}

func newSite(t *testing.T, keys ...[]byte) *site {
	t.Helper()
	if keys == nil {
		keys = [][]byte{key(1)}
	}
	s := &site{t: t, people: newPeople(), log: &bytes.Buffer{}}
	mux := http.NewServeMux()
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	var err error
	s.links, err = unsubscribe.NewLinks(s.server.URL+"/mail/unsubscribe", unsubscribe.LinkOptions{}, keys...)
	require.NoError(t, err)
	mux.Handle("/mail/unsubscribe", s.handler(unsubscribe.Options{Logger: slog.New(slog.NewTextHandler(s.log, nil))}))
	s.link = linkTo(t, s.links, "contact-1")
	return s
}

func (s *site) handler(opts unsubscribe.Options) *unsubscribe.Handler {
	s.t.Helper()
	h, err := unsubscribe.NewHandler(s.links, s.people, opts)
	require.NoError(s.t, err)
	return h
}

// do sends a request, without following redirects, and returns the answer.
func (s *site) do(method, link, contentType, body string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, link, strings.NewReader(body))
	require.NoError(s.t, err)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp, string(page)
}

const urlencoded = "application/x-www-form-urlencoded"

const (
	isSubscribed   = "You are subscribed to our emails."
	isUnsubscribed = "You are unsubscribed. You get no more of these emails."
)

func TestGet_ShowsTheStateAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for unsubscribed, want := range map[bool][]string{
		false: {isSubscribed, `value="unsubscribe"`},
		true:  {isUnsubscribed, `value="resubscribe"`},
	} {
		s.people.unsubscribed["contact-1"] = unsubscribed
		resp, page := s.do(http.MethodGet, s.link, "", "")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		for _, text := range want {
			assert.Contains(t, page, text)
		}
		assert.NotContains(t, page, "ada@example.com")
		assert.Equal(t, unsubscribed, s.people.unsubscribed["contact-1"])
	}
	assert.Zero(t, s.people.changes)
}

func TestHead_IsGetWithoutBody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	get, _ := s.do(http.MethodGet, s.link, "", "")
	head, page := s.do(http.MethodHead, s.link, "", "")
	assert.Empty(t, page)
	assert.Equal(t, get.StatusCode, head.StatusCode)
	get.Header.Del("Date")
	head.Header.Del("Date")
	assert.Equal(t, get.Header, head.Header)
	assert.Zero(t, s.people.changes)
}

// oneClick is the body of RFC 8058 as multipart/form-data.
func oneClick(t *testing.T, field, value string) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	require.NoError(t, w.WriteField(field, value))
	require.NoError(t, w.Close())
	return w.FormDataContentType(), b.String()
}

func TestPost_Unsubscribes(t *testing.T) {
	t.Parallel()
	multipartType, multipartBody := oneClick(t, "List-Unsubscribe", "One-Click")
	tests := map[string]struct{ contentType, body string }{
		"one click":                     {urlencoded, "List-Unsubscribe=One-Click"},
		"one click with a charset":      {urlencoded + "; charset=utf-8", "List-Unsubscribe=One-Click"},
		"one click as multipart":        {multipartType, multipartBody},
		"one click without type":        {"", "List-Unsubscribe=One-Click"},
		"nothing":                       {"", ""},
		"an empty form":                 {urlencoded, ""},
		"the button":                    {urlencoded, "action=unsubscribe"},
		"something that is not a form":  {"application/json", `{"action":"resubscribe"}`},
		"the button, and fields beside": {urlencoded, "a=1&action=unsubscribe&b=2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			for range 2 { // a repetition changes nothing
				resp, page := s.do(http.MethodPost, s.link, tt.contentType, tt.body)
				assert.Equal(t, http.StatusOK, resp.StatusCode)
				assert.Empty(t, resp.Cookies())
				assert.Contains(t, page, isUnsubscribed)
				assert.True(t, s.people.unsubscribed["contact-1"])
			}
		})
	}
}

// Scanners and trackers append parameters to links. The page opens all the same, so its
// button must work.
func TestPost_IgnoresTheRestOfTheQuery(t *testing.T) {
	t.Parallel()
	for _, rest := range []string{"&utm=100%", "&amp;a=%zz", "&a;b", "&t=other"} {
		s := newSite(t)
		resp, page := s.do(http.MethodGet, s.link+rest, "", "")
		assert.Equal(t, http.StatusOK, resp.StatusCode, rest)
		assert.Contains(t, page, isSubscribed)
		for _, body := range []string{"List-Unsubscribe=One-Click", "action=unsubscribe"} {
			resp, page = s.do(http.MethodPost, s.link+rest, urlencoded, body)
			assert.Equal(t, http.StatusOK, resp.StatusCode, rest)
			assert.Contains(t, page, isUnsubscribed)
		}
	}
}

func TestPost_SubscribesAgain(t *testing.T) {
	t.Parallel()
	multipartType, multipartBody := oneClick(t, "action", "resubscribe")
	for contentType, body := range map[string]string{urlencoded: "action=resubscribe", multipartType: multipartBody} {
		s := newSite(t)
		s.people.unsubscribed["contact-1"] = true
		for range 2 {
			resp, page := s.do(http.MethodPost, s.link, contentType, body)
			assert.Equal(t, http.StatusOK, resp.StatusCode)
			assert.Contains(t, page, isSubscribed)
			assert.False(t, s.people.unsubscribed["contact-1"])
		}
	}
}

func TestPost_RefusesInvalidBodies(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query, contentType, body string
		want                     int
	}{
		"unknown action":        {"", urlencoded, "action=delete", http.StatusBadRequest},
		"malformed form":        {"", urlencoded, "action=%zz", http.StatusBadRequest},
		"malformed query":       {"&a=%zz;b", urlencoded, "action=delete", http.StatusBadRequest},
		"malformed type":        {"", urlencoded + "; charset", "action=resubscribe", http.StatusBadRequest},
		"multipart, cut off":    {"", "multipart/form-data; boundary=b", "--b\r\nContent-Dis", http.StatusBadRequest},
		"multipart, unbounded":  {"", "multipart/form-data", "--b--", http.StatusBadRequest},
		"a large form":          {"", urlencoded, "a=" + strings.Repeat("x", 5000), http.StatusRequestEntityTooLarge},
		"a large file":          {"", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n" + strings.Repeat("x", 5000) + "\r\n--b--\r\n", http.StatusRequestEntityTooLarge},
		"the action in the URL": {"&action=resubscribe", urlencoded, "", http.StatusOK},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.people.unsubscribed["contact-1"] = true
			resp, page := s.do(http.MethodPost, s.link+tt.query, tt.contentType, tt.body)
			assert.Equal(t, tt.want, resp.StatusCode)
			assert.Contains(t, page, "<h1>Email preferences</h1>")
			assert.True(t, s.people.unsubscribed["contact-1"])
			assert.Equal(t, tt.want == http.StatusOK, s.people.changes > 0)
		})
	}
}

func TestHandler_RefusesOtherMethods(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		resp, _ := s.do(method, s.link, "", "")
		assert.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
		assert.Equal(t, "GET, HEAD, POST", resp.Header.Get("Allow"))
	}
	assert.Zero(t, s.people.asked())
}

func TestHandler_ReadsNoContactForForgedLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	before, token, _ := strings.Cut(s.link, "?t=")
	forged := map[string]string{
		"no query":        before,
		"no token":        before + "?t=",
		"of another key":  strings.Replace(linkTo(t, newLinks(t, unsubscribe.LinkOptions{}, key(2)), "contact-1"), "https://example.com/unsubscribe", before, 1),
		"truncated":       s.link[:len(s.link)-1],
		"longer":          s.link + "A",
		"another letter":  before + "?t=" + strings.ToUpper(token),
		"only the id":     before + "?t=contact-1",
		"in another name": before + "?token=" + token,
		"endless":         before + "?t=" + strings.Repeat("A", 5000),
	}
	for name, link := range forged {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			resp, page := s.do(method, link, urlencoded, "")
			assert.Equal(t, http.StatusBadRequest, resp.StatusCode, name)
			assert.Contains(t, page, "This link is incomplete or damaged.", name)
			assert.NotContains(t, page, "<form", name)
		}
	}
	assert.Zero(t, s.people.asked())
	assert.Empty(t, s.log.String())
}

func TestHandler_AcceptsOldKeysUntilTheyAreRemoved(t *testing.T) {
	t.Parallel()
	old := linkTo(t, newLinks(t, unsubscribe.LinkOptions{}, key(1)), "contact-1")
	for name, tt := range map[string]struct {
		keys [][]byte
		want int
	}{
		"rotated": {[][]byte{key(2), key(1)}, http.StatusOK},
		"removed": {[][]byte{key(2)}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.keys...)
			link := strings.Replace(old, "https://example.com", s.server.URL+"/mail", 1)
			resp, _ := s.do(http.MethodPost, link, urlencoded, "List-Unsubscribe=One-Click")
			assert.Equal(t, tt.want, resp.StatusCode)
			assert.Equal(t, tt.want == http.StatusOK, s.people.unsubscribed["contact-1"])
			assert.NotEqual(t, link, s.link, "the new key signs")
		})
	}
}

func TestHandler_LinksExpire(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	now := clock.NewMock()
	now.Set(time.Date(2026, 3, 1, 9, 0, 0, 999e6, time.UTC))
	s.links = newLinks(t, unsubscribe.LinkOptions{Lifetime: time.Hour, Clock: now}, key(1))
	h := s.handler(unsubscribe.Options{})
	link := linkTo(t, s.links, "contact-1")
	get := func(link string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, link, nil))
		return w.Code
	}
	now.Add(time.Hour - time.Second)
	assert.Equal(t, http.StatusOK, get(link))
	now.Add(time.Second)
	assert.Equal(t, http.StatusGone, get(link))
	assert.Equal(t, 1, s.people.asked())
	assert.Equal(t, http.StatusOK, get(linkTo(t, s.links, "contact-1")), "a new link works")
	assert.Equal(t, http.StatusOK, get(s.link), "a link without expiry works")
}

func TestHandler_ADeletedContactGetsNoMoreEmail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	link := linkTo(t, s.links, "deleted")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		resp, page := s.do(method, link, urlencoded, "")
		assert.Equal(t, http.StatusOK, resp.StatusCode)
		assert.Contains(t, page, "This address gets no more emails.")
		assert.NotContains(t, page, "<form")
	}
	assert.Empty(t, s.log.String())
}

func TestHandler_ReportsWhenContactsCannotBeReached(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"down": errors.New("dial tcp: secret-host"), "conflict": automation.ErrConflict} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				s.people.err = err
				resp, page := s.do(method, s.link, urlencoded, "")
				assert.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
				assert.Contains(t, page, "nothing was changed")
				assert.NotContains(t, page, err.Error())
				assert.Contains(t, s.log.String(), err.Error())
				_, token, _ := strings.Cut(s.link, "?t=")
				assert.NotContains(t, s.log.String(), token)
			})
		}
	}
}

func TestPost_CountsIfTheClientIsGone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.handler(unsubscribe.Options{}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, s.link, nil))
	assert.True(t, s.people.unsubscribed["contact-1"])
}

// deaf is a client that does not read the answer.
type deaf struct{ http.ResponseWriter }

func (deaf) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestHandler_LogsAnswersThatDidNotArrive(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var log bytes.Buffer
	h := s.handler(unsubscribe.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	h.ServeHTTP(deaf{httptest.NewRecorder()}, httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.link, nil))
	assert.Contains(t, log.String(), "broken pipe")
}

func TestHandler_WorksUnderEveryPath(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	u, err := url.Parse(s.link)
	require.NoError(t, err)
	for _, path := range []string{"/", "/a/b/c", "/%2F", ""} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.URL = &url.URL{Path: path, RawQuery: "utm_source=mail&" + u.RawQuery}
		w := httptest.NewRecorder()
		s.handler(unsubscribe.Options{}).ServeHTTP(w, r)
		assert.Equal(t, http.StatusOK, w.Code, path)
	}
}

func TestHandler_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	h := s.handler(unsubscribe.Options{})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			method := []string{http.MethodGet, http.MethodPost}[i%2]
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, linkTo(t, s.links, "contact-1"), nil))
			assert.Equal(t, http.StatusOK, w.Code)
		})
	}
	wg.Wait()
}
