package browser_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestPictures makes the pictures of the documentation, in the folder DASHBOARD_SHOTS.
func TestPictures(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.populate()
	b := newTab(t, s)
	b.resize(1280, 1000)
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		b.open("/a/welcome")
		b.see(".automation-diagram")
		ctx, cancel := context.WithTimeout(b.ctx, patience)
		image, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		cancel()
		require.NoError(t, err)
		require.NotEmpty(t, image)
		if folder := os.Getenv("DASHBOARD_SHOTS"); folder != "" {
			require.NoError(t, os.WriteFile(filepath.Join(folder, "dashboard-"+theme+".png"), image, 0o600))
		}
	}
}

// picture keeps a picture of the page in the folder DASHBOARD_PICTURES, if it is set, for
// people to look at.
func (b *tab) picture(path, look string) {
	b.t.Helper()
	folder := os.Getenv("DASHBOARD_PICTURES")
	if folder == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	image, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	name := strings.NewReplacer("/", "_", "?", "-", "&", "-", "=", "-", "%", "").Replace(strings.Trim(path, "/"))
	if name == "" {
		name = "index"
	}
	require.NoError(b.t, os.WriteFile(filepath.Join(folder, name+"-"+look+".png"), image, 0o600))
}
