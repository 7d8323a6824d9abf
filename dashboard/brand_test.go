package dashboard_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestBrand_IsOnThePages(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{
		Title: "Acme", Accent: dashboard.Accent{Light: "#7a1fa2"}, LogoSVG: `<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>`,
		Links: []dashboard.Link{{Text: "Back office", URL: "https://admin.acme.example"}},
	})
	page := s.get("/").Body.String()
	assert.Contains(t, page, ">Acme</a>")
	assert.Contains(t, page, `<a class="host" href="https://admin.acme.example">Back office</a>`)
	for file, content := range map[string]string{"app.css": "--accent:#7a1fa2", "logo.svg": `<path d="M0 0"/>`} {
		link := regexp.MustCompile(`\./(assets/\w+/` + file + `)`).FindStringSubmatch(page)
		require.NotNil(t, link, file)
		answer := s.get("/" + link[1])
		assert.Contains(t, answer.Body.String(), content)
		assert.Contains(t, answer.Header().Get("Cache-Control"), "immutable")
	}
}

func TestNew_RefusesABrandThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for _, c := range []struct {
		opts dashboard.Options
		want string
	}{
		{dashboard.Options{Accent: dashboard.Accent{Light: "#ffcc00"}}, "Accent.Light: #ffcc00 has a contrast of 1.5 on #ffffff"},
		{dashboard.Options{Accent: dashboard.Accent{Dark: "#222831"}}, "Accent.Dark: #222831 has a contrast of"},
		{dashboard.Options{Accent: dashboard.Accent{Light: "red"}}, `Accent.Light: "red" is not a colour`},
		{dashboard.Options{LogoSVG: "<html></html>"}, "LogoSVG: is a document of <html>"},
		{dashboard.Options{LogoSVG: "<svg>"}, "LogoSVG: is not XML"},
	} {
		c.opts.AuthenticatedByHost = true
		_, err := dashboard.New(w.Runner, c.opts)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestAssets_AreSmall(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	total := 0
	for _, file := range dashboard.AssetNames() {
		answer := s.getWith("/assets/x/"+file, "Accept-Encoding", "gzip")
		require.Equal(t, http.StatusOK, answer.Code, file)
		total += answer.Body.Len()
	}
	t.Logf("%d bytes compressed", total)
	assert.Less(t, total, 32<<10, "bytes of all assets, compressed: see docs/dashboard.md")
}

// An error in a browser names a line, which is the line in the repository.
func TestAssets_AreServedWithoutCommentsAndIndentationUnderTheSameLines(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("assets/draft.js")
	require.NoError(t, err)
	want := strings.Split(string(source), "\n")
	got := strings.Split(newSite(t, dashboard.Options{}).get("/assets/x/draft.js").Body.String(), "\n")
	require.Len(t, got, len(want))
	for i, line := range want {
		if line = strings.TrimLeft(line, " "); strings.HasPrefix(line, "//") {
			line = ""
		}
		assert.Equal(t, line, got[i], "line %d", i+1)
	}
}

// The vendored file is the published one, byte for byte: lit-html 3.3.3.
func TestAssets_HaveThePublishedLitHTML(t *testing.T) {
	t.Parallel()
	body := newSite(t, dashboard.Options{}).get("/assets/x/lit-html.js").Body.Bytes()
	assert.Equal(t, "b878e7f95dec8a9b6e9b217faca6b6a11bad82ebc44c0caa77419ed83edd81f2", fmt.Sprintf("%x", sha256.Sum256(body)))
}
