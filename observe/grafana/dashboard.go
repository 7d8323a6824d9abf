package grafana

import (
	_ "embed"
	"encoding/json"
	"strings"
)

//go:embed automation.json
var source []byte

// Dashboard is what a picture needs of automation.json.
type Dashboard struct {
	Title  string  `json:"title"`
	Panels []Panel `json:"panels"`
}

// Panel is one panel, or the heading of a row.
type Panel struct {
	Type        string `json:"type"` // row, stat or timeseries
	Title       string `json:"title"`
	Description string `json:"description"`
	GridPos     struct {
		X, Y, W, H int
	} `json:"gridPos"`
	FieldConfig struct {
		Defaults struct {
			Unit   string `json:"unit"`
			Custom struct {
				Stacking struct {
					Mode string `json:"mode"` // none or normal
				} `json:"stacking"`
			} `json:"custom"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Targets []Target `json:"targets"`
}

// Target is one query of a panel.
type Target struct {
	Expr         string `json:"expr"`
	LegendFormat string `json:"legendFormat"`
}

// Load returns the dashboard.
func Load() (Dashboard, error) {
	var d Dashboard
	err := json.Unmarshal(source, &d)
	return d, err
}

// variables are the values that Grafana puts for the variables of an expression if
// everything is selected and Prometheus scrapes every 15 seconds.
var variables = strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$automation", ".*")

// Query returns the expression with values for its variables.
func (t Target) Query() string { return variables.Replace(t.Expr) }
