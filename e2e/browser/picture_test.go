package browser_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

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
